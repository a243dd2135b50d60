"""The coefficients in which energies are linear: solved for, and used to scale the search.

With the radial functions fixed, the loss is a quadratic function of the species and moment
coefficients. Its minimum is found directly; the Cholesky factor of its matrix makes it round for
the optimiser that then moves everything.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, lstsq, solve_triangular

from seicampaign.mtp.model import MTP, FloatArray
from seicampaign.training.loss import LabelledSet


class NormalEquations(NamedTuple):
    """``loss = x matrix x - 2 x vector + constant`` in the linear coefficients x."""

    matrix: FloatArray
    vector: FloatArray


def normal_equations(
    labelled: LabelledSet,
    mtp: MTP,
    *,
    threads: int = 1,
    begun: tuple[int, NormalEquations] | None = None,
    note: Callable[[int, NormalEquations], object] = lambda done, equations: None,
) -> NormalEquations:
    """The quadratic form of the loss for the radial functions of `mtp`.

    Parameters
    ----------
    labelled
        The data set.
    mtp
        Its moment and species coefficients do not matter.
    threads
        Configurations treated at once; they are summed in order.
    begun
        Number of configurations that are in these equations already.
    note
        Is given both after each configuration; the arrays are changed afterwards.
    """

    def of(configuration: int) -> NormalEquations:
        rows = labelled.design(mtp, configuration)
        labels, weights = labelled.targets(configuration)
        return NormalEquations((rows.T * weights) @ rows, rows.T @ (weights * labels))

    size = mtp.species_count + mtp.alpha_scalar_moments
    done, sums = begun or (0, NormalEquations(np.zeros((size, size)), np.zeros(size)))
    with ThreadPoolExecutor(threads) as pool:
        for part in pool.map(of, range(done, len(labelled))):
            for total, more in zip(sums, part, strict=True):
                total += more
            done += 1
            note(done, sums)
    return sums


class Ridge:
    """What is added to the loss to bound the coefficients that the data do not decide.

    ``ridge * sum_k (e_k (x_k - r_k))^2`` over the linear coefficients, where ``e_k`` is the effect
    that a unit of a coefficient had on the labels at the outset, and follows the size of the radial
    functions: of a product in which one occurs n times, with its n-th power. Effects found anew as
    the functions change would be another addition each time, and a fit would gain by making them
    larger. The energies of free atoms are thousands of times what is fitted, so species
    coefficients are pulled not to zero but to what composition alone explains best.

    Parameters
    ----------
    equations
        Of the outset.
    mtp
        The potential of the outset; no radial function vanishes for all pairs.
    ridge
        Strength.
    """

    def __init__(self, equations: NormalEquations, mtp: MTP, ridge: float) -> None:
        species = mtp.species_count
        effects = _effects(equations)
        scaled = (
            equations.matrix[:species, :species] / np.outer(effects, effects)[:species, :species]
        )
        self.rest = np.zeros(len(effects))
        self.rest[:species] = lstsq(scaled, (equations.vector / effects)[:species])[0]
        self.rest /= effects
        self._strengths = ridge * effects**2
        self._powers = np.zeros((len(effects), mtp.radial_funcs_count))
        self._powers[species:] = radial_powers(mtp)
        self._squares = _squares(mtp.radial_coeffs)

    def strengths(self, radial: FloatArray) -> FloatArray:
        """What the squares of the linear coefficients are multiplied by."""
        ratios = _squares(radial) / self._squares
        return np.asarray(self._strengths * np.prod(ratios**self._powers, axis=1))

    def __call__(self, mtp: MTP) -> tuple[float, FloatArray]:
        """The addition, and its gradient by all parameters."""
        radial = mtp.radial_coeffs
        stretch = np.r_[mtp.species_coeffs, mtp.moment_coeffs] - self.rest
        slope = self.strengths(radial) * stretch
        by_size = 2 * ((slope * stretch) @ self._powers) / _squares(radial)
        by_radial = by_size[:, None] * radial
        return float(slope @ stretch), np.r_[by_radial.ravel(), 2 * slope]


def _squares(radial: FloatArray) -> FloatArray:
    """Size of each radial function, of all pairs together, (functions,)."""
    return np.asarray(np.einsum("stfr,stfr->f", radial, radial))


def _effects(equations: NormalEquations) -> FloatArray:
    """Root of what a unit of each coefficient adds to the loss; 1 where it adds nothing."""
    effects = np.sqrt(np.diag(equations.matrix))
    return np.where(effects > 0, effects, 1.0)


class LinearSolution:
    """Minimum and shape of the quadratic form, with every coefficient in units of its own effect.

    Parameters
    ----------
    equations
        The quadratic form, for the radial functions of `mtp`.
    ridge
        Is added to it.
    mtp
        The potential.
    """

    def __init__(self, equations: NormalEquations, ridge: Ridge, mtp: MTP) -> None:
        self.mtp = mtp
        self._effects = _effects(equations)
        strengths = ridge.strengths(mtp.radial_coeffs)
        shape = equations.matrix + np.diag(strengths)
        scaled = shape / np.outer(self._effects, self._effects)
        self._factor = cho_factor(scaled, lower=True)
        vector = (equations.vector + strengths * ridge.rest) / self._effects
        self.coefficients = cho_solve(self._factor, vector) / self._effects

    def spread(self, z: FloatArray) -> FloatArray:
        """Change of the coefficients for a step `z`, in which the loss is round (curvature 1)."""
        step = solve_triangular(self._factor[0], z, lower=True, trans="T")
        return step / self._effects / np.sqrt(2.0)

    def gather(self, gradient: FloatArray) -> FloatArray:
        """Gradient by `z` from the gradient by the coefficients."""
        scaled = gradient / self._effects / np.sqrt(2.0)
        return solve_triangular(self._factor[0], scaled, lower=True)

    def solved(self) -> MTP:
        """The potential with the coefficients at the minimum."""
        species, moment = np.split(self.coefficients, [self.mtp.species_count])
        return replace(self.mtp, species_coeffs=species, moment_coeffs=moment)


def radial_powers(mtp: MTP) -> NDArray[np.int64]:
    """How often each radial function occurs in each basis function, (scalars, functions)."""
    powers = np.zeros((mtp.alpha_moments_count, mtp.radial_funcs_count), dtype=np.int64)
    basic = mtp.alpha_index_basic[:, 0]
    powers[np.arange(len(basic)), basic] = 1
    for left, right, _, target in mtp.alpha_index_times:
        powers[target] = powers[left] + powers[right]
    return powers[mtp.alpha_moment_mapping]
