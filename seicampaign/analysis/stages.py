"""The four stages of the paper, found by stated rules, and a stall told from depletion.

(1) an amorphous layer grows, until nucleation; (2) nuclei grow, until the amorphous share is
largest; (3) they coalesce and take up the amorphous layer, until nothing changes; (4) a stall.
A stall and a box that has run out of electrolyte or metal look alike in the crystalline curve.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from seicampaign.errors import AnalysisError

Floats = NDArray[np.float64]
Reason = Literal["electrolyte", "metal", "neither"]
MIN_FRAMES = 10


class StageRules(BaseModel):
    """The rules; shares are of formula units, as the curves are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smoothing: float = Field(0.02, ge=0, lt=0.5, description="Running mean, share of the frames")
    nucleus: float = Field(0.01, gt=0, description="Crystalline share that counts as nucleation")
    fall: float = Field(0.05, gt=0, description="Fall of the amorphous share that makes a maximum")
    still: float = Field(0.02, gt=0, description="Change of the crystalline share in a stall")
    still_part: float = Field(0.08, gt=0, description="The same, as a part of the last share")
    still_for: float = Field(0.2, gt=0, lt=1, description="Length of a stall, share of the run")
    depleted: float = Field(0.02, ge=0, description="Residual share that counts as none")


class Stages(NamedTuple):
    """Where one stage ends and the next begins (ps); None where it has not come to that.

    `stalled_for` says what has run out when the stall begins: a stall with "neither" is one of
    kinetics.
    """

    nucleation: float | None
    amorphous_maximum: float | None
    stall: float | None
    stalled_for: Reason | None
    electrolyte_depleted: float | None
    metal_depleted: float | None


def find_stages(
    times: ArrayLike,
    reduced: ArrayLike,
    crystalline: ArrayLike,
    residual_electrolyte: ArrayLike,
    residual_metal: ArrayLike,
    rules: StageRules | None = None,
) -> Stages:
    """Apply the rules to the curves of one simulation, all (F,) and at the same times (ps).

    Nucleation: the crystalline share reaches `nucleus` and never falls under half of it again.
    Amorphous maximum: the largest amorphous share, if it falls by `fall` afterwards. Stall: from
    then on the crystalline share stays within `still` of its last value, and within `still_part`
    of that value, for `still_for` of the run at least (what grows as the square root of time
    changes by a tenth in the last fifth). Depletion: the residual share is under `depleted`
    from then on.
    """
    rules = rules or StageRules()
    columns = (times, reduced, crystalline, residual_electrolyte, residual_metal)
    t, alpha, crystal, electrolyte, metal = (np.asarray(c, np.float64) for c in columns)
    if len({len(c) for c in (t, alpha, crystal, electrolyte, metal)}) > 1 or len(t) < MIN_FRAMES:
        raise AnalysisError(
            f"Stages need five curves over the same {MIN_FRAMES} frames or more, not "
            f"{[len(c) for c in (t, alpha, crystal, electrolyte, metal)]}."
        )
    width = max(1, int(rules.smoothing * len(t)))
    crystal = _running_mean(crystal, width)
    amorphous = _running_mean(alpha, width) - crystal
    stall = _stall(t, crystal, rules)
    no_electrolyte = _from_then_on(t, electrolyte <= rules.depleted)
    no_metal = _from_then_on(t, metal <= rules.depleted)
    return Stages(
        nucleation=_nucleation(t, crystal, rules),
        amorphous_maximum=_maximum(t, amorphous, rules),
        stall=stall,
        stalled_for=None if stall is None else _reason(t, stall, no_electrolyte, no_metal, rules),
        electrolyte_depleted=no_electrolyte,
        metal_depleted=no_metal,
    )


def time_of_closure(times: ArrayLike, way: ArrayLike) -> float | None:
    """The time (ps) from which a way (`way_lower`, `way_upper`) stays closed; None if it opens."""
    return _from_then_on(np.asarray(times, np.float64), np.asarray(way, np.float64) < 0.5)


def _running_mean(y: Floats, width: int) -> Floats:
    weights = np.ones(width)
    return np.convolve(y, weights, "same") / np.convolve(np.ones_like(y), weights, "same")


def _from_then_on(t: Floats, holds: NDArray[np.bool_]) -> float | None:
    """The time from which a condition holds to the end."""
    if not holds[-1]:
        return None
    return float(t[len(holds) - int(np.argmin(holds[::-1]))]) if not holds.all() else float(t[0])


def _nucleation(t: Floats, crystal: Floats, rules: StageRules) -> float | None:
    lasting = _from_then_on(t, crystal >= rules.nucleus / 2)
    reached = (crystal >= rules.nucleus) & (t >= (np.inf if lasting is None else lasting))
    return float(t[np.argmax(reached)]) if reached.any() else None


def _maximum(t: Floats, amorphous: Floats, rules: StageRules) -> float | None:
    top = int(np.argmax(amorphous))
    return float(t[top]) if amorphous[top] - amorphous[top:].min() >= rules.fall else None


def _stall(t: Floats, crystal: Floats, rules: StageRules) -> float | None:
    last = crystal[-max(1, len(t) // 20) :].mean()
    change = min(rules.still, rules.still_part * last)
    start = _from_then_on(t, np.abs(crystal - last) <= change)
    if start is None or last < rules.nucleus or t[-1] - start < rules.still_for * (t[-1] - t[0]):
        return None
    return start


def _reason(
    t: Floats, stall: float, electrolyte: float | None, metal: float | None, rules: StageRules
) -> Reason:
    """What had run out by the time the stall was long enough to be one."""
    known = stall + rules.still_for * (t[-1] - t[0])
    if electrolyte is not None and electrolyte <= known:
        return "electrolyte"
    return "metal" if metal is not None and metal <= known else "neither"
