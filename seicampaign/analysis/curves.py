"""Questions asked of a curve: when is a value reached, what is it at a time, how do seeds differ.

A curve is two arrays of equal length: times (ps, increasing) and values. Points whose value is
NaN are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import AnalysisError

Floats = NDArray[np.float64]


class SeedSpread(NamedTuple):
    """Mean over seeds, and their standard deviation (NaN for a single seed)."""

    mean: Floats
    std: Floats
    n_seeds: int


def as_curve(times: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    """The finite points of a curve, checked.

    Raises
    ------
    AnalysisError
        If the arrays do not fit together or time does not increase.
    """
    t, y = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if t.ndim != 1 or t.shape != y.shape:
        raise AnalysisError(f"Times {t.shape} and values {y.shape} are not one curve.")
    keep = np.isfinite(y)
    t, y = t[keep], y[keep]
    if (np.diff(t) <= 0).any():
        raise AnalysisError("The times of the curve do not increase.")
    return t, y


def time_to_value(times: ArrayLike, values: ArrayLike, target: float) -> float | None:
    """The first time (ps) at which the curve is at or above `target`; None if it never is.

    Interpolated between the frames around the crossing.
    """
    t, y = as_curve(times, values)
    above = np.flatnonzero(y >= target)
    if len(above) == 0:
        return None
    i = int(above[0])
    if i == 0:
        return float(t[0])
    return float(np.interp(target, y[i - 1 : i + 1], t[i - 1 : i + 1]))


def values_at(times: ArrayLike, values: ArrayLike, at: ArrayLike) -> Floats:
    """The curve at chosen times (ps), interpolated; NaN before its first and after its last."""
    t, y = as_curve(times, values)
    at = np.asarray(at, np.float64)
    if len(t) == 0:
        return np.full(at.shape, np.nan)
    return np.interp(at, t, y, left=np.nan, right=np.nan)


def seed_spread(curves: Sequence[tuple[ArrayLike, ArrayLike]], at: ArrayLike) -> SeedSpread:
    """Mean and spread at chosen times (ps) over seeds: NaN where any of them does not reach.

    Parameters
    ----------
    curves
        (times, values) of every seed.
    at
        (T,) times, ps.
    """
    if not curves:
        raise AnalysisError("There is no curve to average.")
    samples = np.array([values_at(t, y, at) for t, y in curves])
    mean = samples.mean(axis=0)
    many = len(curves) > 1
    std = samples.std(axis=0, ddof=1) if many else np.full(mean.shape, np.nan)
    return SeedSpread(mean, std, len(curves))


class SizeSpread(NamedTuple):
    """Spread over seeds against system size, smallest system first.

    Attributes
    ----------
    sizes, seeds
        (K,) atoms and number of seeds of each system.
    std
        (K,) standard deviation over seeds, root mean square over the times.
    low, high
        (K,) its 95 % interval; with two seeds a factor of 70 wide, with five of 5.
    exponent
        Of `std` against size: -1/2 where what differs between seeds averages out.
    """

    sizes: NDArray[np.int64]
    seeds: NDArray[np.int64]
    std: Floats
    low: Floats
    high: Floats
    exponent: float


def spread_by_size(
    systems: Mapping[int, Sequence[tuple[ArrayLike, ArrayLike]]], at: ArrayLike
) -> SizeSpread:
    """How much seeds differ in systems of two sizes or more.

    Parameters
    ----------
    systems
        By number of atoms, (times, values) of each seed.
    at
        (T,) times (ps) that all seeds reach. They do not count as independent: the interval
        is that of the chi-square distribution with one degree of freedom less than seeds.

    Raises
    ------
    AnalysisError
        With fewer than two sizes that have two seeds or more, or seeds that do not differ.
    """
    from scipy.stats import chi2

    many = {size: curves for size, curves in sorted(systems.items()) if len(curves) > 1}
    spreads = [seed_spread(curves, at) for curves in many.values()]
    std = np.array([np.sqrt(np.mean(spread.std**2)) for spread in spreads])
    exponent = spread_exponent(list(many), std)
    seeds = np.array([spread.n_seeds for spread in spreads])
    low, high = (std * np.sqrt((seeds - 1) / chi2.ppf(q, seeds - 1)) for q in (0.975, 0.025))
    return SizeSpread(np.array(list(many)), seeds, std, low, high, exponent)


def spread_exponent(sizes: ArrayLike, spreads: ArrayLike) -> float:
    """Exponent of the spread over seeds against system size: -1/2 where noise averages out.

    Parameters
    ----------
    sizes
        Number of atoms, of two systems or more.
    spreads
        Standard deviation over seeds of each.
    """
    n, std = np.asarray(sizes, np.float64), np.asarray(spreads, np.float64)
    if len(np.unique(n)) < 2 or not (std > 0).all():
        raise AnalysisError(
            "The spread against size needs two sizes or more, each with a spread over seeds."
        )
    return float(np.polyfit(np.log(n), np.log(std), 1)[0])
