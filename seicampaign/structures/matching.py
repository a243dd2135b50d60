"""How two crystals share one in-plane cell: the match, and the strain the anode pays for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.errors import StructureError
from seicampaign.structures.library import Crystal, Matrix, Vector, known_contact
from seicampaign.structures.slab import plane_basis, surface_cell


@dataclass(frozen=True)
class Match:
    """The common in-plane cell of an electrolyte and an anode.

    Attributes
    ----------
    planes
        Miller indices of the electrolyte's and of the anode's plane.
    electrolyte, anode
        Rows: the common cell in multiples of the two shortest vectors within each plane.
    strain
        (xx, yy, xy) strain of the anode, which alone is strained; x lies along the first vector.
    area
        Area of the common cell, square Angstrom.
    atoms
        Atoms (filled sites) of one layer of the electrolyte and of one of the anode.
    """

    planes: tuple[Vector, Vector]
    electrolyte: Matrix
    anode: Matrix
    strain: tuple[float, float, float]
    area: float
    atoms: tuple[float, float]

    @property
    def largest_strain(self) -> float:
        """The principal strain of largest magnitude, without its sign."""
        xx, yy, xy = self.strain
        return float(np.abs(np.linalg.eigvalsh([[xx, xy], [xy, yy]])).max())


def common_layers(electrolyte: Atoms, anode: Atoms, match: Match) -> tuple[Atoms, Atoms]:
    """One layer of each part on the common cell, neither strained yet."""
    return (
        _layer(electrolyte, match.planes[0], match.electrolyte),
        _layer(anode, match.planes[1], match.anode),
    )


def _layer(sites: Atoms, plane: Vector, cells: Matrix) -> Atoms:
    basis = plane_basis(np.asarray(sites.cell), plane)
    inside = np.array(cells) @ basis[:2]
    return surface_cell(sites, np.vstack([inside, basis[2]]))


def strain_between(
    free: NDArray[np.float64], held: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Strain that carries one in-plane cell into another, rotation left out.

    Parameters
    ----------
    free, held
        In-plane vectors as rows, shape (2, 2), before and after.

    Returns
    -------
    (xx, yy, xy)
        Of the right stretch tensor minus one: U = sqrt(F F^T) for row vectors x' = x F.
    """
    gradient = np.linalg.solve(free, held)
    values, axes = np.linalg.eigh(gradient @ gradient.T)
    stretch = axes @ np.diag(np.sqrt(values)) @ axes.T - np.eye(2)
    return float(stretch[0, 0]), float(stretch[1, 1]), float(stretch[0, 1])


def find_match(
    electrolyte: tuple[Crystal, Atoms],
    anode: tuple[Crystal, Atoms],
    planes: tuple[Vector | None, Vector | None],
    max_strain: float,
) -> Match:
    """The common cell of two crystals: the one the library knows, else the best one found.

    Parameters
    ----------
    electrolyte, anode
        Each crystal with the sites of its conventional cell.
    planes
        Planes the user insists on.
    max_strain
        Largest principal strain the anode may take.

    Raises
    ------
    StructureError
        If the anode would be strained more.
    """
    contact = known_contact(electrolyte[0], anode[0])
    if contact is None or any(p and p != k for p, k in zip(planes, contact.planes, strict=True)):
        raise StructureError(
            f"No coherent contact of {electrolyte[0].name} and {anode[0].name} is known."
        )
    match = measure(
        electrolyte[1], anode[1], contact.planes, contact.electrolyte, contact.anode_cells
    )
    if match.largest_strain > max_strain:
        raise StructureError(_too_strained(electrolyte[0], anode[0], match, max_strain))
    return match


def _too_strained(electrolyte: Crystal, anode: Crystal, match: Match, bound: float) -> str:
    return (
        f"{anode.name} on {electrolyte.name} would be strained by {match.largest_strain:.1%} "
        f"(the best match found), more than max_strain={bound:.1%}. Raise max_strain, or give "
        "other lattice parameters (electrolyte_lattice, anode_lattice) or other planes."
    )


def measure(
    electrolyte: Atoms,
    anode: Atoms,
    planes: tuple[Vector, Vector],
    electrolyte_cells: Matrix,
    anode_cells: Matrix,
) -> Match:
    upper = _layer(electrolyte, planes[0], electrolyte_cells)
    lower = _layer(anode, planes[1], anode_cells)
    held, free = np.asarray(upper.cell)[:2, :2], np.asarray(lower.cell)[:2, :2]
    return Match(
        planes=planes,
        electrolyte=electrolyte_cells,
        anode=anode_cells,
        strain=strain_between(free, held),
        area=float(abs(np.linalg.det(held))),
        atoms=(len(upper), len(lower)),
    )
