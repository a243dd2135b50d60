"""Mobile ions on partly empty sites: spread apart, then annealed in the field of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.structures.charges import OXIDATION
from seicampaign.structures.neighbours import neighbour_pairs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

COULOMB = 14.3996  # e^2 / (4 pi eps0), eV Angstrom
REACH, HOP = 8.0, 4.0
DAMPING = 0.25
SWEEPS = 100
HOT, COLD = 1.0, 0.02
# Two ions this close share what is one place: the 48h pairs of an argyrodite are 1.98 A apart
CLASH, CLASH_ENERGY = 2.15, 50.0
SPACINGS = (3.2, 2.8, 2.4, CLASH)


def place_ions(
    sites: Atoms,
    symbols: NDArray[np.str_],
    counts: dict[int, dict[str, int]],
    random: np.random.Generator,
) -> NDArray[np.str_]:
    """Fill the partly empty orbits of a block.

    The emptiest orbit is filled first, each ion as far from the others as room allows. Orbits of
    one element are then annealed by Monte Carlo hops within each orbit, with formal charges and a
    damped, truncated Coulomb energy (Wolf et al., J. Chem. Phys. 110, 8254, 1999).

    Parameters
    ----------
    sites
        A block of sites, with ``arrays["orbit"]``.
    symbols
        The element on each site, shape (N,), empty strings on all partly empty orbits.
    counts
        Atoms of each element on each partly empty orbit.
    random
        Source of randomness.

    Returns
    -------
    NDArray
        The element on each site, an empty string where there is none.
    """
    symbols = symbols.copy()
    orbit = sites.arrays["orbit"]
    filling = {k: sum(c.values()) / np.sum(orbit == k) for k, c in counts.items()}
    mobile = np.isin(orbit, list(counts))
    chosen = np.zeros(len(sites), dtype=bool)
    for k in sorted(counts, key=lambda k: filling[k]):
        here = _spread(sites, orbit == k, chosen, sum(counts[k].values()), random)
        chosen[here] = True
        symbols[here] = np.repeat(list(counts[k]), list(counts[k].values()))
    pure = np.isin(orbit, [k for k, c in counts.items() if len(c) == 1])
    return _anneal(sites, symbols, mobile & pure, random) if pure.any() else symbols


def _spread(
    sites: Atoms,
    candidates: NDArray[np.bool_],
    taken: NDArray[np.bool_],
    number: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """A random choice of sites that keep the largest spacing at which so many fit."""
    order = random.permutation(np.flatnonzero(candidates))
    for spacing in SPACINGS:
        i, j, _ = neighbour_pairs(sites, spacing, candidates | taken, candidates)
        by_site = np.argsort(i, kind="stable")
        first = np.searchsorted(i[by_site], np.arange(len(sites) + 1))
        partner = j[by_site]
        blocked = np.zeros(len(sites), dtype=bool)
        blocked[partner[np.repeat(taken, np.diff(first))]] = True
        picked = []
        for site in order:
            if not blocked[site]:
                picked.append(site)
                blocked[partner[first[site] : first[site + 1]]] = True
        if len(picked) >= number:
            return np.array(picked[:number], dtype=np.int64)
    left = order[~np.isin(order, picked)]
    return np.concatenate([picked, left]).astype(np.int64)[:number]


def _anneal(
    sites: Atoms, symbols: NDArray[np.str_], mobile: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.str_]:
    """Move the ions of partly empty orbits to where they cost least."""
    from seicampaign.structures.annealing import anneal

    where = np.flatnonzero(mobile)
    orbit = sites.arrays["orbit"][where]
    element = np.empty(len(where), dtype=symbols.dtype)
    for k in np.unique(orbit):
        here = symbols[where[orbit == k]]
        element[orbit == k] = here[here != ""][:1]
    own = np.array([OXIDATION[e] for e in element], dtype=float)
    interaction = _pair_matrix(sites, mobile, REACH, own)
    filled = anneal(
        interaction,
        interaction.multiply(_pair_matrix(sites, mobile, HOP) != 0).tocsr(),
        own * _field(sites, symbols, mobile)[where],
        symbols[where] != "",
        orbit,
        np.geomspace(HOT, COLD, SWEEPS),
        random,
    )
    symbols = symbols.copy()
    symbols[where] = np.where(filled, element, "")
    return symbols


def _pair_matrix(
    sites: Atoms,
    mobile: NDArray[np.bool_],
    reach: float,
    charge: NDArray[np.float64] | None = None,
) -> csr_array:
    """Energy (eV) of each pair of mobile sites within reach if both are filled, shape (M, M).

    Without charges, the number of ways the two are within reach of each other.
    """
    from scipy.sparse import csr_array

    i, j, distance = neighbour_pairs(sites, reach, mobile, mobile)
    i, j, distance = (a[i != j] for a in (i, j, distance))
    position = np.cumsum(mobile) - 1
    i, j = position[i], position[j]
    value = np.ones(len(i))
    if charge is not None:
        value = charge[i] * charge[j] * _damped(distance) + CLASH_ENERGY * (distance < CLASH)
    matrix = csr_array((value, (i, j)), shape=(mobile.sum(), mobile.sum()))
    matrix.sum_duplicates()
    return matrix


def _field(
    sites: Atoms, symbols: NDArray[np.str_], mobile: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Potential (V) of the ions that stay, at each site."""
    charge = np.array([OXIDATION.get(s, 0) for s in symbols], dtype=float)
    i, j, distance = neighbour_pairs(sites, REACH, mobile, ~mobile & (symbols != ""))
    potential = np.zeros(len(sites))
    np.add.at(potential, i, charge[j] * _damped(distance))
    return potential


def _damped(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Damped Coulomb potential of a unit charge, shifted to vanish at the cutoff (V)."""
    from scipy.special import erfc

    edge = erfc(DAMPING * REACH) / REACH
    return COULOMB * (erfc(DAMPING * distance) / distance - edge)
