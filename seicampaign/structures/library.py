"""The crystal library: records read from ``crystals.toml``, or from a CIF file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols

from seicampaign.errors import StructureError, unknown

Occupants = tuple[tuple[str, float], ...]
Vector = tuple[int, int, int]
Matrix = tuple[tuple[int, int], tuple[int, int]]
META = {"site", "at"}
CONTACT = "contact"


@dataclass(frozen=True)
class Site:
    """One orbit of a crystal: positions it is generated from, and the elements that share it."""

    label: str
    positions: tuple[tuple[float, ...], ...]
    occupants: Occupants

    @property
    def vacancy(self) -> float:
        """The fraction of this orbit that is empty."""
        return max(0.0, 1.0 - sum(fraction for _, fraction in self.occupants))


@dataclass(frozen=True)
class Crystal:
    """A crystal of the library, as published: occupations may be partial.

    Attributes
    ----------
    lattice
        a, b, c in Angstrom and alpha, beta, gamma in degrees.
    units
        Formula units in the conventional cell.
    density
        g/cm^3, from the source, for comparison.
    """

    name: str
    role: str
    formula: str
    units: int
    space_group: int
    lattice: tuple[float, ...]
    sites: tuple[Site, ...]
    method: str
    about: str
    source: str
    density: float | None = None
    family: str | None = None

    @property
    def ordered(self) -> bool:
        """Whether every site is filled by one element."""
        return all(len(s.occupants) == 1 and s.vacancy < 1e-6 for s in self.sites)

    def content(self) -> dict[str, Any]:
        """What decides the atoms of this crystal, without its name and its words."""
        words = {"name", "role", "method", "about", "source", "density"}
        return {key: value for key, value in asdict(self).items() if key not in words}


@dataclass(frozen=True)
class Contact:
    """A coherent contact of the library: planes that meet, and cells of each in the common cell.

    Attributes
    ----------
    planes
        Miller indices of the electrolyte's and of the anode's plane.
    electrolyte_cells, anode_cells
        Rows: the common cell in multiples of the two shortest vectors within each plane.
    """

    planes: tuple[Vector, Vector]
    electrolyte_cells: Matrix
    anode_cells: Matrix


@cache
def _library() -> dict[str, Any]:
    text = files(__package__).joinpath("crystals.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _records() -> dict[str, Crystal]:
    return {name: _record(name, dict(raw)) for name, raw in _library().items() if name != CONTACT}


def known_contacts(electrolyte: Crystal, anode: Crystal) -> list[Contact]:
    """The coherent contacts the library knows for two crystals, the preferred one first."""
    names = (electrolyte.name, electrolyte.family)
    return [
        Contact(
            planes=(tuple(raw["planes"][0]), tuple(raw["planes"][1])),
            electrolyte_cells=_matrix(raw["electrolyte_cells"]),
            anode_cells=_matrix(raw["anode_cells"]),
        )
        for raw in _library()[CONTACT]
        if raw["anode"] == anode.name and raw["electrolyte"] in names
    ]


def _matrix(rows: list[list[int]]) -> Matrix:
    (a, b), (c, d) = rows
    return (a, b), (c, d)


def _record(name: str, raw: dict[str, Any]) -> Crystal:
    """Freeze one entry of the file."""
    sites = tuple(
        Site(s["site"], (tuple(s["at"]),), tuple((e, f) for e, f in s.items() if e not in META))
        for s in raw.pop("sites")
    )
    lattice = full_lattice(raw.pop("lattice"))
    return Crystal(name=name, sites=sites, lattice=lattice, **raw)


def full_lattice(values: tuple[float, ...] | list[float] | float) -> tuple[float, ...]:
    """Complete a cubic (a) or orthogonal (a, b, c) lattice to six parameters.

    Raises
    ------
    StructureError
        If there are not 1, 3 or 6 values, or an edge is not positive.
    """
    given = (values,) if isinstance(values, int | float) else tuple(values)
    if len(given) not in (1, 3, 6) or min(given) <= 0:
        raise StructureError(
            f"Lattice parameters {list(given)} cannot be used: give a, or a, b, c, or "
            "a, b, c, alpha, beta, gamma, all positive (Angstrom, degrees)."
        )
    edges = given[:3] if len(given) >= 3 else given * 3
    angles = given[3:] if len(given) == 6 else (90.0, 90.0, 90.0)
    return tuple(float(v) for v in (*edges, *angles))


def crystals(role: str | None = None) -> list[Crystal]:
    """The records of the library, each with its source.

    Parameters
    ----------
    role
        Only those of this role: ``"electrolyte"``, ``"anode"`` or ``"product"``.
    """
    return [c for c in _records().values() if role in (None, c.role)]


def record(name: str, kind: str = "crystal") -> Crystal:
    """The record of a crystal of the library, or one made from a CIF file.

    Parameters
    ----------
    name
        A name of the library, or the path of a CIF file.
    kind
        What the crystal is wanted for; only for the words of the error.

    Raises
    ------
    StructureError
        If there is no such crystal or file, or the file cannot be used.
    """
    if name in _records():
        return _records()[name]
    if name.lower().endswith(".cif"):
        from seicampaign.structures.cif import crystal_from_cif

        return crystal_from_cif(Path(name))
    hint = " Or give the path of a CIF file (it must end in .cif)."
    raise StructureError(unknown(kind, name, _records()) + hint)


def composition(formula: str) -> dict[str, float]:
    """Atoms of each element in one formula unit, e.g. ``{"Li": 5.5, "P": 1.0, ...}``.

    Raises
    ------
    StructureError
        If the formula names something that is not an element.
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula)
    if "".join(e + n for e, n in parts) != formula or not parts:
        raise StructureError(f"{formula!r} is not a chemical formula.")
    total: dict[str, float] = {}
    for element, number in parts:
        if element not in chemical_symbols[1:]:
            raise StructureError(unknown("element", element, chemical_symbols[1:]))
        total[element] = total.get(element, 0.0) + float(number or 1)
    return total
