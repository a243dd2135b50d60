"""How two crystals share one in-plane cell: the match, and the strain the anode pays for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.structures.library import Contact, Crystal, Matrix, Vector
from seicampaign.structures.slab import plane_basis, surface_cell


@dataclass(frozen=True)
class Part:
    """One side of an interface: a crystal, the sites of its cell, and the plane asked for."""

    crystal: Crystal
    sites: Atoms
    plane: Vector | None


@dataclass(frozen=True)
class Match:
    """The common in-plane cell of an electrolyte and an anode.

    Attributes
    ----------
    contact
        The planes that meet, and the common cell in multiples of the two shortest vectors within
        each plane.
    strain
        (xx, yy, xy) strain of the anode, which alone is strained; x lies along the first vector.
    edges, angle
        Lengths (Angstrom) of the two vectors of the common cell, and the angle between them.
    atoms
        Sites in one layer of the electrolyte and of the anode on the common cell.
    """

    contact: Contact
    strain: tuple[float, float, float]
    edges: tuple[float, float]
    angle: float
    atoms: tuple[int, int]

    @property
    def area(self) -> float:
        """Area of the common cell, square Angstrom."""
        return self.edges[0] * self.edges[1] * float(np.sin(np.radians(self.angle)))

    @property
    def width(self) -> float:
        """Smallest distance between opposite edges of the common cell, Angstrom."""
        return min(self.edges) * float(np.sin(np.radians(self.angle)))

    @property
    def largest_strain(self) -> float:
        """The principal strain of largest magnitude, without its sign."""
        xx, yy, xy = self.strain
        return float(np.abs(np.linalg.eigvalsh([[xx, xy], [xy, yy]])).max())


def common_layers(electrolyte: Part, anode: Part, contact: Contact) -> tuple[Atoms, Atoms]:
    """One layer of sites of each part on the common cell, neither strained yet."""
    return (
        _layer(electrolyte.sites, contact.planes[0], contact.electrolyte_cells),
        _layer(anode.sites, contact.planes[1], contact.anode_cells),
    )


def _layer(sites: Atoms, plane: Vector, cells: Matrix) -> Atoms:
    basis = plane_basis(np.asarray(sites.cell), plane)
    return surface_cell(sites, np.vstack([np.array(cells) @ basis[:2], basis[2]]))


def measure(electrolyte: Atoms, anode: Atoms, contact: Contact) -> Match:
    """The common cell of a contact, and the strain it means.

    Parameters
    ----------
    electrolyte, anode
        Sites of the conventional cells.
    contact
        Planes and cells.
    """
    held = _in_plane(electrolyte, contact.planes[0], contact.electrolyte_cells)
    free = _in_plane(anode, contact.planes[1], contact.anode_cells)
    edges = np.linalg.norm(held, axis=1)
    return Match(
        contact=contact,
        strain=strain_between(free, held),
        edges=(float(edges[0]), float(edges[1])),
        angle=float(np.degrees(np.arctan2(held[1, 1], held[1, 0]))),
        atoms=(
            len(electrolyte) * _multiple(contact.electrolyte_cells),
            len(anode) * _multiple(contact.anode_cells),
        ),
    )


def _multiple(cells: Matrix) -> int:
    return abs(round(float(np.linalg.det(np.array(cells)))))


def _in_plane(sites: Atoms, plane: Vector, cells: Matrix) -> NDArray[np.float64]:
    """The two vectors of a common cell as rows, the first along x, shape (2, 2)."""
    cell = np.asarray(sites.cell)
    one, two = np.array(cells) @ plane_basis(cell, plane)[:2] @ cell
    along = float(np.linalg.norm(one))
    across = float(np.linalg.norm(np.cross(one, two))) / along
    return np.array([[along, 0.0], [float(one @ two) / along, across]])


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
