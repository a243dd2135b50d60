"""What every structure must pass before it leaves this package."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from seicampaign.errors import StructureError
from seicampaign.structures.neighbours import neighbour_pairs
from seicampaign.structures.slab import polyanion_bonds

OVERLAP = 0.65


def check_polyanions(atoms: Atoms, expected_bonds: int, what: str) -> None:
    """Refuse a structure whose polyanions have lost, or gained, bonds.

    Raises
    ------
    StructureError
        If the number of bonds (P-S and the like) is not the one of the bulk crystal.
    """
    found = len(polyanion_bonds(atoms)[0])
    if found != expected_bonds:
        raise StructureError(
            f"{what} has {found} bonds inside its polyanions (such as PS4), its bulk crystal "
            f"{expected_bonds}: some are broken or have merged. Choose another plane, a wider gap, "
            "or another seed."
        )


def check_overlap(atoms: Atoms, what: str) -> None:
    """Refuse a structure with two atoms closer than 0.65 times their covalent radii.

    Raises
    ------
    StructureError
        With the closest pair.
    """
    radii = covalent_radii[atoms.numbers]
    i, j, d = neighbour_pairs(atoms, OVERLAP * 2 * radii.max())
    ratio = d / (radii[i] + radii[j]) if len(d) else np.array([np.inf])
    if ratio.min() < OVERLAP:
        k = int(np.argmin(ratio))
        one, two = atoms.symbols[i[k]], atoms.symbols[j[k]]
        raise StructureError(
            f"{what} has overlapping atoms: {one} (atom {i[k]}) and {two} (atom {j[k]}) are "
            f"{d[k]:.2f} A apart. Check the lattice parameters and positions, or widen the gap."
        )
