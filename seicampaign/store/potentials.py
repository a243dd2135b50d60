"""Potentials in the store: the file itself, its active set and what is known of it, by content."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.documents import SCHEMA_VERSION, check_schema
from seicampaign.errors import PotentialError, StoreError
from seicampaign.md.potentials import LammpsPotential
from seicampaign.settings import settings
from seicampaign.store import blobs

if TYPE_CHECKING:
    from seicampaign.mtp import Potential
    from seicampaign.mtp.grade import ActiveSet
    from seicampaign.store.campaign_store import CampaignStore


def save(
    store: CampaignStore,
    potential: Potential | LammpsPotential,
    active_set: ActiveSet | None = None,
) -> str:
    """Store a potential under its hash; one that is there is left as it is.

    Parameters
    ----------
    active_set
        What its grades are measured by. Default: chosen from the configurations it was trained
        on, where its metadata names them.

    Returns
    -------
    str
        The hash.
    """
    document: dict[str, Any] = {
        "hash": potential.hash,
        "schema_version": SCHEMA_VERSION,
        "name": potential.name,
        "species": list(potential.species),
        "metadata": dict(potential.metadata),
        "created_at": datetime.now(UTC),
    }
    if isinstance(potential, LammpsPotential):
        files = [
            {"name": name, "file": blobs.save(store, data)}
            for name, data in potential.files.items()
        ]
        document |= {"lines": list(potential.lines), "files": files}
    else:
        document["file"] = potential.path.read_text()
    collection, found = store.database["potentials"], {"_id": potential.hash}
    collection.update_one(found, {"$setOnInsert": document}, upsert=True)
    if not isinstance(potential, LammpsPotential):
        _save_active_set(store, potential, active_set)
    elif potential.grade is not None:  # no part of its identity: it may become known later
        collection.update_one(found, {"$set": {"grade": potential.grade}})
    return potential.hash


def _save_active_set(
    store: CampaignStore, potential: Potential, active_set: ActiveSet | None
) -> None:
    from seicampaign.md.active import training_active_set

    collection, missing = store.database["potentials"], {"_id": potential.hash, "active_set": None}
    if collection.find_one(missing, {"_id": 1}) is None:
        return
    chosen = active_set or training_active_set(potential)
    if chosen is None:
        return
    partial = _folder(potential.hash) / f"active-set.{os.getpid()}"
    chosen.save(partial)
    key = blobs.save(store, partial.read_bytes())
    partial.unlink()
    found = {"file": key, "configurations": len(chosen.configurations())}
    collection.update_one(missing, {"$set": {"active_set": found}})


def load_pair(store: CampaignStore, key: str) -> Potential | LammpsPotential:
    """A potential of any engine by its hash, as it drives MD.

    A `.mtp` file is written to this machine's cache, for LAMMPS to read.

    Raises
    ------
    StoreError
        If it is not in the store.
    """
    from seicampaign.mtp import load_potential

    document = _document(store, key)
    if "lines" in document:
        files = {file["name"]: blobs.load(store, file["file"]) for file in document["files"]}
        return LammpsPotential(
            document["name"],
            tuple(document["lines"]),
            tuple(document["species"]),
            files,
            document["metadata"],
            document.get("grade"),
        )
    path = _folder(key) / f"{document['name']}.mtp"
    if not path.exists() or path.read_text() != document["file"]:
        _write(path, document["file"].encode())
    return load_potential(path, species=document["species"])


def load(store: CampaignStore, key: str) -> Potential:
    """A potential of the native kernel by its hash.

    Raises
    ------
    PotentialError
        If it is another engine's, given as LAMMPS lines.
    StoreError
        If it is not in the store.
    """
    found = load_pair(store, key)
    if isinstance(found, LammpsPotential):
        raise PotentialError(
            f"Potential {found.name!r} is given as LAMMPS lines: that runs simulations, and "
            "nothing else. This needs a .mtp file that the native kernel reads."
        )
    return found


def load_active_set(store: CampaignStore, potential: Potential) -> ActiveSet | None:
    """The active set stored with a potential; None if it has none.

    Raises
    ------
    StoreError
        If the potential is not in the store.
    """
    from seicampaign.mtp.grade import ActiveSet

    found = _document(store, potential.hash).get("active_set")
    if found is None:
        return None
    path = _folder(potential.hash) / f"{found['file']}.npz"
    if not path.exists():
        _write(path, blobs.load(store, found["file"]))
    return ActiveSet.load(path, potential.mtp)


def active_set_file(store: CampaignStore, potential: Potential | LammpsPotential) -> Path | None:
    """The file of a potential's active set that the pair style reads; None if it has none."""
    from seicampaign.mtp.plugin import plugin_path

    found = _document(store, potential.hash).get("active_set")
    if found is None or isinstance(potential, LammpsPotential):
        return None
    # The format is a matter between the plug-in and the package, so it is named by both.
    path = _folder(potential.hash) / f"{found['file'][:20]}-{plugin_path().stem}.bin"
    if not path.exists():
        chosen = load_active_set(store, potential)
        assert chosen is not None
        partial = path.with_suffix(f".{os.getpid()}")
        chosen.write(partial)
        partial.replace(path)
    return path


def _document(store: CampaignStore, key: str) -> dict[str, Any]:
    document = store.database["potentials"].find_one({"_id": key})
    if document is None:
        raise StoreError(f"There is no potential {key!r} in {store.database.name!r}.")
    check_schema(document)
    return document


def _folder(key: str) -> Path:
    folder = settings().cache / "potentials" / key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also with another worker that writes the same."""
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)
