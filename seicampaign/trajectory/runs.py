"""A run that exists already, in one or several files, as frames that a trajectory can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seicampaign.cells import cell_flip
from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.lammps_dump import is_dump, read_dump
from seicampaign.trajectory.selection import Frame
from seicampaign.trajectory.sources import SourceFrame, read_ase


class RunFrames:
    """The frames of a run, in order, unwrapped; memory does not grow with their number.

    Positions that a file has wrapped are unwrapped from frame to frame: each atom is taken to
    have moved by less than half the cell. Where a file begins, the one before it ends: a run that
    was started again from an earlier step wrote the frames since that step twice.

    Parameters
    ----------
    paths
        LAMMPS text dumps, or files that ASE reads, in the order of time.
    timestep
        fs, for steps without a time.
    elements
        Element of each LAMMPS type.
    interval
        ps between frames, for files that have neither steps nor times.

    Attributes
    ----------
    numbers
        Atomic numbers, shape (n_atoms,), known from the first frame on.
    nearest_image
        Whether positions were unwrapped here.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        timestep: float,
        elements: Sequence[str] = (),
        interval: float | None = None,
    ) -> None:
        self.numbers: NDArray[np.uint8] = np.empty(0, np.uint8)
        self.nearest_image = False
        self._paths = paths
        self._timestep = timestep
        self._elements = elements
        self._interval = interval
        self._last: Frame | None = None
        self._count = 0

    def __iter__(self) -> Iterator[Frame]:
        for path, until in zip(self._paths, self._ends(), strict=True):
            for source in self._read(path):
                step = self._step(source)
                if until is not None and step >= until:
                    break
                time = step * self._timestep / 1000 if source.time is None else source.time
                self._check(source, step, time)
                self._last = Frame(step, time, self._positions(source), source.cell)
                self._count += 1
                yield self._last

    def _read(self, path: Path) -> Iterator[SourceFrame]:
        return read_dump(path, self._elements) if is_dump(path) else read_ase(path)

    def _ends(self) -> list[int | None]:
        """The step at which each file gives way to the next, known before any frame is used."""
        if len(self._paths) == 1:
            return [None]
        starts = [self._first_step(path) for path in self._paths]
        for path, start, until in zip(self._paths, starts, starts[1:], strict=False):
            if start is not None and until is not None and start >= until:
                raise TrajectoryError(
                    f"{path} begins at step {start}, and the next file at step {until}: give the "
                    "files of a run in the order of time (`ls -v` sorts by the numbers in their "
                    "names)."
                )
        return [*starts[1:], None]

    def _first_step(self, path: Path) -> int | None:
        """Where a file begins, None where it does not say."""
        first = next(self._read(path), None)
        if first is None or (first.step is None and first.time is None):
            return None
        return self._step(first)

    def since(self, start: int) -> Iterator[Frame]:
        """The frames from a step on, which becomes step 0 at 0 ps, whatever time a file gave it."""
        zero = None
        for frame in self:
            if frame.step >= start:
                step = frame.step - start
                if zero is None:
                    zero = frame.time - step * self._timestep / 1000
                yield frame._replace(step=step, time=frame.time - zero)

    def _step(self, source: SourceFrame) -> int:
        if source.step is not None:
            return source.step
        ps = source.time
        if ps is None:
            if self._interval is None:
                raise TrajectoryError(
                    f"{source.where} has neither step nor time: say how many ps lie between "
                    "frames (--interval)."
                )
            ps = self._count * self._interval
        return round(1000 * ps / self._timestep)

    def _check(self, source: SourceFrame, step: int, time: float) -> None:
        where, last = source.where, self._last
        if not np.isfinite(time):
            raise TrajectoryError(f"The time of {where} is {time}.")
        if last is None:
            self.numbers = source.numbers
            return
        if step <= last.step:
            raise TrajectoryError(
                f"{where} goes back in time: step {step} after step {last.step}. A file holds one "
                "run; cut it there, and give both parts in the order of time."
            )
        if time <= last.time:
            raise TrajectoryError(f"{where} goes back in time: {time} ps after {last.time} ps.")
        if self._count == 1 and source.step is not None:
            self._check_timestep(where, 1000 * (time - last.time) / (step - last.step))
        if len(source.numbers) != len(self.numbers):
            raise TrajectoryError(
                f"{where} has {len(source.numbers)} atoms, and {len(self.numbers)} before it."
            )
        if not np.array_equal(source.numbers, self.numbers):
            atom = int(np.argmax(source.numbers != self.numbers))
            raise TrajectoryError(
                f"{where} has other elements than the frames before it, at atom {atom} first: "
                "atoms keep their elements and their order."
            )

    def _check_timestep(self, where: str, found: float) -> None:
        if abs(found - self._timestep) > 0.01 * self._timestep:
            raise TrajectoryError(
                f"By their steps and times {where} and the one before it were made with a timestep "
                f"of {found:.4g} fs, and it is said to be {self._timestep:g}."
            )

    def _positions(self, source: SourceFrame) -> NDArray[np.float64]:
        # Once in a run: what a later file has unwrapped goes on from elsewhere.
        self.nearest_image |= not source.unwrapped
        if not self.nearest_image or self._last is None:
            return source.positions
        return nearest(source.positions, source.cell, self._last)


def nearest(
    positions: NDArray[np.float64], cell: NDArray[np.float64], last: Frame
) -> NDArray[np.float64]:
    """The images of positions that are nearest to a frame before, in parts of either's cell."""
    before = cell_flip(cell, last.cell) @ last.cell
    moved = positions @ np.linalg.inv(cell) - last.positions @ np.linalg.inv(before)
    return positions - np.rint(moved) @ cell
