"""Potentials in the store: the file itself and what is known of it, by content."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seicampaign.documents import SCHEMA_VERSION, check_schema
from seicampaign.errors import StoreError
from seicampaign.settings import settings

if TYPE_CHECKING:
    from seicampaign.mtp import Potential
    from seicampaign.store.campaign_store import CampaignStore


def save(store: CampaignStore, potential: Potential) -> str:
    """Store a potential under its hash; one that is there is left as it is.

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
        "file": potential.path.read_text(),
        "metadata": dict(potential.metadata),
        "created_at": datetime.now(UTC),
    }
    store.database["potentials"].update_one(
        {"_id": potential.hash}, {"$setOnInsert": document}, upsert=True
    )
    return potential.hash


def load(store: CampaignStore, key: str) -> Potential:
    """A potential by its hash, written to this machine's cache for LAMMPS to read.

    Raises
    ------
    StoreError
        If it is not in the store.
    """
    from seicampaign.mtp import load_potential

    document = store.database["potentials"].find_one({"_id": key})
    if document is None:
        raise StoreError(f"There is no potential {key!r} in {store.database.name!r}.")
    check_schema(document)
    folder = settings().cache / "potentials" / key
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document['name']}.mtp"
    if not path.exists() or path.read_text() != document["file"]:
        partial = path.with_suffix(".partial")
        partial.write_text(document["file"])
        partial.replace(path)
    return load_potential(path, species=document["species"])
