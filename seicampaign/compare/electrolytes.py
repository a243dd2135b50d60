"""What is known of one electrolyte under one condition, all its seeds taken together.

Pure functions from curves to one summary; `ElectrolyteBuilder` keeps the summaries in the store.
Every number is an `Estimate`: one value per seed, their mean, and its 95 % interval over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from seicampaign.analysis import Fit, fit, growth_law, seed_interval, time_to_value, values_at
from seicampaign.analysis.growth import BIC_MARGIN, MIN_POINTS
from seicampaign.analysis.laws import LAWS
from seicampaign.analysis.profile import SLABS
from seicampaign.analysis.stages import Stages, find_stages, time_of_closure
from seicampaign.analysis.summary import Window, crystal_window, reduction_window
from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from seicampaign.compare.table import CurveLike

    Seed = Mapping[str, CurveLike]

SUMMARY_VERSION = 4
"""Rises when a summary of the same curves would come out differently."""

STAGE_CURVES = (
    "reduction_degree",
    "crystalline_fraction",
    "residual_electrolyte",
    "residual_metal",
)
CURVES_READ = (
    *STAGE_CURVES,
    "amorphous_fraction",
    "sei_thickness",
    "crystal_x_phosphorus",
    "crystal_x_halogen",
    "crystal_lattice_constant",
    "way_lower",
    "way_upper",
    *(f"diffusivity_{region}" for region in SLABS),
    "grade_max",
)
SHARES_AT = (1000.0, 10000.0)
TRUSTED_GRADE = 2.0
"""Up to here MLIP-2 and active learning here take a configuration for known."""
LATE = 0.1


class Estimate(BaseModel):
    """A quantity over seeds.

    Attributes
    ----------
    values
        One for every seed that has it.
    mean
        Their mean; None if no seed has it.
    low, high
        95 % confidence interval of the mean (Student's t over seeds); None below two seeds.
    missing
        Seeds that do not have it: they have not got there, or were not run long enough.
    """

    model_config = ConfigDict(frozen=True)

    values: tuple[float, ...] = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    missing: int = 0

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Estimate:
        """Take the seeds together; None and NaN count as missing."""
        known = tuple(float(v) for v in values if v is not None and np.isfinite(v))
        missing = len(values) - len(known)
        if not known:
            return cls(missing=missing)
        interval = seed_interval(known)
        if len(known) < 2:
            return cls(values=known, mean=interval.mean, missing=missing)
        return cls(
            values=known, mean=interval.mean, low=interval.low, high=interval.high, missing=missing
        )


class GrowthLaw(BaseModel):
    """The law that all seeds follow together, or all laws that do equally well.

    Attributes
    ----------
    laws
        The simplest of those whose BIC, summed over seeds, is within 6 of the lowest; more than
        one is a tie. Empty where no seed has points enough.
    rivals
        Equally good with more parameters.
    parameters
        Of the first of `laws`, over seeds.
    window
        ps, of each seed: of the run for reduction, since nucleation for crystallisation.
    rms
        What the first of `laws` leaves of each seed's curve, root mean square.
    doubtful
        Whether it misses the shape of any of them (`seicampaign.analysis.growth.Fit.lasting`).
    """

    model_config = ConfigDict(frozen=True)

    laws: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    parameters: dict[str, Estimate] = Field(default_factory=dict)
    window: tuple[tuple[float, float], ...] = ()
    rms: Estimate = Estimate()
    doubtful: bool = False


class Summary(BaseModel):
    """One electrolyte at one condition. Times in ps, lengths in A, diffusivities in cm2/s."""

    model_config = ConfigDict(frozen=True)

    reduction_law: GrowthLaw
    crystal_law: GrowthLaw
    half_reduction: Estimate
    ninety_percent_reduction: Estimate
    nucleation: Estimate
    amorphous_maximum: Estimate
    amorphous_maximum_share: Estimate
    stall: Estimate
    stalled_for: tuple[str, ...]
    crystalline_at: dict[str, Estimate]
    closure_lower: Estimate
    closure_upper: Estimate
    sei_thickness: Estimate
    sei_growth_exponent: Estimate
    lithium_diffusivity: dict[str, Estimate]
    product_x_phosphorus: Estimate
    product_x_halogen: Estimate
    product_lattice_constant: Estimate
    grade_max: Estimate


def summarise(seeds: Sequence[Seed]) -> Summary:
    """Summarise the curves of all seeds of one electrolyte at one condition.

    Parameters
    ----------
    seeds
        For each seed its curves by name; `reduction_degree` and `crystalline_fraction` at least.
    """
    stages = [_stages(seed) for seed in seeds]

    def of_stages(name: str) -> Estimate:
        return Estimate.of([None if s is None else getattr(s, name) for s in stages])

    def over_seeds(read: Callable[[Seed], float | None]) -> Estimate:
        return Estimate.of([read(seed) for seed in seeds])

    def of(seed: Seed, name: str) -> tuple[ArrayLike, ArrayLike]:
        return seed[name].times, seed[name].values

    def late(name: str) -> Estimate:
        return Estimate.of([_late(seed.get(name)) for seed in seeds])

    return Summary(
        reduction_law=_joint_law(
            [reduction_window(*of(seed, "reduction_degree")) for seed in seeds]
        ),
        crystal_law=_joint_law(
            [
                crystal_window(*of(seed, "crystalline_fraction"), found)
                for seed, found in zip(seeds, stages, strict=True)
            ]
        ),
        half_reduction=over_seeds(partial(_reached, target=0.5)),
        ninety_percent_reduction=over_seeds(partial(_reached, target=0.9)),
        nucleation=of_stages("nucleation"),
        amorphous_maximum=of_stages("amorphous_maximum"),
        amorphous_maximum_share=over_seeds(partial(_largest, name="amorphous_fraction")),
        stall=of_stages("stall"),
        stalled_for=tuple(sorted({s.stalled_for for s in stages if s and s.stalled_for})),
        crystalline_at={f"{t:g}": over_seeds(partial(_crystalline, time=t)) for t in SHARES_AT},
        closure_lower=over_seeds(partial(_closure, name="way_lower")),
        closure_upper=over_seeds(partial(_closure, name="way_upper")),
        sei_thickness=late("sei_thickness"),
        sei_growth_exponent=over_seeds(_growth_exponent),
        lithium_diffusivity={region: late(f"diffusivity_{region}") for region in SLABS},
        product_x_phosphorus=late("crystal_x_phosphorus"),
        product_x_halogen=late("crystal_x_halogen"),
        product_lattice_constant=late("crystal_lattice_constant"),
        grade_max=over_seeds(partial(_largest, name="grade_max")),
    )


def _reached(seed: Seed, target: float) -> float | None:
    curve = seed["reduction_degree"]
    return time_to_value(curve.times, curve.values, target)


def _crystalline(seed: Seed, time: float) -> float:
    curve = seed["crystalline_fraction"]
    return float(values_at(curve.times, curve.values, [time])[0])


def _largest(seed: Seed, name: str) -> float | None:
    values = np.asarray(seed[name].values if name in seed else [], float)
    values = values[np.isfinite(values)]
    return float(values.max()) if len(values) else None


def _closure(seed: Seed, name: str) -> float | None:
    way = seed.get(name)
    return None if way is None or not len(way.times) else time_of_closure(way.times, way.values)


def _late(curve: CurveLike | None) -> float | None:
    """Mean over the last tenth of the run; None if it has no value there."""
    if curve is None or not len(curve.times):
        return None
    times, values = np.asarray(curve.times), np.asarray(curve.values, float)
    late = values[times >= times[-1] - LATE * (times[-1] - times[0])]
    late = late[np.isfinite(late)]
    return float(late.mean()) if len(late) else None


def _growth_exponent(seed: Seed) -> float | None:
    """n of thickness ~ t^n."""
    thickness = seed.get("sei_thickness")
    if thickness is None:
        return None
    try:
        return fit("power", thickness.times, thickness.values).parameters["n"]
    except AnalysisError:
        return None


def _stages(seed: Seed) -> Stages | None:
    if not set(STAGE_CURVES) <= set(seed):
        return None
    own = [seed[name] for name in STAGE_CURVES]
    try:
        return find_stages(own[0].times, *(curve.values for curve in own))
    except AnalysisError:
        return None


def _joint_law(windows: Sequence[Window]) -> GrowthLaw:
    """Judge the laws on all seeds at once: their BICs add up, parameters are each seed's own."""
    usable = [(t, y) for t, y in windows if len(t) >= MIN_POINTS]
    if not usable:
        return GrowthLaw()
    verdicts = [growth_law(t, y) for t, y in usable]
    by_law: dict[str, list[Fit]] = {}
    for verdict in verdicts:
        for found in verdict.fits:
            by_law.setdefault(found.law, []).append(found)
    total = {
        law: sum(f.bic for f in fits) for law, fits in by_law.items() if len(fits) == len(usable)
    }
    lowest = min(total.values())
    good = sorted((law for law in total if total[law] - lowest < BIC_MARGIN), key=total.__getitem__)
    simplest = min(LAWS[law].rank for law in good)
    laws = tuple(law for law in good if LAWS[law].rank == simplest)
    fits = by_law[laws[0]]
    return GrowthLaw(
        laws=laws,
        rivals=tuple(law for law in good if law not in laws),
        parameters={
            name: Estimate.of([f.parameters[name] for f in fits]) for name in fits[0].parameters
        },
        window=tuple(verdict.window for verdict in verdicts),
        rms=Estimate.of([f.rms for f in fits]),
        doubtful=any(f.lasting for f in fits),
    )
