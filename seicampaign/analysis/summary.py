"""What the curves of one simulation say: stages, growth laws, and when the ways were closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from seicampaign.analysis.curves import Floats, time_to_value
from seicampaign.analysis.growth import MIN_POINTS, Verdict, growth_law
from seicampaign.analysis.stages import (
    MIN_FRAMES,
    StageRules,
    Stages,
    find_stages,
    time_of_closure,
)

PLATEAU_SHARE = 0.85
_STAGES_OF = ("reduction_degree", "crystalline_fraction", "residual_electrolyte", "residual_metal")

Window = tuple[Floats, Floats]
"""Times in ps from the window's zero, and the values there."""


class CurveSummary(NamedTuple):
    """Of one simulation; None where a curve is too short to say, or it has not come to that.

    Attributes
    ----------
    frames, time
        How many points, and the last time, ps.
    last
        The last value of every curve.
    stages
        As `find_stages` gives them.
    closed_lower, closed_upper
        When the crystal closed each interface to Li for good, ps.
    growth
        The law of the reduction degree in `reduction_window` and of the crystalline share in
        `crystal_window`, by name.
    """

    frames: int
    time: float
    last: dict[str, float]
    stages: Stages | None
    closed_lower: float | None
    closed_upper: float | None
    growth: dict[str, Verdict]


def summarise(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], rules: StageRules | None = None
) -> CurveSummary:
    """Look at the curves of one simulation, (times in ps, values) by name, as stored."""
    times = np.asarray(curves["reduction_degree"][0], np.float64)
    enough = len(times) >= MIN_FRAMES
    reduced, crystalline, electrolyte, metal = (curves[name][1] for name in _STAGES_OF)
    stages = find_stages(times, reduced, crystalline, electrolyte, metal, rules) if enough else None
    laws = {
        "reduction_degree": _law(reduction_window(times, reduced)),
        "crystalline_fraction": _law(crystal_window(times, crystalline, stages)),
    }
    return CurveSummary(
        frames=len(times),
        time=float(times[-1]) if len(times) else 0.0,
        last={name: float(np.asarray(y)[-1]) for name, (_, y) in curves.items() if len(times)},
        stages=stages,
        closed_lower=time_of_closure(*curves["way_lower"]) if len(times) else None,
        closed_upper=time_of_closure(*curves["way_upper"]) if len(times) else None,
        growth={name: verdict for name, verdict in laws.items() if verdict is not None},
    )


def reduction_window(times: ArrayLike, values: ArrayLike) -> Window:
    """Where a law of the reduction degree is judged.

    Up to 85 % of its largest value where it gets there in the first half of the run and so flattens
    out; else all of it.
    """
    t, y = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if not len(t):
        return t, y
    end = time_to_value(t, y, PLATEAU_SHARE * float(np.nanmax(y)))
    if end is None or end >= 0.5 * t[-1]:
        end = t[-1]
    return _cut(t, y, 0.0, end)


def crystal_window(times: ArrayLike, values: ArrayLike, stages: Stages | None) -> Window:
    """Where a law of the crystalline share is judged: from nucleation, its zero of time, to the
    stall or the end."""
    t, y = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if stages is None or stages.nucleation is None:
        return t[:0], y[:0]
    end = t[-1] if stages.stall is None else stages.stall
    return _cut(t, y, stages.nucleation, end)


def _cut(times: Floats, values: Floats, start: float, end: float) -> Window:
    inside = (times > start) & (times <= end) & np.isfinite(values)
    return times[inside] - start, values[inside]


def _law(window: Window) -> Verdict | None:
    times, values = window
    if len(times) < MIN_POINTS or np.ptp(values) <= 0:
        return None
    return growth_law(times, values)
