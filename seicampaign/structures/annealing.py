"""Simulated annealing of a lattice gas: which sites of an orbit are filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FAR = 0.25


def anneal(
    interaction: csr_array,
    near: csr_array,
    field: NDArray[np.float64],
    filled: NDArray[np.bool_],
    orbit: NDArray[np.int64],
    temperatures: NDArray[np.float64],
    random: np.random.Generator,
) -> NDArray[np.bool_]:
    """Move particles to empty sites of their own orbit by Metropolis hops while cooling.

    Parameters
    ----------
    interaction
        Energy of two filled sites, eV, sparse and symmetric, shape (M, M), no diagonal.
    near
        The rows of `interaction` for sites a particle may hop to in one step; every fourth
        proposal goes to any site it interacts with.
    field
        Energy of a filled site in the field of all else, eV, shape (M,).
    filled
        Which sites are filled at the start, shape (M,).
    orbit
        Orbit of each site, shape (M,): the number of particles on each is kept.
    temperatures
        k T of each sweep, eV, falling; one sweep proposes M hops.
    random
        Source of randomness; the result is a function of it and of the rest.

    Returns
    -------
    NDArray
        Which sites are filled at the end.
    """
    state = filled.astype(np.bool_).copy()
    local = field + interaction @ state.astype(float)
    size = len(state)
    all_pairs = (interaction.indptr, interaction.indices, interaction.data)
    for temperature in temperatures:
        hops = all_pairs if random.random() < FAR else (near.indptr, near.indices, near.data)
        draws = (random.integers(size, size=size), random.random(size), random.random(size))
        _sweep(all_pairs, hops, orbit, state, local, draws, temperature)
    return state


@numba.njit
def _sweep(pairs, hops, orbit, state, local, draws, temperature):  # type: ignore[no-untyped-def]
    first, partner, energy = pairs
    hop_first, hop_partner, hop_energy = hops
    sites, choices, chances = draws
    for n in range(len(sites)):
        i = sites[n]
        neighbours = hop_first[i + 1] - hop_first[i]
        if not state[i] or neighbours == 0:
            continue
        k = hop_first[i] + int(choices[n] * neighbours)
        j = hop_partner[k]
        if state[j] or orbit[j] != orbit[i]:
            continue
        change = local[j] - local[i] - hop_energy[k]
        if change > 0 and chances[n] >= np.exp(-change / temperature):
            continue
        state[i], state[j] = False, True
        for m in range(first[i], first[i + 1]):
            local[partner[m]] -= energy[m]
        for m in range(first[j], first[j + 1]):
            local[partner[m]] += energy[m]
