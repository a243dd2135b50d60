"""The curves of a trajectory, frame by frame, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from seicampaign.analysis.frame import classify
from seicampaign.analysis.quantities import frame_curves
from seicampaign.analysis.running import Running
from seicampaign.analysis.thresholds import Thresholds
from seicampaign.errors import AnalysisError

BLOCK = 50
"""Frames read at once: those of one chunk row of the store, 38 MB for 31,824 atoms."""


class Frames(Protocol):
    """What the analysis asks of a trajectory.

    `positions` is sliced by frames and gives (n, atoms, 3) in Angstrom; `cells` (frames, 3, 3),
    `steps` and `times` (ps) have an entry per frame, `numbers` one per atom.
    """

    @property
    def numbers(self) -> Any:
        """(N,) atomic numbers."""

    @property
    def steps(self) -> Any:
        """(F,) MD steps."""

    @property
    def times(self) -> Any:
        """(F,) ps."""

    @property
    def cells(self) -> Any:
        """(F, 3, 3) cell vectors as rows, Angstrom."""

    @property
    def positions(self) -> Any:
        """Sliced by frames: (n, N, 3) Angstrom."""


class CurveRow(NamedTuple):
    """The point that one frame adds to every curve."""

    frame: int
    step: int
    time: float
    values: dict[str, float]


def analyse(
    trajectory: Frames,
    first: int = 0,
    last: int | None = None,
    thresholds: Thresholds | None = None,
    running: Running | None = None,
) -> Iterator[CurveRow]:
    """Classify the frames `first` <= i < `last` of a trajectory, and yield a row for each.

    Starting from the frame after the last one stored brings curves up to date; nothing before
    `first` is read but its time.

    Parameters
    ----------
    running
        What the frames before `first` have left behind, which adds `RUNNING_CURVES` to every row.
        Keep it with the rows, to go on from there.

    Raises
    ------
    AnalysisError
        If a frame cannot be classified (its number is in the message), or time or step does
        not increase.
    """
    steps, times = np.asarray(trajectory.steps), np.asarray(trajectory.times)
    numbers = np.asarray(trajectory.numbers)
    last = len(steps) if last is None else min(last, len(steps))
    _require_forward(steps, times, max(first - 1, 0), last)
    for block in range(first // BLOCK * BLOCK, last, BLOCK):
        start, stop = max(first, block), min(block + BLOCK, last)
        positions = trajectory.positions[start:stop]
        cells = trajectory.cells[start:stop]
        for n in range(stop - start):
            try:
                found = classify(positions[n], cells[n], numbers, thresholds)
            except AnalysisError as error:
                raise type(error)(f"Frame {start + n}: {error}") from error
            row = start + n
            values = frame_curves(found)
            if running is not None:
                values |= running.update(float(times[row]), found)
            yield CurveRow(row, int(steps[row]), float(times[row]), values)


def _require_forward(steps: np.ndarray, times: np.ndarray, first: int, last: int) -> None:
    for name, values in (("step", steps), ("time", times)):
        back = np.flatnonzero(np.diff(values[first:last]) <= 0)
        if len(back):
            frame = first + int(back[0]) + 1
            raise AnalysisError(
                f"The {name} of frame {frame} ({values[frame]}) does not come after that of the "
                f"frame before ({values[frame - 1]}): two runs were joined into one trajectory. "
                "Truncate it to the last frame that belongs."
            )
