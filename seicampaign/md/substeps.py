"""A run with a fraction of its timestep, seen from outside as if nothing had changed.

What is stored counts in steps of the simulation's own timestep, whatever LAMMPS ran with: times,
intervals and the planned length keep their meaning when a run that broke goes on more finely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seicampaign.md.dump import Frame
from seicampaign.md.inputs import SegmentInput
from seicampaign.md.segment import Batch, SegmentResult


def finer(segment: SegmentInput, substeps: int, first_step: int) -> SegmentInput:
    """The segment with each step cut into `substeps` steps of LAMMPS."""
    md = segment.parameters
    return replace(
        segment,
        parameters=md.model_copy(update={"timestep": md.timestep / substeps}),
        target_step=segment.target_step * substeps,
        frame_interval=segment.frame_interval * substeps,
        thermo_interval=segment.thermo_interval * substeps,
        restart_interval=segment.restart_interval * substeps,
        first_step=first_step * substeps,
    )


def coarser(batch: Batch, substeps: int) -> Batch:
    """What such a run wrote, in whole steps; what lies between them has the step before."""
    if substeps == 1:
        return batch
    restart = batch.restart
    return replace(
        batch,
        frames=_frames(batch.frames, substeps),
        thermo=_rows(batch.thermo, substeps),
        restart=None if restart is None else (restart[0] // substeps, restart[1]),
        grades=_rows(batch.grades, substeps),
        selected=_frames(batch.selected, substeps),
    )


def coarser_result(result: SegmentResult, substeps: int) -> SegmentResult:
    """The same of its end."""
    found = result.extrapolation
    if found is not None:
        found = replace(found, step=found.step // substeps)
    return replace(result, last_step=result.last_step // substeps, extrapolation=found)


def _frames(frames: Sequence[Frame], substeps: int) -> list[Frame]:
    return [replace(frame, step=frame.step // substeps) for frame in frames]


def _rows(rows: NDArray[np.float64], substeps: int) -> NDArray[np.float64]:
    rows = rows.copy()
    rows[:, 0] //= substeps
    return rows
