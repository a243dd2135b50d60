"""From a record of the library to sites in space, and from sites to atoms."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.geometry import cellpar_to_cell

from seicampaign.structures.library import Crystal, composition, full_lattice, record


def conventional_sites(crystal: Crystal, lattice: tuple[float, ...] | None = None) -> Atoms:
    """Every site of the conventional cell, filled or not.

    Parameters
    ----------
    crystal
        A record of the library.
    lattice
        Lattice parameters in place of the record's own (Angstrom, degrees).

    Returns
    -------
    ase.Atoms
        One "atom" per site, periodic. ``arrays["orbit"]`` is the index into ``crystal.sites``;
        the element is the orbit's most frequent one.
    """
    from ase.spacegroup import Spacegroup

    group = Spacegroup(crystal.space_group)
    scaled, orbits, symbols = [], [], []
    for index, site in enumerate(crystal.sites):
        points, _ = group.equivalent_sites(site.positions)
        scaled.append(points)
        orbits += [index] * len(points)
        symbols += [max(site.occupants, key=lambda o: o[1])[0]] * len(points)
    cell = cellpar_to_cell(full_lattice(lattice or crystal.lattice))
    atoms = Atoms(symbols, scaled_positions=np.concatenate(scaled), cell=cell, pbc=True)
    atoms.set_array("orbit", np.asarray(orbits))
    return atoms


def crystal(
    name: str,
    seed: int | None = None,
    repeat: tuple[int, int, int] = (1, 1, 1),
    lattice: float | tuple[float, ...] | None = None,
) -> Atoms:
    """A crystal as atoms: the conventional cell, or a block of such cells.

    Parameters
    ----------
    name
        A name of the library (see `crystals`) or the path of a CIF file.
    seed
        Decides which atoms sit on partially occupied sites; an ordered crystal has no use for
        it. None is the same as 0.
    repeat
        Conventional cells along a, b and c. Disorder is drawn for the whole block.
    lattice
        a, or a, b, c, or a, b, c, alpha, beta, gamma in place of the record's.

    Raises
    ------
    StructureError
        If the crystal is unknown, or its occupations cannot be resolved in this block.
    """
    found = record(name)
    sites = conventional_sites(found, full_lattice(lattice) if lattice is not None else None)
    return resolve(found, sites.repeat(repeat), seed)


def resolve(crystal: Crystal, sites: Atoms, seed: int | None) -> Atoms:
    """Put atoms on sites: as they are where the crystal is ordered, by a seeded draw elsewhere."""
    if crystal.ordered:
        atoms = sites.copy()
    else:
        from seicampaign.structures.occupation import occupy

        atoms = occupy(crystal, sites, seed or 0)
    del atoms.arrays["orbit"]
    return atoms


def formula_units(crystal: Crystal, atoms: Atoms) -> int:
    """Formula units of a crystal in a block of its atoms."""
    return round(len(atoms) / sum(composition(crystal.formula).values()))
