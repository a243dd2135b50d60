"""Configurations that were set apart: nothing that was to be added is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seicampaign.documents import content_hash
from seicampaign.documents.datasets import atoms_document

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.store.campaign_store import CampaignStore


def put(
    store: CampaignStore, name: str, setting: str, bad: Sequence[tuple[Atoms, list[str]]]
) -> None:
    """Set configurations apart, each with the reasons there are now."""
    for atoms, reasons in bad:
        document = _document(atoms, name, setting)
        changes = {
            "$setOnInsert": document | {"created_at": datetime.now(UTC)},
            "$set": {"reasons": reasons},
        }
        store.database["quarantine"].update_one(
            {"_id": document["quarantine_id"]}, changes, upsert=True
        )


def release(store: CampaignStore, name: str, setting: str, good: Iterable[Atoms]) -> None:
    """Take back what had been set apart and is in the data set now."""
    ids = [_document(atoms, name, setting)["quarantine_id"] for atoms in good]
    store.database["quarantine"].delete_many({"_id": {"$in": ids}})


def _document(atoms: Atoms, name: str, setting: str) -> dict[str, Any]:
    document = atoms_document(atoms) | {"dataset": name, "setting": setting}
    return document | {"quarantine_id": content_hash("quarantined", _hexed(document))}


def _hexed(value: Any) -> Any:
    """A document as JSON knows it: bytes as hexadecimal digits, numbers that are none as text."""
    if isinstance(value, Mapping):
        return {key: _hexed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hexed(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, float) else value


def quarantined(store: CampaignStore, name: str | None = None) -> list[dict[str, Any]]:
    """What was set apart, oldest first: ``reasons``, ``formula``, ``info`` of each.

    `seicampaign.documents.datasets.atoms_of` gives the configuration of such a document.
    """
    query = {} if name is None else {"dataset": name}
    return list(store.database["quarantine"].find(query).sort("created_at", 1))
