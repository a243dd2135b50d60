"""A crystal seen along the normal of a plane, and the heights at which it may be cut."""

from __future__ import annotations

from itertools import product
from math import gcd

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from numpy.typing import NDArray

from seicampaign.errors import StructureError
from seicampaign.structures.library import Vector
from seicampaign.structures.neighbours import neighbour_pairs

POLYANION_CENTRES = ("B", "Si", "P", "Ge", "As", "Sn", "Sb")
POLYANION_LIGANDS = ("O", "S", "Se")
BOND_STRETCH = 1.25
PLANE_TOLERANCE = 0.05


def plane_basis(cell: NDArray[np.float64], plane: Vector) -> NDArray[np.int64]:
    """Lattice vectors of the smallest cell whose first two vectors span a plane.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), Angstrom.
    plane
        Miller indices (h, k, l) of the plane in that cell.

    Returns
    -------
    NDArray
        Integer matrix, shape (3, 3), determinant 1: the two shortest vectors within the plane
        and the one to the next plane that leans least.

    Raises
    ------
    StructureError
        If all three indices are zero.
    """
    if not any(plane):
        raise StructureError("Miller indices (0, 0, 0) name no plane.")
    hkl = np.array(plane) // gcd(*plane)
    reach = range(-max(2, int(abs(hkl).max())), max(2, int(abs(hkl).max())) + 1)
    vectors = np.array(sorted(product(reach, repeat=3), reverse=True))
    length = np.round(np.linalg.norm(vectors @ cell, axis=1), 6)
    vectors = vectors[np.argsort(length, kind="stable")]
    height = vectors @ hkl
    inside = vectors[(height == 0) & vectors.any(axis=1)]
    first = inside[0]
    second = next(v for v in inside if gcd(*np.cross(first, v)) == 1)
    out = vectors[height == 1][0]
    basis = np.array([first, second, out])
    if np.linalg.det(basis) < 0:
        basis[1] *= -1
    return basis


def surface_cell(sites: Atoms, vectors: NDArray[np.int64]) -> Atoms:
    """The cell spanned by integer vectors, turned so that the first two lie in the xy plane.

    Parameters
    ----------
    sites
        A periodic cell.
    vectors
        Integer matrix, shape (3, 3), right-handed; the first row is laid along x.
    """
    from ase.build import make_supercell

    atoms = make_supercell(sites, vectors)
    standard, _ = atoms.cell.standard_form()
    atoms.set_cell(standard, scale_atoms=True)
    return atoms


def polyanion_bonds(
    atoms: Atoms,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Bonds inside polyanions such as PS4: centre, ligand, length (Angstrom).

    A bond is a pair of a centre (P, Si, Ge, ...) and a ligand (S, O, Se) closer than 1.25 times
    the sum of their covalent radii (P-S: 2.65 Angstrom).
    """
    symbols = np.array(atoms.get_chemical_symbols())
    centres, ligands = np.isin(symbols, POLYANION_CENTRES), np.isin(symbols, POLYANION_LIGANDS)
    if not (centres.any() and ligands.any()):
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    radii = covalent_radii[atoms.numbers]
    reach = BOND_STRETCH * (radii[centres].max() + radii[ligands].max())
    i, j, d = neighbour_pairs(atoms, reach, centres, ligands)
    bonded = d < BOND_STRETCH * (radii[i] + radii[j])
    return i[bonded], j[bonded], d[bonded]


def cuts(layer: Atoms, charges: NDArray[np.float64]) -> list[float]:
    """Heights at which a crystal may be cut without breaking a polyanion, the best first.

    Parameters
    ----------
    layer
        One repeat of the crystal along the normal, as `surface_cell` gives it.
    charges
        Formal (mean) charge of each site, shape (N,).

    Returns
    -------
    list of float
        Heights in [0, thickness), Angstrom. The least dipole of the layer comes first (a polar
        surface would polarise the slab), then the widest space between atomic planes.
    """
    thickness = layer.cell[2, 2]
    z = layer.positions[:, 2] % thickness
    planes = np.unique(z)
    planes = planes[np.diff(planes, prepend=planes[-1] - thickness) > PLANE_TOLERANCE]
    space = np.diff(planes, append=planes[0] + thickness)
    middles = planes + space / 2
    whole = [k for k, h in enumerate(middles) if not _breaks(layer, h)]
    dipole = [abs(round(layer_dipole(layer, charges, middles[k]), 3)) for k in whole]
    ranked = sorted(zip(whole, dipole, strict=True), key=lambda kd: (kd[1], -space[kd[0]]))
    return [float(middles[k] % thickness) for k, _ in ranked]


def layer_dipole(layer: Atoms, charges: NDArray[np.float64], height: float) -> float:
    """Dipole along the normal of a layer that starts at a height, e Angstrom."""
    return float(charges @ ((layer.positions[:, 2] - height) % layer.cell[2, 2]))


def _breaks(layer: Atoms, height: float) -> bool:
    """Whether a cut at a height goes through a bond of a polyanion."""
    lifted = layer.copy()
    thickness = layer.cell[2, 2]
    lifted.positions[:, 2] = (lifted.positions[:, 2] - height) % thickness
    vacuum = lifted.cell[2] * (1 + 10 / thickness)
    lifted.set_cell([lifted.cell[0], lifted.cell[1], vacuum])
    return len(polyanion_bonds(lifted)[0]) < len(polyanion_bonds(layer)[0])
