"""Approvals in the store: what the tests said of each potential, and where its results are marked.

An approval is kept under the potential's hash and the version of the tests. The simulations and
curves of a potential carry whether it is approved, and change with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seicampaign.approval import Approval, beside, verdict
from seicampaign.documents import SCHEMA_VERSION, check_schema

if TYPE_CHECKING:
    from gridfs import GridFS

    from seicampaign.md.potentials import LammpsPotential
    from seicampaign.mtp import Potential
    from seicampaign.store.campaign_store import CampaignStore

COLLECTION = "approvals"
FIGURES = "approval_figures"


def save(store: CampaignStore, approval: Approval, figure: bytes | None = None) -> str:
    """Keep an approval; a shortened one never takes the place of a complete one.

    Parameters
    ----------
    figure
        The parity figure, a PNG.

    Returns
    -------
    str
        Its key.
    """
    from pymongo.errors import DuplicateKeyError

    key = f"{approval.potential}-{approval.version}"
    document = approval.as_dict() | {"reason": approval.reason, "schema_version": SCHEMA_VERSION}
    replaceable = {"_id": key} if approval.complete else {"_id": key, "complete": False}
    try:
        store.database[COLLECTION].update_one(
            replaceable,
            {"$set": document, "$setOnInsert": {"created_at": datetime.now(UTC)}},
            upsert=True,
        )
    except DuplicateKeyError:
        return key
    if figure is not None:
        _replace_figure(_figures(store), key, figure)
    mark(store, approval.potential, approval.approved)
    return key


def find(store: CampaignStore, potential: str) -> Approval | None:
    """The newest approval of a potential, by its hash."""
    document = store.database[COLLECTION].find_one({"potential": potential}, sort=[("version", -1)])
    if document is None:
        return None
    check_schema(document)
    return Approval.from_dict(document)


def figure(store: CampaignStore, potential: str) -> bytes | None:
    """The parity figure of a potential, if one was drawn: a PNG."""
    approval = find(store, potential)
    found = approval and _figures(store).find_one({"_id": f"{potential}-{approval.version}"})
    return bytes(found.read()) if found else None


def of_potential(store: CampaignStore, potential: Potential | LammpsPotential) -> tuple[bool, str]:
    """Whether a potential is approved, and why or why not.

    What this store knows comes first, then what is kept beside the potential's file.
    """
    known = [find(store, potential.hash), beside(potential.metadata)]
    return verdict(known, potential.hash)


def mark(store: CampaignStore, potential: str, approved: bool) -> None:
    """Let the potential, its simulations and their curves say whether it is approved."""
    flag = {"$set": {"approved": approved}}
    store.database["potentials"].update_one({"_id": potential}, flag)
    simulations = store.database["simulations"]
    simulations.update_many({"potential.hash": potential}, flag)
    ids = simulations.distinct("_id", {"potential.hash": potential})
    _mark_curves(store, ids, approved)


def _mark_curves(store: CampaignStore, simulations: Iterable[str], approved: bool) -> None:
    """A curve written at the same time reads the mark of its simulation, which is set first."""
    store.database["curves"].update_many(
        {"simulation_id": {"$in": list(simulations)}, "approved": {"$ne": approved}},
        {"$set": {"approved": approved}},
    )


def _figures(store: CampaignStore) -> GridFS:
    from gridfs import GridFS

    return GridFS(store.database, FIGURES)


def _replace_figure(figures: GridFS, key: str, picture: bytes) -> None:
    figures.delete(key)
    figures.put(picture, _id=key, filename=f"{key}.png", content_type="image/png")
