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


class LinearSolution:
    """Minimum and shape of the quadratic form, with every coefficient in units of its own effect.

    Parameters
    ----------
    equations
        The quadratic form.
    ridge
        Added to its diagonal in those units: what keeps coefficients bounded that the data do not
        decide.
    species_count
        Number of species coefficients, which come first. They are the energies of free atoms,
        thousands of times what is fitted, so the ridge pulls them not to zero but to what
        composition alone explains best.
    """

    def __init__(self, equations: NormalEquations, ridge: float, species_count: int) -> None:
        self.ridge = ridge
        effects = np.sqrt(np.diag(equations.matrix))
        self.effects = np.where(effects > 0, effects, 1.0)
        scaled = equations.matrix / np.outer(self.effects, self.effects)
        self._factor = cho_factor(scaled + ridge * np.eye(len(scaled)), lower=True)
        vector = equations.vector / self.effects
        rest = np.zeros(len(vector))
        rest[:species_count] = lstsq(
            scaled[:species_count, :species_count], vector[:species_count]
        )[0]
        self.rest = rest / self.effects
        self.coefficients = cho_solve(self._factor, vector + ridge * rest) / self.effects

    def spread(self, z: FloatArray) -> FloatArray:
        """Change of the coefficients for a step `z`, in which the loss is round (curvature 1)."""
        step = solve_triangular(self._factor[0], z, lower=True, trans="T")
        return step / self.effects / np.sqrt(2.0)

    def gather(self, gradient: FloatArray) -> FloatArray:
        """Gradient by `z` from the gradient by the coefficients."""
        scaled = gradient / self.effects / np.sqrt(2.0)
        return solve_triangular(self._factor[0], scaled, lower=True)

    def put_into(self, mtp: MTP) -> MTP:
        """The potential with the coefficients at the minimum."""
        species, moment = np.split(self.coefficients, [mtp.species_count])
        return replace(mtp, species_coeffs=species, moment_coeffs=moment)


class Ridge:
    """What a ridge adds to the loss while the radial functions move, too.

    ``ridge * sum_k (e_k x_k)^2``, where ``e_k``, the effect of a unit of a coefficient, is known
    for the radial functions that the linear solution was found with and follows their size: a
    product of moments in which a radial function occurs n times goes with its n-th power. Without
    that a fit would gain by making the functions large and the coefficients small, which changes
    nothing, and lose it when the effects are found anew.

    Parameters
    ----------
    linear
        The solution, for the radial functions of `mtp`.
    mtp
        A potential with radial functions none of which vanishes for all pairs.
    """

    def __init__(self, linear: LinearSolution, mtp: MTP) -> None:
        self._rest, self._strength = linear.rest, linear.ridge * linear.effects**2
        self._powers = np.zeros((len(linear.effects), mtp.radial_funcs_count))
        self._powers[mtp.species_count :] = radial_powers(mtp)
        self._shape = mtp.radial_coeffs.shape
        self._squares = self._square(mtp.radial_coeffs)

    def _square(self, radial: FloatArray) -> FloatArray:
        return np.einsum("stfr,stfr->f", radial, radial)

    def __call__(self, values: FloatArray) -> tuple[float, FloatArray]:
        """The addition for all parameters, and its gradient by them."""
        radial, linear = np.split(values, [int(np.prod(self._shape))])
        radial = radial.reshape(self._shape)
        squares = self._square(radial)
        stretch = linear - self._rest
        slope = (
            self._strength * np.prod((squares / self._squares) ** self._powers, axis=1) * stretch
        )
        by_size = 2 * ((slope * stretch) @ self._powers) / squares
        by_radial = by_size[None, None, :, None] * radial
        return float(slope @ stretch), np.concatenate([by_radial.ravel(), 2 * slope])


def radial_powers(mtp: MTP) -> NDArray[np.int64]:
    """How often each radial function occurs in each basis function, (scalars, functions)."""
    powers = np.zeros((mtp.alpha_moments_count, mtp.radial_funcs_count), dtype=np.int64)
    basic = mtp.alpha_index_basic[:, 0]
    powers[np.arange(len(basic)), basic] = 1
    for left, right, _, target in mtp.alpha_index_times:
        powers[target] = powers[left] + powers[right]
    return powers[mtp.alpha_moment_mapping]
