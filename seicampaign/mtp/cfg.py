"""MLIP-2 `.cfg` files: configurations with energies, forces and virial.

``PlusStress`` is the virial in eV: minus ASE's stress times the volume. Types are numbers; which
element each is has to be known. Numbers are written in full and without exponents, which MLIP-2
and motep read back bit for bit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers
from numpy.typing import NDArray

from seicampaign.errors import PotentialError, TrainingError

_VOIGT = ("xx", "yy", "zz", "yz", "xz", "xy")
_CARTESIAN = ("cartes_x", "cartes_y", "cartes_z")
_DIRECT = ("direct_x", "direct_y", "direct_z")
_FORCES = ("fx", "fy", "fz")
_MAX_ATOMS = 10_000_000
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def read_cfg(path: str | os.PathLike[str], species: Sequence[str]) -> list[Atoms]:
    """Read all configurations of a file.

    Parameters
    ----------
    path
        The file.
    species
        The element of each type.

    Returns
    -------
    list
        Configurations; energy, forces and stress that are given are in their calculators, features
        in ``info``, further columns (``nbh_grades``) in ``arrays``.

    Raises
    ------
    TrainingError
        If the file cannot be read or a part is missing, malformed, given twice, not finite or of a
        type that has no element; the message names file and line. If a species is no element.
    """
    strangers = [name for name in species if atomic_numbers.get(name, 0) == 0]
    if strangers:
        raise TrainingError(f"{strangers[0]!r} among the species of {path} is no element.")
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise TrainingError(f"Cannot read configurations {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path}: byte {error.start} is not text") from None
    reader = _Reader(str(path), text, tuple(species))
    return list(reader.configurations())


class _Reader:
    """A cursor over the lines of one file."""

    def __init__(self, path: str, text: str, species: tuple[str, ...]) -> None:
        self.path, self.species = path, species
        self.lines = [line.strip() for line in text.split("\n")]
        self.next = 0

    def fail(self, reason: str) -> NoReturn:
        raise TrainingError(f"{self.path}, line {self.next}: {reason}")

    def line(self, what: str) -> str:
        """The next line, which must be there."""
        self.next += 1
        if self.next > len(self.lines):
            self.fail(f"the file ends where {what} should be: it is truncated")
        return self.lines[self.next - 1]

    def configurations(self) -> Iterator[Atoms]:
        while self.next < len(self.lines):
            line = self.line("BEGIN_CFG")
            if line == "BEGIN_CFG":
                yield self.configuration()
            elif line:
                self.fail(f"expected BEGIN_CFG, found {line[:60]!r}")

    def configuration(self) -> Atoms:
        parts = _Parts()
        while (line := self.line("END_CFG")) != "END_CFG":
            word, _, rest = line.partition(" ")
            if word == "Feature":
                self.feature(parts, rest.strip())
            elif word:
                self.part(parts, word.rstrip(":"), rest.split())
        return self.build(parts)

    def part(self, parts: _Parts, word: str, names: list[str]) -> None:
        if word in parts.seen:
            self.fail(f"{word} is given twice")
        parts.seen.add(word)
        match word:
            case "Size":
                parts.size = self.size()
            case "Supercell" | "SuperCell":
                parts.cell = self.cell()
            case "AtomData":
                if parts.size is None:
                    self.fail("AtomData before Size")
                parts.columns = self.columns(parts.size, names)
            case "Energy":
                parts.energy = self.row("the energy", 1)[0]
            case "PlusStress":
                if sorted(names) != sorted(_VOIGT):
                    self.fail(f"PlusStress must have the columns {' '.join(_VOIGT)}")
                values = dict(zip(names, self.row("the stress", 6), strict=True))
                parts.virial = np.array([values[name] for name in _VOIGT])
            case _:
                self.fail(f"unknown part {word[:40]!r}")

    def size(self) -> int:
        text = self.line("the number of atoms")
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= _MAX_ATOMS:
            self.fail(f"Size must be a number of atoms, not {text[:40]!r}")
        return int(text)

    def cell(self) -> NDArray[np.float64]:
        rows: list[list[float]] = []
        while len(rows) < 3 and self.next < len(self.lines):
            if not _NUMBER.fullmatch(self.lines[self.next].split(" ")[0]):
                break
            rows.append(self.row("a cell vector", 3))
        if not rows or np.linalg.matrix_rank(rows) < len(rows):
            self.fail("Supercell must have one to three vectors that span a cell")
        return np.array(rows)

    def row(self, what: str, count: int) -> list[float]:
        return self.numbers(self.line(what), count)

    def numbers(self, line: str, count: int) -> list[float]:
        words = line.split()
        if len(words) != count:
            self.fail(f"expected {count} numbers, found {line[:60]!r}")
        for word in words:
            if not _NUMBER.fullmatch(word) or not np.isfinite(float(word)):
                self.fail(f"{word[:40]!r} is not a finite number")
        return [float(word) for word in words]

    def columns(self, size: int, names: list[str]) -> dict[str, NDArray[np.float64]]:
        if len(set(names)) != len(names):
            self.fail("AtomData names a column twice")
        if "type" not in names or not (set(names) >= {*_CARTESIAN} or set(names) >= {*_DIRECT}):
            self.fail("AtomData needs the columns type and cartes_x, cartes_y, cartes_z")
        rows = [self.row(f"atom {atom + 1} of {size}", len(names)) for atom in range(size)]
        columns = dict(zip(names, np.array(rows).T, strict=True))
        if "id" in columns and sorted(columns["id"]) != list(range(1, size + 1)):
            self.fail("the ids of the atoms are not 1 to their number")
        types = columns["type"]
        wrong = types[(types != np.round(types)) | (types < 0) | (types >= len(self.species))]
        if wrong.size:
            self.fail(
                f"type {wrong[0]:g} has no element: {len(self.species)} are named "
                f"({' '.join(self.species)})"
            )
        return columns

    def feature(self, parts: _Parts, text: str) -> None:
        """A line of a feature; several with the same name are lines of one text."""
        name, _, value = text.replace("\t", " ").partition(" ")
        if not name:
            self.fail("a Feature without a name")
        old = parts.features.get(name)
        parts.features[name] = value.strip() if old is None else f"{old}\n{value.strip()}"

    def build(self, parts: _Parts) -> Atoms:
        if parts.size is None or parts.columns is None:
            self.fail("the configuration ends without Size and AtomData")
        columns = parts.columns
        cell = np.zeros((3, 3))
        vectors = np.zeros((0, 3)) if parts.cell is None else parts.cell
        cell[: len(vectors)] = vectors
        atoms = Atoms(
            symbols=[self.species[int(t)] for t in columns["type"]],
            cell=cell,
            pbc=[axis < len(vectors) for axis in range(3)],
        )
        self.place(atoms, columns, len(vectors))
        atoms.info.update({name: _value(text) for name, text in parts.features.items()})
        for name in set(columns) - {"id", "type", *_CARTESIAN, *_DIRECT, *_FORCES}:
            atoms.new_array(f"cfg_{name}" if name in atoms.arrays else name, columns[name])
        self.label(atoms, parts, columns)
        return atoms

    def place(self, atoms: Atoms, columns: dict[str, NDArray[np.float64]], vectors: int) -> None:
        if set(columns) >= {*_CARTESIAN}:
            atoms.positions = np.array([columns[name] for name in _CARTESIAN]).T
        elif vectors == 3:
            atoms.set_scaled_positions(np.array([columns[name] for name in _DIRECT]).T)
        else:
            self.fail("direct_x, direct_y, direct_z need a Supercell of three vectors")

    def label(self, atoms: Atoms, parts: _Parts, columns: dict[str, NDArray[np.float64]]) -> None:
        labels: dict[str, float | NDArray[np.float64]] = {}
        if parts.energy is not None:
            labels["energy"] = parts.energy
        given = [name for name in _FORCES if name in columns]
        if given and len(given) < 3:
            self.fail(f"forces need fx, fy and fz, there is only {' '.join(given)}")
        if given:
            labels["forces"] = np.array([columns[name] for name in _FORCES]).T
        if parts.virial is not None:
            if atoms.cell.rank < 3:
                self.fail("PlusStress without a Supercell of three vectors")
            labels["stress"] = -parts.virial / atoms.get_volume()
        if labels:
            atoms.calc = SinglePointCalculator(atoms, **labels)


class _Parts:
    """What was read of one configuration."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.features: dict[str, str] = {}
        self.size: int | None = None
        self.cell: NDArray[np.float64] | None = None
        self.columns: dict[str, NDArray[np.float64]] | None = None
        self.energy: float | None = None
        self.virial: NDArray[np.float64] | None = None


def _value(text: str) -> int | float | str:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def write_cfg(
    path: str | os.PathLike[str], configurations: Sequence[Atoms], species: Sequence[str]
) -> None:
    """Write configurations, replacing the file at once.

    Parameters
    ----------
    path
        The file to make. Its directory must exist.
    configurations
        With whatever labels their calculators hold. Periodic in the first 0 to 3 directions.
        ``info`` entries that are numbers or texts become features.
    species
        The element of each type.

    Raises
    ------
    PotentialError
        If an element is not among `species`.
    TrainingError
        If a configuration cannot be written: periodic directions that are not the first ones, or
        numbers that are not finite.
    """
    path = Path(path)
    texts = [
        "\n".join(_lines(atoms, number, tuple(species))) + "\n\n"
        for number, atoms in enumerate(configurations)
    ]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text("".join(texts), encoding="utf-8")
    unfinished.replace(path)


def _lines(atoms: Atoms, number: int, species: tuple[str, ...]) -> Iterator[str]:
    symbols = atoms.get_chemical_symbols()
    foreign = sorted(set(symbols) - set(species))
    if foreign:
        raise PotentialError(
            f"Configuration {number} has {', '.join(foreign)}, the potential knows "
            f"{', '.join(species)}"
        )
    periodic = int(atoms.pbc.sum())
    if list(atoms.pbc) != [axis < periodic for axis in range(3)]:
        raise TrainingError(
            f"Configuration {number} is periodic along {atoms.pbc}: a .cfg file wants its periodic "
            "directions first"
        )
    labels = atoms.calc.results if atoms.calc else {}
    columns = [atoms.positions, *([labels["forces"]] if "forces" in labels else [])]
    _check_finite(number, *columns, atoms.cell.array, labels.get("energy"), labels.get("stress"))
    yield "BEGIN_CFG"
    yield f" Size\n{len(atoms):6d}"
    if periodic:
        yield " Supercell"
        yield from (f"  {_row(vector)}" for vector in atoms.cell.array[:periodic])
    yield " AtomData:  id type " + " ".join([*_CARTESIAN, *(_FORCES if len(columns) > 1 else ())])
    for i, values in enumerate(np.hstack(columns)):
        yield f"  {i + 1:8d} {species.index(symbols[i]):3d}  {_row(values)}"
    if "energy" in labels:
        yield f" Energy\n  {_row([labels['energy']])}"
    if labels.get("stress") is not None:
        yield " PlusStress:  " + " ".join(_VOIGT)
        yield f"  {_row(-np.asarray(labels['stress']) * atoms.get_volume())}"
    yield from _features(atoms)
    yield "END_CFG"


def _check_finite(number: int, *values: NDArray[np.float64] | float | None) -> None:
    if not all(np.isfinite(np.asarray(v, dtype=float)).all() for v in values if v is not None):
        raise TrainingError(f"Configuration {number} has numbers that are not finite")


def _features(atoms: Atoms) -> Iterator[str]:
    for name, value in atoms.info.items():
        if not isinstance(value, (str, int, float, np.number)) or not str(name).split():
            continue
        for line in str(value).splitlines():
            if line.strip():
                yield f" Feature   {'_'.join(str(name).split())}\t{line.strip()}"


def _row(values: Sequence[float] | NDArray[np.float64]) -> str:
    return " ".join(f"{np.format_float_positional(float(v), trim='0'):>14}" for v in values)
