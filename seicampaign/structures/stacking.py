"""Slabs cut from crystals, and slabs stacked into an interface without vacuum."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from seicampaign.errors import StructureError
from seicampaign.structures.charges import mean_charges
from seicampaign.structures.library import Crystal
from seicampaign.structures.matching import Match
from seicampaign.structures.neighbours import neighbour_pairs
from seicampaign.structures.sites import resolve
from seicampaign.structures.slab import cuts

ANODE, ELECTROLYTE = 0, 1
CONTACT_STRETCH = 1.05
# Strain of a bcc (110) film of lithium along its normal per unit of equal in-plane strain, from
# C11, C12, C44 = 13.5, 11.4, 8.8 GPa: (C12 + (C11 + C12 - 2 C44) / 2) / ((C11 + C12 + 2 C44) / 2)
NORMAL_RESPONSE = 0.7


def layers(layer: Atoms, number: int | None, thickness: float) -> int:
    """How many layers make a slab: the number given, else what comes closest to a thickness (A)."""
    return number or max(1, round(thickness / layer.cell[2, 2]))


def slab(crystal: Crystal, layer: Atoms, repeat: tuple[int, int, int], seed: int) -> Atoms:
    """A slab of whole polyanions standing on z = 0, its cell as thick as its layers."""
    heights = cuts(layer, mean_charges(crystal, layer))
    if not heights:
        raise StructureError(
            f"Every cut of {crystal.name} along this plane goes through a polyanion. "
            "Choose another plane (electrolyte_plane)."
        )
    block = resolve(crystal, layer.repeat(repeat), seed)
    scaled = block.get_scaled_positions(wrap=False)
    scaled[:, 2] -= heights[0] / block.cell[2, 2]
    block.set_scaled_positions(scaled - np.floor(scaled))
    block.set_cell([block.cell[0], block.cell[1], [0, 0, block.cell[2, 2]]])
    return block


def strain_into(lower: Atoms, upper: Atoms, match: Match) -> None:
    """Strain the anode into the electrolyte's cell; its normal relaxes as an elastic film's."""
    mean = (match.strain[0] + match.strain[1]) / 2
    height = lower.cell[2, 2] * (1 - NORMAL_RESPONSE * mean)
    lower.set_cell([upper.cell[0], upper.cell[1], [0, 0, height]], scale_atoms=True)


def stack(lower: Atoms, upper: Atoms, gap: float | None) -> tuple[Atoms, tuple[float, float]]:
    """Put the electrolyte on the anode, and close the cell over it."""
    for part in (lower, upper):
        part.positions[:, 2] -= part.positions[:, 2].min()
    gaps = (gap, gap) if gap else (_closest_gap(lower, upper), _closest_gap(upper, lower))
    base = lower.positions[:, 2].max() + gaps[0]
    height = base + upper.positions[:, 2].max() + gaps[1]
    upper.positions[:, 2] += base
    atoms = lower + upper
    atoms.set_cell([upper.cell[0], upper.cell[1], [0, 0, height]])
    atoms.pbc = True
    atoms.positions[:, 2] += gaps[1] / 2
    scaled = atoms.get_scaled_positions(wrap=False)
    atoms.set_scaled_positions(scaled - np.floor(scaled + 1e-9))
    region = np.repeat([ANODE, ELECTROLYTE], [len(lower), len(upper)]).astype(np.int8)
    atoms.set_array("region", region)
    return atoms, gaps


def _closest_gap(below: Atoms, above: Atoms) -> float:
    """Smallest distance of the outermost planes at which all atoms keep their distance.

    Two atoms keep it when they are at least 1.05 times the sum of their covalent radii apart
    (Cordero et al., Dalton Trans. 2832, 2008): Li-S 2.45, Li-Cl 2.42, Li-P 2.47, Li-Li 2.69 A.
    """
    radii = covalent_radii[np.concatenate([below.numbers, above.numbers])]
    reach = 2 * CONTACT_STRETCH * radii.max()
    depth = np.concatenate(
        [below.positions[:, 2] - below.positions[:, 2].max(), above.positions[:, 2]]
    )
    flat = below + above
    flat.positions[:, 2] = 0
    flat.set_cell([below.cell[0], below.cell[1], [0, 0, 10 * reach]])
    first = np.arange(len(flat)) < len(below)
    near = np.abs(depth) < reach
    i, j, lateral = neighbour_pairs(flat, reach, first & near, ~first & near)
    distance = CONTACT_STRETCH * (radii[i] + radii[j])
    touching = lateral < distance
    rise = np.sqrt(distance[touching] ** 2 - lateral[touching] ** 2)
    return float(max(0.0, np.max(rise - (depth[j] - depth[i])[touching])))
