"""Reading a trajectory: lazily, checked, while it may still be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import Store

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import keys
from seicampaign.trajectory.checked import CheckedStore
from seicampaign.trajectory.checksums import REMEDY
from seicampaign.trajectory.commits import Root
from seicampaign.trajectory.layout import EDGES, POSITION, SPECIES, STEP, TIME, open_array
from seicampaign.trajectory.positions import Positions, read

if TYPE_CHECKING:
    from ase import Atoms


class Trajectory:
    """The committed frames of a trajectory.

    Parameters
    ----------
    store
        Any Zarr store.

    Raises
    ------
    TrajectoryError
        If there is no trajectory or chunks of it are missing. A torn chunk is found when it is
        read, or by `verify`.
    """

    def __init__(self, store: Store) -> None:
        self._root = Root.load(store)
        self._store = CheckedStore(store, self._root.layout)
        self._row: tuple[int, NDArray[np.int32]] | None = None
        self._find_missing()

    def __repr__(self) -> str:
        return f"Trajectory({self.n_frames} frames, {self.n_atoms} atoms)"

    def __len__(self) -> int:
        return self.n_frames

    @property
    def n_frames(self) -> int:
        """Frames committed when it was opened or last refreshed."""
        return self._root.commit.frames

    @property
    def n_atoms(self) -> int:
        """Atoms in every frame."""
        return self._root.layout.n_atoms

    @property
    def precision(self) -> float:
        """Angstrom between two positions that can be told apart; the error is half of it."""
        return self._root.layout.precision

    @property
    def last_step(self) -> int | None:
        """MD step of the last frame, None without frames."""
        return self._root.commit.last_step

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the writer was given to keep."""
        return self._root.metadata

    @cached_property
    def numbers(self) -> NDArray[np.uint8]:
        """Atomic numbers, shape (n_atoms,)."""
        return np.asarray(self._array(SPECIES)[:])

    @property
    def steps(self) -> NDArray[np.int64]:
        """MD steps, shape (n_frames,)."""
        return self._axes[0]

    @property
    def times(self) -> NDArray[np.float64]:
        """ps, shape (n_frames,)."""
        return self._axes[1]

    @property
    def cells(self) -> NDArray[np.float64]:
        """Cell vectors as rows, Angstrom, shape (n_frames, 3, 3)."""
        return self._axes[2]

    @property
    def positions(self) -> Positions:
        """Positions, shape (n_frames, n_atoms, 3), read only where they are sliced."""
        return Positions(self._store, self.n_frames)

    def frame(self, index: int) -> Atoms:
        """One frame, unwrapped; negative indices count from the end."""
        number = range(self.n_frames)[index]
        return next(self.frames(number, number + 1))

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[Atoms]:
        """Frames in order, each chunk decoded once; ``info`` has ``step`` and ``time`` (ps)."""
        from ase import Atoms

        for number, positions in self.arrays(range(self.n_frames)[start:stop:stride]):
            steps, times, cells = self._axes
            info = {"step": int(steps[number]), "time": float(times[number])}
            yield Atoms(self.numbers, positions, cell=cells[number], pbc=True, info=info)

    def arrays(self, frames: Iterable[int]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Positions (n_atoms, 3) of frames by number, each chunk decoded once if in order."""
        for number in frames:
            row, place = divmod(number, self._root.layout.chunk[0])
            yield number, self._decoded(row)[place] * self.precision

    def export(self, path: str | Path, **options: Any) -> int:
        """Write it as extxyz, LAMMPS dump, XTC or H5MD: see `seicampaign.trajectory.export`."""
        from seicampaign.trajectory.export import write

        return write(self, path, **options)

    def refresh(self) -> int:
        """Look for frames committed since; return how many there are now."""
        root = Root.load(self._store._store)
        if root.commit != self._root.commit:
            self._root, self._row = root, None
            self.__dict__.pop("_axes", None)
        return self.n_frames

    def verify(self) -> None:
        """Read every chunk and compare its checksum.

        Raises
        ------
        TrajectoryError
            At the first chunk that is missing or torn.
        """
        self._find_missing()
        self._row = None
        for row in range(self._root.layout.rows(self.n_frames)):
            self._decoded(row)
        self._array(SPECIES)[:]
        for name in (STEP, TIME, EDGES):
            self._array(name)[: self.n_frames]

    @cached_property
    def _axes(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        steps, times, cells = (
            np.asarray(self._array(name)[: self.n_frames]) for name in (STEP, TIME, EDGES)
        )
        return steps, times, cells

    def _array(self, name: str) -> zarr.Array[Any]:
        return open_array(self._store, name)

    def _decoded(self, row: int) -> NDArray[np.int32]:
        """A chunk row as integers; the last one read is kept, as frames are read in order."""
        if self._row is None or self._row[0] != row:
            frames = self._root.layout.chunk[0]
            stop = min((row + 1) * frames, self.n_frames)
            block = np.arange(row * frames, stop), np.arange(self.n_atoms), np.arange(3)
            self._row = (row, read(self._store, *block))
        return self._row[1]

    def _find_missing(self) -> None:
        stored = keys.list_keys(self._store, f"{POSITION}/c/")
        missing = self._root.layout.position_keys(self.n_frames) - set(stored)
        if missing:
            raise TrajectoryError(
                f"{len(missing)} chunks of {self._store._store} are missing, {min(missing)} among "
                f"them. {REMEDY}"
            )
