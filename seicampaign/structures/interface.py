"""Interfaces of an electrolyte and an anode: two contacts, no vacuum, the normal along z."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from seicampaign.errors import StructureError
from seicampaign.structures.charges import mean_charges
from seicampaign.structures.checks import check_overlap, check_polyanions
from seicampaign.structures.library import Crystal, full_lattice, record
from seicampaign.structures.matching import Match, common_layers, find_match
from seicampaign.structures.neighbours import neighbour_pairs
from seicampaign.structures.sites import conventional_sites, formula_units, resolve
from seicampaign.structures.slab import cuts, polyanion_bonds
from seicampaign.structures.spec import InterfaceSpec

ANODE, ELECTROLYTE = 0, 1
BUILDER_VERSION = 1
CONTACT_STRETCH = 1.05
# Strain of a bcc (110) film of lithium along its normal per unit of equal in-plane strain, from
# C11, C12, C44 = 13.5, 11.4, 8.8 GPa: (C12 + (C11 + C12 - 2 C44) / 2) / (C11 + C12 + 2 C44)
NORMAL_RESPONSE = 0.7


def build_interface(spec: InterfaceSpec) -> Atoms:
    """Build the interface a specification asks for.

    Returns
    -------
    ase.Atoms
        Anode below, electrolyte above, periodic in x, y and z, the normal along z.
        ``arrays["region"]`` (int8) is 0 where an atom was built into the anode, 1 in the
        electrolyte. ``info`` has the spec's hash, strain, counts, area (A^2) and gaps (A).

    Raises
    ------
    StructureError
        If a crystal is unknown or cannot be resolved, no match stays within ``max_strain``, no cut
        leaves the polyanions whole, or atoms overlap.
    """
    upper_crystal, lower_crystal, match = _matched(spec)
    upper_sites, lower_sites = _sites(spec, upper_crystal, lower_crystal)
    upper_layer, lower_layer = common_layers(upper_sites, lower_sites, match)
    repeat_upper = (
        *spec.supercell,
        _layers(spec.electrolyte_layers, spec.electrolyte_thickness, upper_layer),
    )
    repeat_lower = (*spec.supercell, _layers(spec.anode_layers, spec.anode_thickness, lower_layer))
    upper = _slab(upper_crystal, upper_layer, repeat_upper, spec.seed)
    lower = _slab(lower_crystal, lower_layer, repeat_lower, spec.seed)
    _strain_into(lower, upper, match)
    atoms, gaps = _stack(lower, upper, spec.gap)
    bonds = len(polyanion_bonds(upper_layer)[0]) * int(np.prod(repeat_upper))
    check_polyanions(atoms, bonds, f"The {spec.electrolyte}/{spec.anode} interface")
    check_overlap(atoms, f"The {spec.electrolyte}/{spec.anode} interface")
    atoms.info = _facts(spec, match, len(lower), upper_crystal, upper, gaps)
    return atoms


def match(spec: InterfaceSpec) -> Match:
    """The common in-plane cell of an interface, and the strain the anode takes in it.

    Raises
    ------
    StructureError
        As `build_interface`, where no match stays within ``spec.max_strain``.
    """
    return _matched(spec)[2]


def spec_hash(spec: InterfaceSpec) -> str:
    """A short hash of everything that decides the interface, the crystals themselves included."""
    content = spec.model_dump(mode="json", exclude={"electrolyte", "anode"})
    content["electrolyte"] = asdict(record(spec.electrolyte, "electrolyte"))
    content["anode"] = asdict(record(spec.anode, "anode"))
    content["builder"] = BUILDER_VERSION
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _matched(spec: InterfaceSpec) -> tuple[Crystal, Crystal, Match]:
    upper, lower = record(spec.electrolyte, "electrolyte"), record(spec.anode, "anode")
    upper_sites, lower_sites = _sites(spec, upper, lower)
    planes = spec.electrolyte_plane, spec.anode_plane
    found = find_match((upper, upper_sites), (lower, lower_sites), planes, spec.max_strain)
    return upper, lower, found


def _sites(spec: InterfaceSpec, upper: Crystal, lower: Crystal) -> tuple[Atoms, Atoms]:
    return (
        conventional_sites(upper, _override(spec.electrolyte_lattice, upper)),
        conventional_sites(lower, _override(spec.anode_lattice, lower)),
    )


def _override(lattice: float | tuple[float, ...] | None, crystal: Crystal) -> tuple[float, ...]:
    """Lattice parameters of the specification, with the crystal's own angles."""
    if lattice is None:
        return crystal.lattice
    return (*full_lattice(lattice)[:3], *crystal.lattice[3:])


def _layers(layers: int | None, thickness: float, layer: Atoms) -> int:
    return layers or max(1, round(thickness / layer.cell[2, 2]))


def _slab(crystal: Crystal, layer: Atoms, repeat: tuple[int, int, int], seed: int) -> Atoms:
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


def _strain_into(lower: Atoms, upper: Atoms, match: Match) -> None:
    """Strain the anode into the electrolyte's cell; its normal relaxes as an elastic film's."""
    mean = (match.strain[0] + match.strain[1]) / 2
    height = lower.cell[2, 2] * (1 - NORMAL_RESPONSE * mean)
    lower.set_cell([upper.cell[0], upper.cell[1], [0, 0, height]], scale_atoms=True)


def _stack(lower: Atoms, upper: Atoms, gap: float | None) -> tuple[Atoms, tuple[float, float]]:
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


def _facts(
    spec: InterfaceSpec,
    match: Match,
    anode_atoms: int,
    crystal: Crystal,
    electrolyte: Atoms,
    gaps: tuple[float, float],
) -> dict[str, Any]:
    """What `atoms.info` says of an interface; plain values, so that any format can carry them."""
    return {
        "electrolyte": spec.electrolyte,
        "anode": spec.anode,
        "spec_hash": spec_hash(spec),
        "seed": spec.seed,
        "strain": list(match.strain),
        "area": match.area * int(np.prod(spec.supercell)),
        "anode_atoms": anode_atoms,
        "electrolyte_atoms": len(electrolyte),
        "formula_units": formula_units(crystal, electrolyte),
        "gaps": list(gaps),
    }
