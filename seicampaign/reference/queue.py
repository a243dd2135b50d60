"""A folder of structures to label, worked off by any number of processes.

One file per structure in ``todo/``, one per label in ``done/``, one per refusal in ``failed/``.
A worker claims a structure with a file lock, which the kernel lets go when the worker dies, and
renames its finished label into place: killing a worker at any moment loses its current label only.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ase.io
from ase import Atoms

from seicampaign.errors import LabelError

Labeller = Callable[[Atoms, Path], Atoms]


class LabelQueue:
    """A resumable queue of structures in a folder.

    Parameters
    ----------
    folder
        Made if it does not exist. Names sort into the order of work, so a name that begins
        with a low number goes first.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        for name in ("todo", "done", "failed", "locks", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, name: str, atoms: Atoms) -> bool:
        """Queue a structure under a name; False if that name is queued or labelled already."""
        file = f"{name}.xyz"
        if any((self.folder / place / file).exists() for place in ("todo", "done")):
            return False
        _write(self.folder / "todo" / file, atoms)
        return True

    def pending(self) -> list[str]:
        """Names without a label or a refusal, in the order of work."""
        finished = {p.stem for p in self._files("done") + self._files("failed", ".txt")}
        return [p.stem for p in self._files("todo") if p.stem not in finished]

    def labels(self) -> list[Atoms]:
        """All labelled configurations, in the order of their names."""
        return [ase.io.read(path, format="extxyz") for path in self._files("done")]

    def failures(self) -> dict[str, str]:
        """Name and reason of every structure that was refused."""
        return {p.stem: p.read_text() for p in self._files("failed", ".txt")}

    def work(self, labeller: Labeller, *, max_load: float | None = None) -> Iterator[str]:
        """Label what is pending until nothing is left, yielding each name when it is finished.

        Parameters
        ----------
        labeller
            Called with the atoms and the path of a log. A LabelError is recorded as the reason
            of a refusal; anything else ends the work.
        max_load
            Wait before a structure while the machine's load average is above this.
        """
        while name := self._next(labeller, max_load):
            yield name

    def _next(self, labeller: Labeller, max_load: float | None) -> str | None:
        while max_load is not None and os.getloadavg()[0] > max_load:
            time.sleep(10.0)
        for name in self.pending():
            with self._claim(name) as mine:
                if mine and name in self.pending():
                    self._label(name, labeller)
                    return name
        return None

    def _label(self, name: str, labeller: Labeller) -> None:
        atoms = ase.io.read(self.folder / "todo" / f"{name}.xyz", format="extxyz")
        start = time.monotonic()
        try:
            labelled = labeller(atoms, self.folder / "logs" / f"{name}.txt")
        except LabelError as error:
            (self.folder / "failed" / f"{name}.txt").write_text(str(error))
            return
        labelled.info["seconds"] = round(time.monotonic() - start, 1)
        _write(self.folder / "done" / f"{name}.xyz", labelled)

    def _files(self, place: str, suffix: str = ".xyz") -> list[Path]:
        return sorted(p for p in (self.folder / place).iterdir() if p.suffix == suffix)

    @contextmanager
    def _claim(self, name: str) -> Iterator[bool]:
        with (self.folder / "locks" / name).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def _write(path: Path, atoms: Atoms) -> None:
    partial = path.with_suffix(f".partial{os.getpid()}")
    ase.io.write(partial, atoms, format="extxyz")
    partial.replace(path)
