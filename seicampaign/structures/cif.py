"""Crystals that are not in the library: a record made from a CIF file."""

from __future__ import annotations

import warnings
from functools import lru_cache
from math import gcd
from pathlib import Path

from seicampaign.errors import StructureError
from seicampaign.structures.checks import check_overlap
from seicampaign.structures.library import Crystal, Occupants, Site
from seicampaign.structures.sites import conventional_sites

WHOLE = 0.1


def crystal_from_cif(path: Path) -> Crystal:
    """Read a crystal from a CIF file; its partial occupations are kept, to be drawn later.

    Sites with the same occupants make one orbit.

    Parameters
    ----------
    path
        The file. Its cell is taken as it is, without a search for symmetry.

    Raises
    ------
    StructureError
        If there is no such file, it cannot be read, atoms overlap, or its occupations do not add
        up to whole numbers of atoms in one cell.
    """
    if not path.is_file():
        raise StructureError(f"There is no CIF file at {str(path)!r}.")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, _changed: int) -> Crystal:
    from pymatgen.core import Structure

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = Structure.from_file(str(path), primitive=False)
    except Exception as error:
        raise StructureError(f"{path} cannot be read as a CIF file: {error}") from error
    orbits: dict[Occupants, list[tuple[float, ...]]] = {}
    for site in structure:
        species = site.species.element_composition
        occupants = tuple((element.symbol, float(f)) for element, f in species.items())
        orbits.setdefault(occupants, []).append((float(site.a), float(site.b), float(site.c)))
    sites = tuple(
        Site("+".join(e for e, _ in occupants), tuple(positions), occupants)
        for occupants, positions in orbits.items()
    )
    counts = _whole_counts(path, sites)
    units = gcd(*counts.values())
    crystal = Crystal(
        name=path.name,
        role="electrolyte",
        formula="".join(f"{e}{n // units if n > units else ''}" for e, n in counts.items()),
        units=units,
        space_group=1,
        lattice=tuple(float(v) for v in structure.lattice.parameters),
        sites=sites,
        method="CIF file",
        about=f"Read from {path.name}.",
        source=path.name,
    )
    if crystal.ordered:
        check_overlap(conventional_sites(crystal), str(path))
    return crystal


def _whole_counts(path: Path, sites: tuple[Site, ...]) -> dict[str, int]:
    """Atoms of each element in the cell."""
    total: dict[str, float] = {}
    for site in sites:
        for element, fraction in site.occupants:
            total[element] = total.get(element, 0.0) + fraction * len(site.positions)
    for element, number in total.items():
        if abs(number - round(number)) > WHOLE or round(number) == 0:
            raise StructureError(
                f"{path}: its occupations add up to {number:.2f} {element} in the cell, not a "
                "whole number of atoms. Correct them, give a larger cell, or order the structure."
            )
    return {element: round(number) for element, number in total.items()}
