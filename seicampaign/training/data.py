"""Labelled configurations: read, checked, split without leaks.

A configuration is an `ase.Atoms` whose calculator holds ``energy`` (eV, of the cell), ``forces``
(eV/Angstrom) and, if it has one, ``stress`` (eV/Angstrom^3, ASE's sign: positive under tension).
``info["kind"]`` and ``info["source"]`` say what it is and which trajectory it comes from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.errors import TrainingError
from seicampaign.trajectory.sources import iread_atoms

SETTING_KEYS = ("setting", "settings", "calculator", "functional", "reference")


def read_labels(path: str | os.PathLike[str]) -> list[Atoms]:
    """Read and check a labelled data set.

    Parameters
    ----------
    path
        Any file of labelled configurations that ASE reads, e.g. ``.extxyz`` or ``.extxyz.gz``.

    Raises
    ------
    TrainingError
        If the file cannot be read, or `check_labels` refuses what is in it.
    """
    try:
        configurations = list(iread_atoms(Path(path)))
    except Exception as error:  # ASE's readers raise whatever their parser meets
        raise TrainingError(f"Cannot read labels from {path}: {error}") from error
    try:
        check_labels(configurations)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from None
    return configurations


def energy(atoms: Atoms) -> float:
    """The labelled energy of the cell in eV."""
    return float(atoms.calc.results["energy"])


def forces(atoms: Atoms) -> NDArray[np.float64]:
    """Labelled forces, (atoms, 3) in eV/Angstrom."""
    return np.asarray(atoms.calc.results["forces"], dtype=np.float64)


def stress(atoms: Atoms) -> NDArray[np.float64] | None:
    """Labelled stress xx, yy, zz, yz, xz, xy in eV/Angstrom^3, if there is one."""
    label = atoms.calc.results.get("stress")
    if label is None:
        return None
    label = np.asarray(label, dtype=np.float64)
    return label if label.shape == (6,) else label.reshape(9)[[0, 4, 8, 5, 2, 1]]


def check_labels(configurations: Sequence[Atoms], species: Sequence[str] | None = None) -> None:
    """Refuse a data set that cannot be learnt honestly.

    Parameters
    ----------
    configurations
        The data set.
    species
        Elements of the potential, if it is known; a configuration with others is refused.

    Raises
    ------
    TrainingError
        Naming the configuration by its index (from 0), kind and source, if labels are missing or
        not finite, if two configurations are equal, or if they were made with different settings.
    """
    if not configurations:
        raise TrainingError("The data set is empty")
    seen: dict[bytes, int] = {}
    for index, atoms in enumerate(configurations):
        reason = _fault(atoms, species)
        if reason:
            raise TrainingError(f"{name_of(configurations, index)}: {reason}")
        first = seen.setdefault(_fingerprint(atoms), index)
        if first != index:
            raise TrainingError(
                f"{name_of(configurations, index)} is the same as configuration {first}: "
                "remove one of them"
            )
    _check_settings(configurations)


def name_of(configurations: Sequence[Atoms], index: int) -> str:
    """How messages call a configuration."""
    atoms = configurations[index]
    known = [f"{key} {atoms.info[key]!r}" for key in ("kind", "source") if key in atoms.info]
    details = ", ".join([str(atoms.symbols), *known])
    return f"Configuration {index} ({details})"


def _fault(atoms: Atoms, species: Sequence[str] | None) -> str | None:
    if atoms.calc is None:
        return "has no labels"
    results = atoms.calc.results
    missing = [key for key in ("energy", "forces") if results.get(key) is None]
    if missing:
        return f"has no {' and no '.join(missing)}"
    if np.shape(results["forces"]) != (len(atoms), 3):
        return f"forces have the shape {np.shape(results['forces'])}, not {(len(atoms), 3)}"
    if results.get("stress") is not None and np.size(results["stress"]) not in (6, 9):
        return f"stress has the shape {np.shape(results['stress'])}, not (6,) or (3, 3)"
    if results.get("stress") is not None and not (atoms.pbc.all() and atoms.cell.rank == 3):
        return "has a stress but is not periodic in three directions"
    values = {key: results.get(key) for key in ("energy", "forces", "stress")}
    values |= {"positions": atoms.positions, "cell": atoms.cell.array}
    for key, value in values.items():
        if value is not None and not np.isfinite(np.asarray(value, dtype=float)).all():
            return f"{key} has values that are not finite"
    if (atoms.pbc & (atoms.cell.lengths() == 0)).any():
        return "is periodic along a direction in which it has no cell vector"
    foreign = set(atoms.get_chemical_symbols()) - set(species or atoms.get_chemical_symbols())
    if foreign:
        return f"has {', '.join(sorted(foreign))}, the potential is for {' '.join(species or ())}"
    return None


def _fingerprint(atoms: Atoms) -> bytes:
    """Equal for cells that are the same to 1e-6 Angstrom."""
    numbers = (atoms.numbers, *(np.round(x, 6) + 0.0 for x in (atoms.cell.array, atoms.positions)))
    return b"".join(np.ascontiguousarray(x).tobytes() for x in numbers)


def _check_settings(configurations: Sequence[Atoms]) -> None:
    for key in SETTING_KEYS:
        values = {str(atoms.info.get(key)) for atoms in configurations}
        if len(values) > 1:
            first = str(configurations[0].info.get(key))
            index = next(i for i, a in enumerate(configurations) if str(a.info.get(key)) != first)
            raise TrainingError(
                f"The labels mix settings: {key} is {first!r} in configuration 0 and "
                f"{configurations[index].info.get(key)!r} in {name_of(configurations, index)}. "
                "Energies of different settings do not compare: label with one."
            )


def source_of(atoms: Atoms) -> str | None:
    """What a configuration must not be separated from: ``info["source"]``."""
    source = atoms.info.get("source")
    return None if source is None else str(source)


def split(
    configurations: Sequence[Atoms],
    fraction: float,
    *,
    seed: int = 0,
    group: Callable[[Atoms], str | None] = source_of,
) -> tuple[list[int], list[int]]:
    """Part a data set so that no group is on both sides, and every kind is on both if it can be.

    Parameters
    ----------
    configurations
        The data set.
    fraction
        Share that is held out, 0 to 1; rounded up to whole groups, kind by kind.
    seed
        Decides which groups.
    group
        Gives each configuration's group; those with None are each their own.

    Returns
    -------
    tuple
        Indices that stay and indices that are held out, both ascending.

    Raises
    ------
    TrainingError
        If the fraction is not between 0 and 1.
    """
    if not 0.0 <= fraction < 1.0:
        raise TrainingError(f"The share that is held out must be 0 to 1, not {fraction}")
    random = np.random.default_rng(seed)
    groups: dict[str, list[int]] = {}
    for index, atoms in enumerate(configurations):
        name = group(atoms)
        groups.setdefault(f"#{index}" if name is None else f"={name}", []).append(index)
    held: list[int] = []
    for members in _by_kind(configurations, groups.values()):
        wanted = fraction * sum(len(m) for m in members)
        taken = 0
        for place in random.permutation(len(members))[:-1]:  # one group of a kind always stays
            if taken + len(members[place]) / 2 > wanted:
                continue
            held.extend(members[place])
            taken += len(members[place])
    return sorted(set(range(len(configurations))) - set(held)), sorted(held)


def _by_kind(
    configurations: Sequence[Atoms], groups: Iterable[list[int]]
) -> Iterable[list[list[int]]]:
    kinds: dict[str, list[list[int]]] = {}
    for members in groups:
        kinds.setdefault(str(configurations[members[0]].info.get("kind")), []).append(members)
    return (kinds[kind] for kind in sorted(kinds))
