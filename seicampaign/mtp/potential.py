"""A potential as a user meets it: a file, its species, and what is known of it."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.errors import PotentialError, unknown
from seicampaign.mtp.format import read_mtp
from seicampaign.mtp.model import MTP

if TYPE_CHECKING:
    from pymatgen.io.lammps.generators import LammpsForceField

    from seicampaign.mtp.calculator import MTPCalculator
    from seicampaign.mtp.plugin import Grading

SHIPPED = Path(__file__).parent / "data"


@dataclass(frozen=True, eq=False)
class Potential:
    """A trained moment tensor potential for named species.

    Attributes
    ----------
    name
        Of the file, for people.
    mtp
        The potential itself.
    species
        The element of each of its types, in the file's order.
    path
        The `.mtp` file, which LAMMPS reads.
    metadata
        What the JSON file beside it says: data set, settings, errors by kind.
    """

    name: str
    mtp: MTP
    species: tuple[str, ...]
    path: Path
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """The identity: of coefficients and species, not of names or layout of the file."""
        return hashlib.sha256(f"{self.mtp.hash} {' '.join(self.species)}".encode()).hexdigest()[:20]

    def calculator(self) -> MTPCalculator:
        """An ASE calculator."""
        from seicampaign.mtp.calculator import MTPCalculator

        return MTPCalculator(self.mtp, self.species)

    def require(self, elements: Sequence[str]) -> None:
        """Refuse elements the potential was not trained for.

        Raises
        ------
        PotentialError
            With the elements that are missing and those there are.
        """
        require_elements(self.name, self.species, elements)

    def pair_lines(self, elements: Sequence[str], grading: Grading | None = None) -> list[str]:
        """LAMMPS lines that load the plug-in and set the pair style.

        Parameters
        ----------
        elements
            The element of each LAMMPS type 1, 2, ...
        grading
            Extrapolation grades, if wanted: the native kernel alone gives them.

        Raises
        ------
        PotentialError
            If it lacks one of them.
        EngineError
            If the plug-in cannot be compiled. Without any compiler, a warning, and lines for the
            slower engine of `seicampaign.mtp.fallback`.
        """
        from seicampaign.mtp import build, fallback, plugin

        self.require(elements)
        types = [self.species.index(element) for element in elements]
        if not build.has_compiler():
            warnings.warn(fallback.SLOW, stacklevel=2)
            return fallback.pair_lines(self.path, types)
        return plugin.pair_lines(self.path, types, grading)

    def lammps_force_field(self, elements: Sequence[str] | None = None) -> LammpsForceField:
        """The potential as pymatgen and atomate2 take one, for ``LammpsNPTMaker`` and its like.

        Parameters
        ----------
        elements
            Those of the structure. Default: every species of the potential. LAMMPS types are in
            pymatgen's order, by electronegativity.

        Raises
        ------
        PotentialError
            If it lacks one of them.
        """
        from pymatgen.core import Element
        from pymatgen.io.lammps.generators import LammpsForceField

        types = [str(e) for e in sorted(Element(name) for name in elements or self.species)]
        # A force field is a style and its coefficients: there is no place for `plugin load`. So
        # it begins with LAMMPS's own style of no forces, and the plug-in's comes in its place.
        return LammpsForceField(
            pair_style=f"zero {self.mtp.max_dist}",
            pair_coeff="\n".join(["* *", *self.pair_lines(types)]),
            species=types,
        )


def require_elements(name: str, species: Sequence[str], elements: Sequence[str]) -> None:
    """Refuse elements that a potential of these species does not know.

    Raises
    ------
    PotentialError
        With the elements that are missing and those there are.
    """
    missing = [element for element in elements if element not in species]
    if missing:
        raise PotentialError(
            f"Potential {name!r} lacks {', '.join(missing)}: it knows {', '.join(species)}. "
            "Use a potential with every element."
        )


def shipped_potentials() -> list[str]:
    """The names of the potentials that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.mtp"))


def load_potential(name: str | Path, species: Sequence[str] | None = None) -> Potential:
    """Load a potential that is shipped, or a file of one's own.

    Parameters
    ----------
    name
        One of `shipped_potentials`, or the path of a `.mtp` file.
    species
        The element of each type of the file, in its order. A file does not say; it can be left
        out where a JSON file of the same name beside it does (``{"species": ["Li", ...]}``), and
        has to agree with it.

    Raises
    ------
    PotentialError
        If there is no such potential, the file is not a trained potential, or the species do not
        fit it.
    """
    path = _find(name)
    mtp = read_mtp(path)
    if not mtp.trained:
        raise PotentialError(f"{path} is an untrained potential: it has no coefficients yet.")
    metadata = _metadata(path)
    stated = metadata.get("species")
    named = species if species is not None else stated
    if named is None:
        raise PotentialError(
            f"{path} has {mtp.species_count} species but does not say which. Name them in its "
            f'order: load_potential("{path.name}", species=["Li", ...]), or in a campaign '
            f"`potential: {{file: {path.name}, species: [Li, ...]}}`."
        )
    names = _checked(path, named, mtp)
    if stated is not None and names != tuple(stated):
        raise PotentialError(
            f"{path} is for {', '.join(stated)}, in this order, as the JSON file beside it says, "
            f"not for {', '.join(names)}. Leave the species out, or correct that file."
        )
    return Potential(path.stem, mtp, names, path, metadata)


def _find(name: str | Path) -> Path:
    path = Path(name).expanduser()
    if path.suffix == ".mtp" or len(path.parts) > 1:
        if not path.is_file():
            raise PotentialError(
                f"There is no potential file {path.absolute()}. "
                f"Shipped with the package: {', '.join(shipped_potentials())}."
            )
        return path.absolute()
    shipped = SHIPPED / f"{name}.mtp"
    if not shipped.is_file():
        raise PotentialError(
            unknown("potential", str(name), shipped_potentials())
            + " A file of your own is named by its path, ending in .mtp."
        )
    return shipped


def _metadata(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text())
    except ValueError as error:
        raise PotentialError(f"{beside} is no valid JSON: {error}.") from None
    if not isinstance(found, dict):
        raise PotentialError(f"{beside} should hold an object with the potential's species.")
    return found


def _checked(path: Path, species: Sequence[str], mtp: MTP) -> tuple[str, ...]:
    from ase.data import chemical_symbols

    names = tuple(species)
    for name in names:
        if name not in chemical_symbols[1:]:
            raise PotentialError(f"{path}: " + unknown("element", name, chemical_symbols[1:]))
    if len(names) != mtp.species_count or len(set(names)) != len(names):
        raise PotentialError(
            f"{path} has {mtp.species_count} species; {len(names)} were named "
            f"({', '.join(names)}), and each must be named once, in the file's order."
        )
    return names
