"""Which growth law a curve follows, judged with noise that remembers.

Frames that follow one another are not independent. Each law is therefore fitted with residuals
whose correlation decays as exp(-dt / tau), tau being fitted along (an AR(1) process where frames
are evenly spaced), and the laws are compared by the Bayesian information criterion of that
likelihood. On raw frames the same criterion is wrong most of the time: see docs/analysis.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.analysis.curves import as_curve
from seicampaign.analysis.laws import LAWS, Law
from seicampaign.errors import AnalysisError, unknown

Floats = NDArray[np.float64]

MIN_POINTS = 20
MAX_POINTS = 1000
BIC_MARGIN = 6.0
LATE_SLOPE = 0.35


class Fit(NamedTuple):
    """One law fitted to one curve.

    `tau` (ps) is the correlation time of the noise and `sigma` its standard deviation; `bic` is
    comparable between laws on the same window only. `rms` is what the law leaves of the curve
    (root mean square, in its units); `lasting` says that this remembers for a tenth of the
    window, the most that counts as noise: the curve has another shape than the law.
    """

    law: str
    parameters: dict[str, float]
    tau: float
    sigma: float
    bic: float
    rms: float
    lasting: bool

    def value(self, t: ArrayLike) -> Floats:
        """The law at times `t` (ps)."""
        return LAWS[self.law].value(np.asarray(t, np.float64), *self.parameters.values())


class Verdict(NamedTuple):
    """What `growth_law` found.

    `laws` has one name where the law can be told, and all that do equally well where it cannot.
    `rivals` do equally well with more parameters, and so are not ruled out either. `fits` are
    sorted by BIC, best first; `window` (ps) is what they were fitted to.
    """

    laws: tuple[str, ...]
    rivals: tuple[str, ...]
    fits: tuple[Fit, ...]
    window: tuple[float, float]

    @property
    def tie(self) -> bool:
        """Whether more than one law describes the curve equally well."""
        return len(self.laws) > 1

    @property
    def doubtful(self) -> bool:
        """Whether even the law that was chosen misses the shape of the curve."""
        return next(f for f in self.fits if f.law == self.laws[0]).lasting


class Interval(NamedTuple):
    """Mean over seeds and its confidence interval."""

    mean: float
    low: float
    high: float


def growth_law(
    times: ArrayLike,
    values: ArrayLike,
    *,
    start: float | None = None,
    end: float | None = None,
    laws: Sequence[str] = tuple(LAWS),
) -> Verdict:
    """The simplest law that describes a curve in a declared window, or all that tie.

    Laws within 6 of the lowest BIC do equally well; of these the simplest are kept (log, sqrt
    and linear before power, then Butler-Volmer, then JMAK). JMAK, which can imitate any of
    them, is let in only where growth slows: slope of the last fifth under 0.35 of the mean.

    Parameters
    ----------
    start, end
        Window, ps. Default: all after t = 0. Where a curve saturates, end it at 80 to 90 % of
        the plateau (`time_to_value`), or the plateau decides.

    Raises
    ------
    AnalysisError
        If fewer than 20 points lie in the window.
    """
    t, y = _window(times, values, start, end)
    names = [name for name in laws if name != "jmak" or _slows_down(t, y)]
    fits = sorted((fit(name, t, y) for name in names), key=lambda f: f.bic)
    good = [f.law for f in fits if f.bic - fits[0].bic < BIC_MARGIN]
    simplest = min(LAWS[name].rank for name in good)
    chosen = tuple(name for name in good if LAWS[name].rank == simplest)
    rivals = tuple(name for name in good if name not in chosen)
    return Verdict(chosen, rivals, tuple(fits), (float(t[0]), float(t[-1])))


def fit(law: str, times: ArrayLike, values: ArrayLike) -> Fit:
    """Fit one law to a curve by maximum likelihood with correlated noise."""
    if law not in LAWS:
        raise AnalysisError(unknown("growth law", law, LAWS))
    t, y = _window(times, values, None, None)
    best: tuple[float, Floats, _Noise] | None = None
    taus = _correlation_times(t)
    for tau in taus:
        noise = _Noise(t, tau)
        parameters = _least_squares(LAWS[law], t, y, noise, None if best is None else best[1])
        score = noise.minus_two_log_likelihood(y - LAWS[law].value(t, *parameters))
        if best is None or score < best[0]:
            best = score, parameters, noise
    assert best is not None
    score, parameters, noise = best
    rest = y - LAWS[law].value(t, *parameters)
    return Fit(
        law,
        dict(zip(LAWS[law].parameters, map(float, parameters), strict=True)),
        noise.tau,
        float(np.sqrt(np.mean(noise.white(rest) ** 2))),
        score + (len(parameters) + 2) * float(np.log(len(t))),
        float(np.sqrt(np.mean(rest**2))),
        noise.tau == taus[-1],
    )


def seed_interval(estimates: ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean of one parameter over seeds with its t interval; infinitely wide for one seed.

    The spread over seeds holds what a single fit's standard error leaves out.
    """
    from scipy.stats import t as student

    x = np.asarray(estimates, np.float64)
    if len(x) < 2:
        return Interval(float(x.mean()), -np.inf, np.inf)
    half = student.ppf((1 + confidence) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half))


def _window(
    times: ArrayLike, values: ArrayLike, start: float | None, end: float | None
) -> tuple[Floats, Floats]:
    t, y = as_curve(times, values)
    inside = (t > 0) & (t >= (start or 0.0)) & (t <= (np.inf if end is None else end))
    t, y = t[inside], y[inside]
    if len(t) < MIN_POINTS:
        raise AnalysisError(
            f"A growth law needs at least {MIN_POINTS} points after t = 0, and {len(t)} lie in the "
            "window: widen it, or store frames more often."
        )
    stride = -(-len(t) // MAX_POINTS)
    return t[::stride], y[::stride]


def _slows_down(t: Floats, y: Floats) -> bool:
    fifth = max(len(t) // 5, 5)
    late = np.polyfit(t[-fifth:], y[-fifth:], 1)[0]
    return bool(late < LATE_SLOPE * np.polyfit(t, y, 1)[0])


class _Noise:
    """Noise of one correlation time on given frames."""

    def __init__(self, t: Floats, tau: float) -> None:
        self.tau = float(tau)
        self.decay = np.exp(-np.diff(t) / tau)
        self.spread = np.sqrt(-np.expm1(-2 * np.diff(t) / tau))

    def white(self, r: Floats) -> Floats:
        """Residuals (or columns of a design matrix) made independent, of equal variance."""
        columns = (slice(None),) + (None,) * (r.ndim - 1)
        rest = (r[1:] - self.decay[columns] * r[:-1]) / self.spread[columns]
        return np.concatenate([r[:1], rest])

    def minus_two_log_likelihood(self, r: Floats) -> float:
        """At the best variance."""
        variance = max(float(np.mean(self.white(r) ** 2)), 1e-300)
        return len(r) * (np.log(2 * np.pi * variance) + 1) + 2 * float(np.log(self.spread).sum())


def _correlation_times(t: Floats) -> Floats:
    """From noise that forgets within a frame to noise that lasts a tenth of the window."""
    step = float(np.median(np.diff(t)))
    return np.geomspace(0.2 * step, max(0.1 * (t[-1] - t[0]), step), 16)


def _least_squares(law: Law, t: Floats, y: Floats, noise: _Noise, near: Floats | None) -> Floats:
    if law.basis is not None:
        design = np.stack([np.ones_like(t), law.basis(t)], axis=1)
        solution = np.linalg.lstsq(noise.white(design), noise.white(y), rcond=None)[0]
        return np.asarray(solution, np.float64)
    from scipy.optimize import least_squares

    def residual(logarithms: Floats) -> Floats:
        values = law.value(t, *np.exp(np.clip(logarithms, -60, 60)))
        return noise.white(y - np.nan_to_num(values, nan=1e6, posinf=1e6, neginf=-1e6))

    starts = law.guesses(t, y) if near is None else [list(near)]
    fits = [least_squares(residual, np.log(np.maximum(s, 1e-12)), max_nfev=100) for s in starts]
    return np.exp(np.clip(min(fits, key=lambda f: f.cost).x, -60, 60))
