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

    def penalty(self, coefficients: FloatArray) -> tuple[float, FloatArray]:
        """What the ridge adds to the loss, and its gradient by the coefficients."""
        stretch = coefficients - self.rest
        slope = self.ridge * self.effects**2 * stretch
        return float(slope @ stretch), 2 * slope

    def put_into(self, mtp: MTP) -> MTP:
        """The potential with the coefficients at the minimum."""
        species, moment = np.split(self.coefficients, [mtp.species_count])
        return replace(mtp, species_coeffs=species, moment_coeffs=moment)
