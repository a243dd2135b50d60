"""What the curves of one simulation say: stages, growth laws, and when the ways were closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from seicampaign.analysis.curves import as_curve, time_to_value
from seicampaign.analysis.growth import MIN_POINTS, Verdict, growth_law
from seicampaign.analysis.stages import (
    MIN_FRAMES,
    StageRules,
    Stages,
    find_stages,
    time_of_closure,
)

PLATEAU_SHARE = 0.85
LAWS_OF = ("reduction_degree", "crystalline_fraction")
_STAGES_OF = (*LAWS_OF, "residual_electrolyte", "residual_metal")


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
        The law of the reduction degree and of the crystalline share, by name, each in the window
        up to 85 % of the highest value.
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
    laws = {name: growth_to_plateau(*curves[name]) for name in LAWS_OF}
    return CurveSummary(
        frames=len(times),
        time=float(times[-1]) if len(times) else 0.0,
        last={name: float(np.asarray(y)[-1]) for name, (_, y) in curves.items() if len(times)},
        stages=find_stages(times, reduced, crystalline, electrolyte, metal, rules)
        if enough
        else None,
        closed_lower=time_of_closure(*curves["way_lower"]) if len(times) else None,
        closed_upper=time_of_closure(*curves["way_upper"]) if len(times) else None,
        growth={name: verdict for name, verdict in laws.items() if verdict is not None},
    )


def growth_to_plateau(times: ArrayLike, values: ArrayLike) -> Verdict | None:
    """`growth_law` up to 85 % of the highest value; None with too few points or no growth."""
    t, y = as_curve(times, values)
    if len(t) < MIN_POINTS or np.ptp(y) <= 0:
        return None
    end = time_to_value(t, y, PLATEAU_SHARE * float(y.max()))
    if end is None or ((t > 0) & (t <= end)).sum() < MIN_POINTS:
        return None
    return growth_law(t, y, end=end)
