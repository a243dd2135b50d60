"""Potentials beyond our own: any LAMMPS pair style, as its lines and the files they name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from seicampaign.errors import PotentialError, unknown
from seicampaign.md.inputs import PairPotential, lammps_elements
from seicampaign.mtp.plugin import Grading
from seicampaign.mtp.potential import require_elements

ELEMENTS = "{elements}"
COMMANDS = ("pair_style", "pair_coeff", "pair_modify", "plugin")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_GRADE = re.compile(r"[A-Za-z0-9/_+-]+ \w+ [01]")
_TAKEN = re.compile(
    r"(in\.segment|start\.\w+|frames\.bin|\w+\.dat|end\.step|stop|screen|log\.\w+"
    r"|(restart|selected)\..*)"
)
"""Names of what a segment itself reads and writes in its directory (`seicampaign.md.inputs`)."""


@dataclass(frozen=True, eq=False)
class LammpsPotential:
    """A potential given as LAMMPS lines.

    Attributes
    ----------
    name
        For people.
    lines
        ``pair_style``, ``pair_coeff`` and ``pair_modify`` lines, and ``plugin load``. Where they
        hold ``{elements}``, the element of each LAMMPS type is put in its place; where they do
        not, LAMMPS type n is the n-th of `species`.
    species
        The elements it knows.
    files
        Content of the files that the lines name, by name. They are put into the directory of
        the run.
    metadata
        What else is known of it.
    grade
        Where its pair style has an extrapolation grade for each atom: what LAMMPS's ``fix pair``
        takes to get it, such as ``pace/extrapolation gamma 1``.

    Raises
    ------
    PotentialError
        If a line is no pair style's, or a file is named nowhere.
    """

    name: str
    lines: tuple[str, ...]
    species: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    grade: str | None = None

    def __post_init__(self) -> None:
        _check_species(self.name, self.species)
        _check_lines(self.name, self.lines)
        _check_files(self.name, self.lines, self.files)
        if self.grade is not None and not _GRADE.fullmatch(self.grade):
            raise PotentialError(
                f"Potential {self.name!r}: the grade {self.grade!r} is not what `fix pair` takes: "
                "a pair style, a name of its and 0 or 1, such as `pace/extrapolation gamma 1`."
            )

    @cached_property
    def hash(self) -> str:
        """The identity: of lines, species and the content of files, not of name and grade."""
        content = {
            "lines": [" ".join(line.split()) for line in self.lines],
            "species": list(self.species),
            "files": {k: hashlib.sha256(data).hexdigest() for k, data in self.files.items()},
        }
        text = json.dumps(["lammps", content], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    @property
    def fixes_types(self) -> bool:
        """Whether the order of LAMMPS's types is that of `species`."""
        return not any(ELEMENTS in line for line in self.lines)

    def require(self, elements: Sequence[str]) -> None:
        """Refuse elements the potential does not know.

        Raises
        ------
        PotentialError
            With the elements that are missing and those there are.
        """
        require_elements(self.name, self.species, elements)

    def pair_lines(self, elements: Sequence[str], grading: Grading | None = None) -> list[str]:
        """The lines for LAMMPS types 1, 2, ... of these elements.

        Raises
        ------
        PotentialError
            If it lacks one of them, or is asked for grades by an active set of ours.
        """
        if grading is not None:
            raise PotentialError(f"Potential {self.name!r} takes no active set of ours.")
        self.require(elements)
        return [line.replace(ELEMENTS, " ".join(elements)) for line in self.lines]


def lammps_types(potential: PairPotential, symbols: Sequence[str]) -> tuple[str, ...]:
    """The element of each LAMMPS type, for a structure with these symbols."""
    if isinstance(potential, LammpsPotential) and potential.fixes_types:
        return potential.species
    return lammps_elements(symbols)


def place_files(potential: PairPotential, directory: Path) -> None:
    """Put the files that a potential's lines name into the directory of a run."""
    if isinstance(potential, LammpsPotential):
        for name, data in potential.files.items():
            (directory / name).write_bytes(data)


def mlip_potential(
    path: Path, species: Sequence[str], *, version: int = 2, name: str | None = None
) -> LammpsPotential:
    """A moment tensor potential run by ``pair_style mlip`` of MLIP-2 or MLIP-3.

    Parameters
    ----------
    path
        A ``.mtp`` file (version 2) or an ``.almtp`` file (version 3).
    species
        Its elements in the file's order: ``pair_style mlip`` takes LAMMPS's types as they come.
    version
        2 or 3: their lines differ.

    Raises
    ------
    PotentialError
        If there is no such file, or the species do not fit it.
    """
    from seicampaign.mtp import read_mtp

    if version not in (2, 3):
        raise PotentialError(f"There is no pair_style mlip of MLIP-{version}: 2 or 3 are known.")
    data = read_file(path)
    if version == 2 and read_mtp(path).species_count != len(species):
        raise PotentialError(
            f"{path} has {read_mtp(path).species_count} species; {len(species)} were named "
            f"({', '.join(species)}): name each once, in the file's order."
        )
    files, argument = {path.name: data}, f"load_from={path.name}"
    if version == 2:
        argument = "mlip.ini"
        files[argument] = f"mtp-filename {path.name}\nselect FALSE\n".encode()
    lines = (f"pair_style mlip {argument}", "pair_coeff * *")
    return LammpsPotential(name or path.stem, lines, tuple(species), files)


def read_file(path: Path) -> bytes:
    """The content of a potential's file.

    Raises
    ------
    PotentialError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PotentialError(
            f"The potential's file {path} cannot be read: {error.strerror}."
        ) from None


def _check_species(name: str, species: Sequence[str]) -> None:
    from ase.data import chemical_symbols

    for element in species:
        if element not in chemical_symbols[1:]:
            raise PotentialError(
                f"Potential {name!r}: " + unknown("element", element, chemical_symbols[1:])
            )
    if not species or len(set(species)) != len(species):
        raise PotentialError(f"Potential {name!r} needs its elements, each named once.")


def _check_lines(name: str, lines: Sequence[str]) -> None:
    """The lines are the only free text of a campaign: they may set a pair style and no more."""
    for line in lines:
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if word not in COMMANDS:
            raise PotentialError(
                f"Potential {name!r}: the line {line!r} is not one of {', '.join(COMMANDS)}."
            )
        if "\n" in line or "\r" in line or line.rstrip().endswith("&"):
            raise PotentialError(f"Potential {name!r}: {line!r} is more than one line.")
    if not any(line.split()[0] == "pair_style" for line in lines):
        raise PotentialError(f"Potential {name!r} has no pair_style line.")


def _check_files(name: str, lines: Sequence[str], files: Mapping[str, bytes]) -> None:
    words = {word for line in lines for word in re.split(r"[\s=\"']+", line)}
    for file in files:
        if not _NAME.fullmatch(file) or _TAKEN.fullmatch(file):
            raise PotentialError(
                f"Potential {name!r}: a file cannot be called {file!r}: a segment keeps files of "
                "its own under such names, or LAMMPS would not find it. Give it another."
            )
        others = (data for other, data in files.items() if other != file)
        if file not in words and not any(file.encode() in data for data in others):
            raise PotentialError(
                f"Potential {name!r}: no line names the file {file!r}. Lines name a file by its "
                "last part, without folders."
            )
