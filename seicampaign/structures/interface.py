"""Interfaces of an electrolyte and an anode: two contacts, no vacuum, the normal along z."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from ase import Atoms

from seicampaign.structures.checks import check_overlap, check_polyanions
from seicampaign.structures.library import Crystal, full_lattice, record
from seicampaign.structures.matching import Match, Part, common_layers
from seicampaign.structures.search import Bounds, find_match
from seicampaign.structures.sites import conventional_sites, formula_units
from seicampaign.structures.slab import polyanion_bonds
from seicampaign.structures.spec import InterfaceSpec
from seicampaign.structures.stacking import layers, slab, stack, strain_into

BUILDER_VERSION = 1


def build_interface(spec: InterfaceSpec) -> Atoms:
    """Build the interface a specification asks for.

    Returns
    -------
    ase.Atoms
        Anode below, electrolyte above, periodic in x, y and z, the normal along z.
        ``arrays["region"]`` (int8) is 0 where an atom was built into the anode, 1 in the
        electrolyte. ``info`` has the hash of the specification, planes, strain of the anode
        (xx, yy, xy), area (square Angstrom), counts and gaps (Angstrom).

    Raises
    ------
    StructureError
        If a crystal is unknown or cannot be resolved, no match stays within ``max_strain``, no cut
        leaves the polyanions whole, or atoms overlap.
    """
    electrolyte, anode = _parts(spec)
    found = find_match(electrolyte, anode, _bounds(spec))
    upper_layer, lower_layer = common_layers(electrolyte, anode, found.contact)
    above = layers(upper_layer, spec.electrolyte_layers, spec.electrolyte_thickness)
    below = layers(lower_layer, spec.anode_layers, spec.anode_thickness)
    upper = slab(electrolyte.crystal, upper_layer, (*spec.supercell, above), spec.seed)
    lower = slab(anode.crystal, lower_layer, (*spec.supercell, below), spec.seed)
    strain_into(lower, upper, found)
    atoms, gaps = stack(lower, upper, spec.gap)
    name = f"The {electrolyte.crystal.name}/{anode.crystal.name} interface"
    bonds = len(polyanion_bonds(upper_layer)[0]) * int(np.prod((*spec.supercell, above)))
    check_polyanions(atoms, bonds, name)
    check_overlap(atoms, name)
    atoms.info = _facts(spec, found, electrolyte.crystal, (lower, upper), gaps)
    return atoms


def match(spec: InterfaceSpec) -> Match:
    """The common in-plane cell of an interface, and the strain the anode takes in it.

    Raises
    ------
    StructureError
        As `build_interface`, where no match stays within ``spec.max_strain``.
    """
    return find_match(*_parts(spec), _bounds(spec))


def spec_hash(spec: InterfaceSpec) -> str:
    """A short hash of everything that decides the interface, the crystals themselves included.

    A crystal counts by its cell and sites: renaming a CIF file changes nothing, editing it does.
    A field at its default does not count, so that a field that joins later leaves old hashes as
    they are; a default that changes raises `BUILDER_VERSION`.
    """
    content = spec.model_dump(mode="json", exclude={"electrolyte", "anode"}, exclude_defaults=True)
    content["electrolyte"] = record(spec.electrolyte, "electrolyte").content()
    content["anode"] = record(spec.anode, "anode").content()
    content["builder"] = BUILDER_VERSION
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _parts(spec: InterfaceSpec) -> tuple[Part, Part]:
    electrolyte, anode = record(spec.electrolyte, "electrolyte"), record(spec.anode, "anode")
    upper = conventional_sites(electrolyte, _override(spec.electrolyte_lattice, electrolyte))
    lower = conventional_sites(anode, _override(spec.anode_lattice, anode))
    return (
        Part(electrolyte, upper, spec.electrolyte_plane),
        Part(anode, lower, spec.anode_plane),
    )


def _override(lattice: float | tuple[float, ...] | None, crystal: Crystal) -> tuple[float, ...]:
    """Lattice parameters of the specification, with the crystal's own angles."""
    if lattice is None:
        return crystal.lattice
    return (*full_lattice(lattice)[:3], *crystal.lattice[3:])


def _bounds(spec: InterfaceSpec) -> Bounds:
    return Bounds(spec.max_strain, spec.max_area, spec.min_width)


def _facts(
    spec: InterfaceSpec,
    found: Match,
    electrolyte: Crystal,
    parts: tuple[Atoms, Atoms],
    gaps: tuple[float, float],
) -> dict[str, Any]:
    """What `atoms.info` says of an interface; plain values, so that any format can carry them."""
    return {
        "electrolyte": spec.electrolyte,
        "anode": spec.anode,
        "spec_hash": spec_hash(spec),
        "seed": spec.seed,
        "electrolyte_plane": list(found.contact.planes[0]),
        "anode_plane": list(found.contact.planes[1]),
        "strain": list(found.strain),
        "area": found.area * spec.supercell[0] * spec.supercell[1],
        "anode_atoms": len(parts[0]),
        "electrolyte_atoms": len(parts[1]),
        "formula_units": formula_units(electrolyte, parts[1]),
        "gaps": list(gaps),
    }
