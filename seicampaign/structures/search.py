"""Which contact to build: one the library knows, else the best a coherent search finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.errors import StructureError
from seicampaign.structures.charges import mean_charges
from seicampaign.structures.library import Contact, Matrix, Vector, known_contacts
from seicampaign.structures.matching import Match, Part, measure
from seicampaign.structures.slab import cuts, layer_dipole, plane_basis, surface_cell

ANODE_PLANES: tuple[Vector, ...] = ((1, 1, 0), (1, 0, 0), (1, 1, 1))
POLAR = 0.05  # mean charge displacement of a layer, e per Angstrom of its thickness and site
# What a match pays, in units of strain, for an area (A^2) off the seed paper's, for being long,
# oblique or polar
AREA, PER_AREA, PER_ASPECT, PER_DEGREE, FOR_POLAR = 150.0, 1e-4, 0.01, 5e-4, 0.02


@dataclass(frozen=True)
class Bounds:
    """What a match must keep to: largest strain, largest area (A^2), smallest width (A)."""

    max_strain: float
    max_area: float
    min_width: float

    def broken_by(self, match: Match) -> bool:
        """Whether a match is too large or too narrow, whatever its strain."""
        return match.area > self.max_area or match.width < self.min_width


def find_match(electrolyte: Part, anode: Part, bounds: Bounds) -> Match:
    """The common cell of two crystals: the first the library knows within bounds, else a search.

    Raises
    ------
    StructureError
        If the best match strains the anode beyond the bound, or there is none.
    """
    for contact in known_contacts(electrolyte.crystal, anode.crystal):
        asked = zip((electrolyte.plane, anode.plane), contact.planes, strict=True)
        if any(plane and plane != known for plane, known in asked):
            continue
        match = measure(electrolyte.sites, anode.sites, contact)
        if not bounds.broken_by(match):
            return _accepted(match, electrolyte, anode, bounds)
    return search(electrolyte, anode, bounds)


def search(electrolyte: Part, anode: Part, bounds: Bounds) -> Match:
    """The best coherent match of two crystals over their low-index planes.

    Every plane of the electrolyte (Miller indices up to 1) that can be cut between its polyanions
    is laid on (110), (100) and (111) of the anode; pymatgen's ZSL generator (Zur and McGill,
    J. Appl. Phys. 55, 378, 1984) lists the common cells. The best match has the least sum of
    strain and of small costs for area, elongation, obliqueness and a polar cut.

    Raises
    ------
    StructureError
        With the best match there is, if it is out of bounds; or if no plane can be cut.
    """
    found: list[tuple[float, Match]] = []
    faces = [anode.plane] if anode.plane else ANODE_PLANES
    cuttable = dict(_cuttable(electrolyte))
    for (plane, polar), face in product(cuttable.items(), faces):
        for contact in _common_cells(electrolyte.sites, anode.sites, (plane, face), bounds):
            match = measure(electrolyte.sites, anode.sites, contact)
            if not bounds.broken_by(match):
                found.append((_cost(match) + FOR_POLAR * polar, match))
    if not cuttable:
        raise StructureError(
            f"No plane of {electrolyte.crystal.name} can be cut without breaking its polyanions. "
            "Name another one (electrolyte_plane)."
        )
    if not found:
        raise StructureError(
            f"No common cell of {electrolyte.crystal.name} and {anode.crystal.name} is smaller "
            f"than {bounds.max_area:g} A^2 and wider than {bounds.min_width:g} A within "
            f"a strain of {bounds.max_strain:g}. Raise max_area or max_strain, or name other "
            "planes (electrolyte_plane, anode_plane)."
        )
    within = [f for f in found if f[1].largest_strain <= bounds.max_strain] or found
    return _accepted(min(within, key=lambda f: f[0])[1], electrolyte, anode, bounds)


def _accepted(match: Match, electrolyte: Part, anode: Part, bounds: Bounds) -> Match:
    if match.largest_strain > bounds.max_strain:
        raise StructureError(
            f"{anode.crystal.name} on {electrolyte.crystal.name} would be strained by "
            f"{100 * match.largest_strain:.2g}% (the best match found, {match.area:.0f} A^2), more "
            f"than max_strain = {bounds.max_strain:g}. Raise max_strain or max_area, or give other "
            "lattice parameters (electrolyte_lattice, anode_lattice) or planes."
        )
    return match


def _cuttable(electrolyte: Part) -> Iterator[tuple[Vector, bool]]:
    """Planes that leave every polyanion whole, and whether their best cut is polar."""
    low = [(h, k, m) for h, k, m in product((1, 0, -1), repeat=3) if (h, k, m) > (0, 0, 0)]
    for plane in [electrolyte.plane] if electrolyte.plane else low:
        basis = plane_basis(np.asarray(electrolyte.sites.cell), plane)
        layer = surface_cell(electrolyte.sites, basis)
        charges = mean_charges(electrolyte.crystal, layer)
        if heights := cuts(layer, charges):
            displaced = abs(layer_dipole(layer, charges, heights[0]))
            yield plane, displaced > POLAR * layer.cell[2, 2] * len(layer)


def _common_cells(
    electrolyte: Atoms, anode: Atoms, planes: tuple[Vector, Vector], bounds: Bounds
) -> Iterator[Contact]:
    """Contacts on two planes whose cells agree within a little more than the bound of strain."""
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator

    film, substrate = (
        plane_basis(np.asarray(s.cell), p)[:2] @ np.asarray(s.cell)
        for s, p in zip((electrolyte, anode), planes, strict=True)
    )
    reach = max(2 * bounds.max_strain, 0.1)  # beyond the bound, to name the best match there is
    generator = ZSLGenerator(
        max_area=bounds.max_area,
        max_area_ratio_tol=2 * reach,
        max_length_tol=reach,
        max_angle_tol=reach,
    )
    for match in generator(film, substrate):
        upper = _multiples(np.asarray(match.film_sl_vectors), film)
        lower = _multiples(np.asarray(match.substrate_sl_vectors), substrate)
        yield Contact(planes, _right_handed(upper), _right_handed(lower))


def _multiples(cell: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(cell @ np.linalg.pinv(vectors)).astype(np.int64)


def _right_handed(cells: NDArray[np.int64]) -> Matrix:
    """The same cell with its second vector reversed where the two are left-handed."""
    one, two = cells
    if one[0] * two[1] < one[1] * two[0]:
        two = -two
    return (int(one[0]), int(one[1])), (int(two[0]), int(two[1]))


def _cost(match: Match) -> float:
    longer = max(match.edges) / min(match.edges) - 1
    oblique = abs(match.angle - 90)
    area = PER_AREA * abs(match.area - AREA)
    return match.largest_strain + area + PER_ASPECT * longer + PER_DEGREE * oblique
