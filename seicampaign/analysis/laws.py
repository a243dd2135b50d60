"""The growth laws a curve is held against.

Those of arXiv 2402.04095 (log, square root, line, Butler-Volmer) and the two that are usual for
growth by diffusion (power) and by nucleation (JMAK). Time is in ps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """A growth law y(t; parameters), all parameters positive unless it is linear in them.

    Attributes
    ----------
    rank
        Simplicity: of laws that do equally well, those of the lowest rank are chosen.
    guesses
        First guesses of the parameters for a curve (t, y); the best fit of them counts.
    basis
        For laws a + b basis(t), which need no guess.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    rank: int
    value: Callable[..., Floats]
    guesses: Callable[[Floats, Floats], list[list[float]]]
    basis: Callable[[Floats], Floats] | None = None


def butler_volmer(t: Floats, limit: float, rate: float, gamma: float) -> Floats:
    """Solution of dn/dt = 2 k sinh(gamma (n_r - n)), n(0) = 0.

    The consistent form of equations (1) and (2) of the paper: logarithmic early, saturating
    at `limit` late.
    """
    inner = np.tanh(gamma * limit / 2) * np.exp(-np.minimum(2 * rate * gamma * t, 700.0))
    return limit - 2 / gamma * np.arctanh(np.minimum(inner, 1 - 1e-15))


def jmak(t: Floats, plateau: float, rate: float, exponent: float, onset: float) -> Floats:
    """Johnson, Mehl, Avrami, Kolmogorov: plateau (1 - exp(-(k (t - t0))^n)) after t0."""
    grown = np.clip(rate * (t - onset), 1e-12, 1e12)
    return plateau * (1 - np.exp(-np.minimum(grown ** min(exponent, 20.0), 700.0)))


def power(t: Floats, c: float, exponent: float) -> Floats:
    """c t^exponent; a fit may try exponents that no float could hold."""
    return np.asarray(c * t ** np.clip(exponent, -20.0, 20.0))


def _power_guesses(t: Floats, y: Floats) -> list[list[float]]:
    high = np.abs(y).max()
    return [[high / t[-1] ** n, n] for n in (0.3, 0.6, 1.0)]


def _butler_volmer_guesses(t: Floats, y: Floats) -> list[list[float]]:
    high = np.abs(y).max()
    return [[1.05 * high, high / t[-1] * r, g / high] for r in (0.02, 0.2) for g in (2.0, 6.0)]


def _jmak_guesses(t: Floats, y: Floats) -> list[list[float]]:
    high = np.abs(y).max()
    return [[1.05 * high, 2.0 / t[-1], n, 0.5 * t[0]] for n in (0.7, 1.5, 3.0)]


def _linear(name: str, formula: str, basis: Callable[[Floats], Floats]) -> Law:
    def value(t: Floats, a: float, b: float) -> Floats:
        return a + b * basis(t)

    return Law(name, formula, ("a", "b"), 0, value, lambda t, y: [], basis)


LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        _linear("log", "a + b ln t", np.log),
        _linear("sqrt", "a + b sqrt t", np.sqrt),
        _linear("linear", "a + b t", np.positive),
        Law("power", "c t^n", ("c", "n"), 1, power, _power_guesses),
        Law(
            "butler-volmer",
            "g (n_r - n) = 2 artanh[tanh(g n_r / 2) exp(-2 k g t)]",
            ("n_r", "k", "g"),
            2,
            butler_volmer,
            _butler_volmer_guesses,
        ),
        Law(
            "jmak",
            "y_p (1 - exp(-(k (t - t0))^n))",
            ("y_p", "k", "n", "t0"),
            3,
            jmak,
            _jmak_guesses,
        ),
    )
}
