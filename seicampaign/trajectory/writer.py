"""Writing a trajectory: frames are appended, and count once they are committed.

The commit record is written last and in one step. Until then the old record holds, and all it
needs stays readable: full chunk rows go to keys that it does not know, and before the last,
partial row is replaced by a longer one, the page of checksums lists what either may have. So a
crash at any point loses uncommitted frames and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from zarr.abc.store import Store

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import garbage, keys
from seicampaign.trajectory.checked import CheckedStore, StagingStore
from seicampaign.trajectory.checksums import Checksums
from seicampaign.trajectory.commits import Commit, Root
from seicampaign.trajectory.frames import (
    check_order,
    checked_cell,
    checked_numbers,
    quantised,
)
from seicampaign.trajectory.layout import (
    EDGES,
    FRAME_ARRAYS,
    POSITION,
    STEP,
    TIME,
    Layout,
    check_chunk,
    create_arrays,
    encoded,
    open_array,
)
from seicampaign.trajectory.lease import Lease

CHUNK = (50, 2048)


class TrajectoryWriter:
    """The one writer of a trajectory; `create` or `open` it.

    In a ``with`` block, leaving it commits, and leaving it by an exception does not.
    """

    def __init__(
        self, store: Store, root: Root, lease: Lease, on_commit: Callable[[Root], None] | None
    ) -> None:
        self._store = store
        self._lease = lease
        self._on_commit = on_commit
        self._staging = StagingStore(store)
        self._load(root)

    @classmethod
    def create(
        cls,
        store: Store,
        numbers: ArrayLike,
        *,
        precision: float = 1e-3,
        chunk: tuple[int, int] = CHUNK,
        metadata: Mapping[str, Any] | None = None,
        on_commit: Callable[[Root], None] | None = None,
    ) -> TrajectoryWriter:
        """Begin a trajectory.

        Parameters
        ----------
        store
            Any Zarr store, for this trajectory alone.
        numbers
            Atomic numbers, shape (n_atoms,).
        precision
            Angstrom per stored integer; positions are off by half of it at most.
        chunk
            Frames and atoms of one chunk.
        metadata
            JSON values to keep with it.
        on_commit
            Called after every commit.

        Raises
        ------
        TrajectoryError
            If there is one already, another process writes it, or an argument cannot be used.
        """
        species = checked_numbers(numbers)
        layout = _layout(len(species), precision, chunk)
        lease = Lease.take(store)
        try:
            if Root.find(store) is not None:
                raise TrajectoryError(f"{store} holds a trajectory already: open it, or delete it.")
            for leftover in ("particles", "h5md", "checksums"):
                keys.delete_tree(store, leftover)
            staging = StagingStore(store)
            create_arrays(staging, layout, species)
            checksums = Checksums(store, layout)
            checksums.put(staging.take())
            checksums.commit()
            root = Root(layout, dict(metadata or {}), Commit())
            root.save(store)
            return cls(store, root, lease, on_commit)
        except BaseException:
            lease.release()
            raise

    @classmethod
    def open(
        cls, store: Store, *, on_commit: Callable[[Root], None] | None = None
    ) -> TrajectoryWriter:
        """Continue a trajectory after its last committed frame.

        Raises
        ------
        TrajectoryError
            If there is none, another process writes it, or its last chunks are torn or missing.
        """
        lease = Lease.take(store)
        try:
            return cls(store, Root.load(store), lease, on_commit)
        except BaseException:
            lease.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    @property
    def n_frames(self) -> int:
        """Frames appended, committed or not."""
        return self._start + self._filled

    @property
    def n_atoms(self) -> int:
        """Atoms in every frame."""
        return self._root.layout.n_atoms

    @property
    def last_step(self) -> int | None:
        """MD step of the last frame appended, None without frames."""
        return self._steps[-1] if self._steps else self._root.commit.last_step

    @property
    def committed(self) -> Commit:
        """The last commit."""
        return self._root.commit

    def append(self, step: int, time: float, positions: ArrayLike, cell: ArrayLike) -> None:
        """Append a frame.

        Parameters
        ----------
        step, time
            MD step and ps, later than those of the last frame.
        positions
            Angstrom, unwrapped, from the cell's origin, shape (n_atoms, 3).
        cell
            Cell vectors as rows, Angstrom, shape (3, 3).

        Raises
        ------
        TrajectoryError
            If a value is not finite or too large, a shape is wrong, or step or time not later.
        """
        last_time = self._times[-1] if self._times else self.committed.last_time
        check_order(step, time, self.last_step, last_time)
        layout, matrix = self._root.layout, checked_cell(step, cell)
        values = quantised(step, positions, layout.n_atoms, layout.precision)
        if self._filled == len(self._buffer):
            self._flush_row()
        self._buffer[self._filled] = values
        self._filled += 1
        self._steps.append(int(step))
        self._times.append(float(time))
        # Lists, not small arrays: those would lie between the large ones and scatter the heap.
        self._cells.append(matrix.tolist())
        self._lease.renew()

    def commit(self) -> None:
        """Make all frames appended so far count, whatever happens next.

        Raises
        ------
        TrajectoryError
            If another process has taken over the trajectory.
        """
        frames = self.n_frames
        if frames == self._root.commit.frames:
            return
        if self._filled:
            self._flush_row()
        self._lease.check()
        self._put_axes(frames)
        self._checksums.commit()
        last = Commit(frames, self._steps[-1], self._times[-1], self.committed.generation + 1)
        self._lease.check()
        self._save(last)
        self._forget_axes(frames)

    def truncate(self, step: int) -> None:
        """Drop all frames after a step, from the store too. What is left is committed."""
        self.commit()
        stored = open_array(self._checked(), STEP)[: self.committed.frames]
        frames = int(np.searchsorted(np.asarray(stored), step, side="right"))
        if frames == self.committed.frames:
            return
        self._lease.check()
        last = Commit(generation=self.committed.generation + 1)
        if frames:
            times = open_array(self._checked(), TIME)
            last = replace(
                last,
                frames=frames,
                last_step=int(np.asarray(stored)[frames - 1]),
                last_time=float(np.asarray(times[frames - 1])),
            )
        self._save(last)
        self._load(self._root)

    def close(self) -> None:
        """Let others write. Frames that were not committed are dropped."""
        self._lease.release()

    def _load(self, root: Root) -> None:
        """Take up the state of a commit, and delete what was written after it."""
        self._root = root
        layout, frames = root.layout, root.commit.frames
        garbage.clean(self._store, layout, frames)
        self._checksums = Checksums(self._store, layout)
        checked = self._checked()
        self._arrays = {name: open_array(self._staging, name, "r+") for name in FRAME_ARRAYS}
        for array in self._arrays.values():
            if array.shape[0] != frames:
                array.resize((frames, *array.shape[1:]))
        self._start = frames - frames % layout.chunk[0]
        self._filled = frames - self._start
        self._buffer = np.empty((layout.chunk[0], layout.n_atoms, 3), np.int32)
        # A partial row is written again when it grows, and so are its page's steps and cells.
        self._page_start = frames - frames % layout.page_frames
        starts = dict.fromkeys((STEP, TIME, EDGES), self._page_start) | {POSITION: self._start}
        kept = {
            name: np.asarray(open_array(checked, name)[start:frames])
            for name, start in starts.items()
        }
        self._buffer[: self._filled] = kept[POSITION]
        self._steps: list[int] = kept[STEP].tolist()
        self._times: list[float] = kept[TIME].tolist()
        self._cells: list[list[list[float]]] = kept[EDGES].tolist()

    def _checked(self) -> CheckedStore:
        return CheckedStore(self._store, self._root.layout)

    def _flush_row(self) -> None:
        """Write the row in the buffer; it stays there until it is full."""
        self._lease.check()
        layout, stop = self._root.layout, self._start + self._filled
        self._arrays[POSITION].resize((stop, layout.n_atoms, 3))
        frames, atoms = layout.chunk
        written = self._buffer[: self._filled]
        self._checksums.put(
            {
                f"{POSITION}/c/{self._start // frames}/{column}/0": encoded(
                    written[:, column * atoms : (column + 1) * atoms], layout
                )
                for column in range(layout.columns)
            }
        )
        if self._filled == len(self._buffer):
            self._start, self._filled = stop, 0

    def _put_axes(self, frames: int) -> None:
        columns: dict[str, Any] = {STEP: self._steps, TIME: self._times, EDGES: self._cells}
        for name, values in columns.items():
            array = self._arrays[name]
            array.resize((frames, *array.shape[1:]))
            array[self._page_start : frames] = np.asarray(values, dtype=array.dtype)
        self._checksums.put(self._staging.take())

    def _save(self, commit: Commit) -> None:
        self._root = replace(self._root, commit=commit)
        self._root.save(self._store)
        if self._on_commit is not None:
            self._on_commit(self._root)

    def _forget_axes(self, frames: int) -> None:
        """Keep the steps, times and cells of the page that goes on growing."""
        start = frames - frames % self._root.layout.page_frames
        drop = start - self._page_start
        for column in (self._steps, self._times, self._cells):
            del column[:drop]
        self._page_start = start


def _layout(n_atoms: int, precision: float, chunk: tuple[int, int]) -> Layout:
    if not (np.isfinite(precision) and precision > 0):
        raise TrajectoryError(f"The precision must be a positive length in Angstrom: {precision}.")
    return Layout(n_atoms, float(precision), check_chunk(chunk))
