"""Data sets out of files and into them: extended XYZ, and MLIP-2's `.cfg`.

What is exported and imported again is the same data set: it has the same content hash.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.errors import TrainingError
from seicampaign.store.datasets import Added, Setting, add_configurations, dataset
from seicampaign.trajectory.sources import iread_atoms

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.reference.gates import Gates
    from seicampaign.store.campaign_store import CampaignStore


def import_file(
    store: CampaignStore,
    name: str,
    path: Path | str,
    setting: Setting | str | None = None,
    *,
    species: Sequence[str] | None = None,
    gates: Gates | None = None,
    comment: str = "",
) -> Added:
    """Add the configurations of a file to a data set.

    Parameters
    ----------
    path
        A `.cfg` file of MLIP-2, or any file of labelled configurations that ASE reads. Those that
        say no ``origin`` get the file's name and their place in it.
    setting
        As of `add_configurations`.
    species
        The element of each type, for a `.cfg` file.

    Raises
    ------
    TrainingError
        If the file cannot be read, is empty, or has labels of another setting.
    """
    path = Path(path)
    configurations = _read(path, species)
    if not configurations:
        raise TrainingError(f"{path} holds no configurations.")
    for index, atoms in enumerate(configurations):
        atoms.info.setdefault("origin", {"file": path.name, "index": index})
    comment = comment or f"from {path.name}"
    return add_configurations(store, name, configurations, setting, gates=gates, comment=comment)


def export_file(
    store: CampaignStore,
    name: str,
    path: Path | str,
    version: int | None = None,
    *,
    species: Sequence[str] | None = None,
) -> int:
    """Write a version of a data set into a file, replacing it at once.

    Parameters
    ----------
    path
        Ending in `.cfg` for MLIP-2, else extended XYZ; `.gz` compresses.
    species
        The element of each type of a `.cfg` file. Default: all there are, by atomic number.

    Returns
    -------
    int
        How many configurations were written.
    """
    path = Path(path)
    configurations = dataset(store, name, version)
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(partial, configurations, species)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return len(configurations)


def _read(path: Path, species: Sequence[str] | None) -> list[Atoms]:
    if path.suffix == ".cfg":
        if not species:
            raise TrainingError(
                f"{path} says no elements: name the species of its types, in their order."
            )
        from seicampaign.mtp import read_cfg

        found = read_cfg(path, species)
        return _with_info(found, _from_text)
    try:
        return list(iread_atoms(path))
    except Exception as error:  # ASE's readers raise whatever their parser meets
        raise TrainingError(f"Cannot read configurations from {path}: {error}") from error


def _write(path: Path, configurations: Sequence[Atoms], species: Sequence[str] | None) -> None:
    import ase.io

    if path.suffix != ".cfg":
        ase.io.write(path, _with_info(configurations, _for_extxyz), format="extxyz")
        return
    from seicampaign.mtp import write_cfg

    write_cfg(path, _with_info(configurations, _for_cfg), species or _elements(configurations))


def _elements(configurations: Iterable[Atoms]) -> list[str]:
    from ase.data import chemical_symbols

    numbers = {int(n) for atoms in configurations for n in atoms.numbers}
    return [chemical_symbols[n] for n in sorted(numbers)]


def _with_info(configurations: Iterable[Atoms], change: Callable[[Any], Any]) -> list[Atoms]:
    changed = []
    for atoms in configurations:
        other = atoms.copy()
        other.calc = atoms.calc
        other.info = {name: change(value) for name, value in atoms.info.items()}
        changed.append(other)
    return changed


def _for_cfg(value: Any) -> str:
    """What a feature of a `.cfg` file can hold: a line of text, JSON where it is no plain text."""
    return value if isinstance(value, str) and _is_plain(value) else json.dumps(value)


def _for_extxyz(value: Any) -> Any:
    """What would come back as something else, as the JSON that ASE knows how to read."""
    if isinstance(value, bool | int | float) or (isinstance(value, str) and _is_plain(value)):
        return value
    return f"_JSON {json.dumps(value)}"


def _is_plain(text: str) -> bool:
    """Whether a text that is read from a file can be nothing else than that text."""
    try:
        float(text)
    except ValueError:
        words = text.lower() not in _WORDS and text[:1] not in _OPENING
        return words and bool(text) and text == " ".join(text.split())
    return False


def _from_text(value: Any) -> Any:
    if not isinstance(value, str) or _is_plain(value):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


_WORDS = ("true", "false", "null", "t", "f")
_OPENING = ("{", "[", '"', "_")
