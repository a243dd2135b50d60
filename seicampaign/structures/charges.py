"""Formal charges of ions, for neutrality, for the dipole of a cut and for placing mobile ions."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.structures.library import Crystal

_BY_CHARGE = {
    -2: "O S Se Te",
    -1: "F Cl Br I",
    1: "Li Na K Ag",
    2: "Mg Ca Sr Ba Zn",
    3: "B Al Ga In Sc Y La Er",
    4: "Si Ge Sn Ti Zr Hf",
    5: "P As Sb Nb Ta",
}
OXIDATION: dict[str, int] = {e: q for q, elements in _BY_CHARGE.items() for e in elements.split()}


def mean_charges(crystal: Crystal, sites: Atoms) -> NDArray[np.float64]:
    """Mean formal charge of each site, shape (N,); an element without an entry counts as 0."""
    by_orbit = [sum(f * OXIDATION.get(e, 0) for e, f in s.occupants) for s in crystal.sites]
    return np.asarray(by_orbit, dtype=float)[sites.arrays["orbit"]]
