"""Which atoms sit where in a crystal with partial occupations: seeded, neutral, apart."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from seicampaign.errors import StructureError
from seicampaign.structures.charges import OXIDATION
from seicampaign.structures.library import Crystal, composition
from seicampaign.structures.sites import conventional_sites

Counts = dict[int, dict[str, int]]


def occupy(crystal: Crystal, sites: Atoms, seed: int) -> Atoms:
    """Fill the sites of a block of a crystal.

    Every element comes out with exactly the number of atoms the formula gives. Elements that
    share full sites (Cl and S) are dealt at random: that is the disorder. Ions that leave sites
    empty (Li) are spread and annealed (see `ions`), so that they keep apart and gather where the
    anions' charge is.

    Parameters
    ----------
    crystal
        The record the sites belong to.
    sites
        A block of its sites, with ``arrays["orbit"]``.
    seed
        Of the random draw. The same block and seed give the same atoms.

    Raises
    ------
    StructureError
        If the block does not hold whole numbers of atoms, is not neutral, or an element with
        partial occupation has no known charge.
    """
    _require_neutral(crystal)
    random = np.random.default_rng(seed)
    counts = _counts(crystal, sites)
    symbols = np.full(len(sites), "", dtype="<U2")
    partly_empty = [k for k, s in enumerate(crystal.sites) if s.vacancy > 1e-6]
    for orbit, elements in counts.items():
        if orbit not in partly_empty:
            here = random.permutation(np.flatnonzero(sites.arrays["orbit"] == orbit))
            symbols[here] = np.repeat(list(elements), list(elements.values()))
    if partly_empty:
        from seicampaign.structures.ions import place_ions

        symbols = place_ions(sites, symbols, {k: counts[k] for k in partly_empty}, random)
    filled = symbols != ""
    atoms = sites[filled]
    atoms.set_chemical_symbols(list(symbols[filled]))
    return atoms


def _counts(crystal: Crystal, sites: Atoms) -> Counts:
    """Whole numbers of each element on each orbit that add up to the formula."""
    size = {k: int(np.sum(sites.arrays["orbit"] == k)) for k in range(len(crystal.sites))}
    units = round(crystal.units * len(sites) / len(conventional_sites(crystal)))
    counts: Counts = {k: {} for k in size}
    free = dict(size)
    for element, per_unit in composition(crystal.formula).items():
        total = per_unit * units
        if abs(total - round(total)) > 1e-6:
            raise StructureError(
                f"{crystal.name}: {units} formula units hold {total:g} {element}, not a whole "
                "number of atoms. Take a larger block."
            )
        share = {
            k: fraction * number
            for k, number in size.items()
            for e, fraction in crystal.sites[k].occupants
            if e == element
        }
        _deal(counts, free, element, round(total), share)
        if sum(c.get(element, 0) for c in counts.values()) != round(total):
            raise StructureError(
                f"{crystal.name}: its sites cannot hold {round(total)} {element} in {units} "
                "formula units. Check the occupations against the formula."
            )
    return counts


def _deal(
    counts: Counts, free: dict[int, int], element: str, total: int, share: dict[int, float]
) -> None:
    """Give each orbit the whole part of its share, and what is left to the largest remainders."""
    scale = total / sum(share.values()) if share else 1.0
    share = {orbit: number * scale for orbit, number in share.items()}
    for orbit, expected in share.items():
        counts[orbit][element] = min(int(expected + 1e-6), free[orbit])
        free[orbit] -= counts[orbit][element]
    left = total - sum(counts[k][element] for k in share)
    while left > 0 and (open_orbits := [k for k in share if free[k] > 0]):
        best = max(open_orbits, key=lambda k: share[k] - counts[k][element])
        counts[best][element] += 1
        free[best] -= 1
        left -= 1


def _require_neutral(crystal: Crystal) -> None:
    formula = composition(crystal.formula)
    missing = [e for e in formula if e not in OXIDATION]
    if missing:
        raise StructureError(
            f"{crystal.name} is disordered and holds {', '.join(missing)}, whose charge is not "
            "known here. Give an ordered structure (a CIF file with whole occupations)."
        )
    charge = sum(OXIDATION[e] * n for e, n in formula.items())
    if abs(charge) > 1e-6:
        raise StructureError(
            f"{crystal.name} ({crystal.formula}) is not neutral: {charge:+g} e per formula unit. "
            "Correct its occupations, or give an ordered structure."
        )
