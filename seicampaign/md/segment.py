"""Runs one segment: LAMMPS in a directory, its frames handed on while it runs."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import EngineError, SimulationError, full_disk
from seicampaign.md.dump import DumpStream, Frame
from seicampaign.md.engine import lammps_call
from seicampaign.md.grade import GRADES, SELECTED, Extrapolation, find_break, read_selected
from seicampaign.md.inputs import (
    DUMP,
    END,
    INPUT,
    LOG,
    RESTART,
    STOP,
    THERMO,
    THERMO_COLUMNS,
    PairPotential,
    SegmentInput,
)
from seicampaign.mtp.plugin import lammps_program

POLL_SECONDS = 0.2
LOG_TAIL_LINES = 25
SCREEN = "screen"
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_NO_STYLE = re.compile(r"Unrecognized pair style '([^']+)'(?: is part of the (\S+) package)?")
_ERROR = re.compile(r"^ERROR.*$", re.MULTILINE)


@dataclass(frozen=True)
class Batch:
    """What arrived since the last batch.

    Attributes
    ----------
    frames
        New frames, in order.
    thermo
        New rows, shape (rows, 1 + len(THERMO_COLUMNS)): step, then those columns.
    restart
        The newest complete restart file and its step, if there is a new one.
    grades
        New rows, shape (rows, 3): step, largest grade, atoms over the select threshold.
    selected
        Configurations over that threshold, with the grade of each atom.
    """

    frames: list[Frame] = field(default_factory=list)
    thermo: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 6)))
    restart: tuple[int, Path] | None = None
    grades: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))
    selected: list[Frame] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.frames or len(self.thermo) or self.restart or len(self.grades) or self.selected
        )


@dataclass(frozen=True)
class SegmentResult:
    """What a finished segment leaves.

    Attributes
    ----------
    last_step
        The step of the restart file.
    restart
        The restart file to continue from.
    seconds
        Wall time of LAMMPS.
    extrapolation
        What ended the run, if an extrapolation grade over the break threshold did.
    """

    last_step: int
    restart: Path
    seconds: float
    extrapolation: Extrapolation | None = None


def run_segment(
    segment: SegmentInput,
    potential: PairPotential,
    directory: Path,
    on_batch: Callable[[Batch], None],
    stop: Callable[[], bool] = lambda: False,
) -> SegmentResult:
    """Run LAMMPS in `directory` and hand on what it writes, while it writes it.

    The directory holds the data file or the restart file that `segment` names. Once `stop`
    gives True the segment ends within a few steps, early and whole: with a restart file and
    every frame. LAMMPS is killed if `on_batch` raises.

    Raises
    ------
    SimulationError
        If LAMMPS ends with an error or its numbers stop being finite; with the tail of its log.
    EngineError
        If there is no LAMMPS to run, or it lacks the potential's pair style.
    """
    _clear(directory)
    script = segment.text(potential)
    (directory / INPUT).write_text(script)
    command, environment = lammps_call(script, INPUT, LOG)
    output = _Output(directory)
    started = time.perf_counter()
    with (directory / SCREEN).open("wb") as screen:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdout=screen,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        while process.poll() is None:
            if stop():
                (directory / STOP).touch()
            if batch := output.poll():
                _check_finite(batch, directory)
                on_batch(batch)
            else:
                with suppress(subprocess.TimeoutExpired):  # its end is noticed at once
                    process.wait(POLL_SECONDS)
        batch = output.poll()
        _check_finite(batch, directory)
        if batch:
            on_batch(batch)
    finally:
        _end(process)
    if process.returncode != 0:
        _require_pair_style(directory)
        raise _failure(directory, f"LAMMPS ended with status {process.returncode}")
    last_step, restart = _end_point(directory)
    log = (directory / LOG).read_text(errors="replace")
    found = find_break(log, segment.grading, output.selected) if segment.grading else None
    return SegmentResult(last_step, restart, time.perf_counter() - started, found)


def _clear(directory: Path) -> None:
    """Remove what an earlier run in the same directory wrote, so that none of it is read again."""
    written = [directory / name for name in (DUMP, THERMO, GRADES, END, LOG, SCREEN, STOP)]
    patterns = (f"{RESTART}.*", f"{SELECTED}.*.bin")
    for path in [*written, *(path for name in patterns for path in directory.glob(name))]:
        path.unlink(missing_ok=True)


class _Rows:
    """Rows of numbers in a text file, read as it grows."""

    def __init__(self, path: Path, columns: int) -> None:
        self.path = path
        self.columns = columns
        self._offset = 0

    def poll(self) -> NDArray[np.float64]:
        """The complete rows that are new, shape (rows, columns)."""
        if not self.path.exists():
            return np.empty((0, self.columns))
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        rows = [line.split() for line in data.splitlines() if not line.startswith(b"#")]
        return np.array(rows, dtype=float).reshape(-1, self.columns)


class _Output:
    """The files LAMMPS writes in a directory, followed as they grow."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.dump = DumpStream(directory / DUMP)
        self.thermo = _Rows(directory / THERMO, 1 + len(THERMO_COLUMNS))
        self.grades = _Rows(directory / GRADES, 3)
        self.last_step = 0
        self.selected: Frame | None = None
        self._restart_step = -1

    def poll(self) -> Batch:
        # The dump is read after the thermo rows: whatever a row announces is then complete.
        thermo, grades = self.thermo.poll(), self.grades.poll()
        if len(thermo):
            self.last_step = int(thermo[-1, 0])
        selected = read_selected(self.directory)
        self.selected = selected[-1] if selected else self.selected
        return Batch(self.dump.poll(), thermo, self._restart(), grades, selected)

    def _restart(self) -> tuple[int, Path] | None:
        """The newest restart file LAMMPS has gone past: an earlier one may be half-written."""
        steps = [
            int(path.suffix[1:])
            for path in self.directory.glob(f"{RESTART}.*")
            if path.suffix[1:].isdigit()
        ]
        complete = [step for step in steps if self._restart_step < step < self.last_step]
        if not complete:
            return None
        for step in steps:
            if step < self._restart_step:  # the last one handed on may not have been read yet
                (self.directory / f"{RESTART}.{step}").unlink()
        self._restart_step = max(complete)
        return self._restart_step, self.directory / f"{RESTART}.{self._restart_step}"


def _check_finite(batch: Batch, directory: Path) -> None:
    if not np.isfinite(batch.thermo).all():
        step = int(batch.thermo[~np.isfinite(batch.thermo).all(axis=1)][0, 0])
        raise _failure(directory, f"The thermodynamic output is not finite at step {step}")


def _end_point(directory: Path) -> tuple[int, Path]:
    restart = directory / f"{RESTART}.end"
    try:
        return int((directory / END).read_text()), restart.resolve(strict=True)
    except (OSError, ValueError):
        raise _failure(directory, "LAMMPS ended early, without an error") from None


def _end_with_parent() -> None:
    """In the child: end when the process that reads our output is killed, however it is."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A queue that ends a job signals every process: LAMMPS waits to be asked by ours, and whole.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End LAMMPS and the MPI ranks it may have, which share its process group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failure(directory: Path, what: str) -> SimulationError:
    tail = log_tail(directory)
    found = _ERROR.search(tail)
    said = f": {found[0].rstrip('. ')}" if found else ""
    return SimulationError(
        f"{what} in {directory}{said}.{full_disk(directory)}\nThe end of its log:\n{tail}"
    )


def _require_pair_style(directory: Path) -> None:
    """Say in our words that LAMMPS lacks a pair style, where that was the error."""
    found = _NO_STYLE.search(log_tail(directory))
    if found is None:
        return
    package = f" It is part of LAMMPS's package {found[2]}." if found[2] else ""
    raise EngineError(
        f"{lammps_program()} has no pair style {found[1]!r}.{package} Name a LAMMPS that was built "
        "with it in SEICAMPAIGN_LAMMPS (and its headers in SEICAMPAIGN_LAMMPS_INCLUDE where our "
        "own pair style is used too), or load it with a `plugin load` line of the potential."
    )


def log_tail(directory: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of LAMMPS's log, and of what it printed beside it."""
    parts = []
    for name in (LOG, SCREEN):
        path = directory / name
        if path.exists():
            parts += path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(parts)
