"""Simulations in the store: registered once, extended, claimed for a workflow, recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from seicampaign.documents import SCHEMA_VERSION, Sampling, Simulation, check_schema
from seicampaign.errors import StoreError
from seicampaign.store import fences
from seicampaign.store.clock import server_time

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore

CLAIM_LIFETIME = timedelta(minutes=5)
IMPORTED = "imported"
"""Origin of a simulation that was run elsewhere."""
EXTRAPOLATING = "extrapolating"
"""State of a simulation that met what its potential does not know, and was ended by that."""


@dataclass(frozen=True)
class Registered:
    """How many simulations of a matrix were new, extended to a longer run, or there already."""

    new: int
    extended: int
    unchanged: int


def register(
    store: CampaignStore,
    campaign: str,
    simulations: Iterable[Simulation],
    lengths: Mapping[str, int],
    sampling: Sampling,
) -> Registered:
    """Insert what is new and lengthen what is planned shorter; nothing is ever shortened.

    A simulation that an extrapolation grade ended goes on if the break threshold is now higher
    than that grade, and counts as extended.

    Parameters
    ----------
    lengths
        Planned steps by simulation id.
    """
    from pymongo import UpdateOne

    simulations = list(simulations)
    collection = store.database["simulations"]
    found = collection.find({"_id": {"$in": [s.id for s in simulations]}}, {"planned_steps": 1})
    before = {document["_id"]: document["planned_steps"] for document in found}
    now = datetime.now(UTC)
    updates = [
        UpdateOne(
            {"_id": s.id},
            {
                "$setOnInsert": _new_document(s, sampling, now),
                "$max": {"planned_steps": lengths[s.id]},
                "$addToSet": {"campaigns": campaign},
            },
            upsert=True,
        )
        for s in simulations
    ]
    if updates:
        collection.bulk_write(updates, ordered=False)
    extended = {s.id for s in simulations if before.get(s.id, lengths[s.id]) < lengths[s.id]}
    extended |= _go_on(store, list(before), sampling)
    return Registered(
        new=sum(s.id not in before for s in simulations),
        extended=len(extended),
        unchanged=len([s for s in simulations if s.id in before]) - len(extended),
    )


def _go_on(store: CampaignStore, ids: list[str], sampling: Sampling) -> set[str]:
    """Free those that a break ended from it, where the campaign's threshold is higher by now."""
    collection = store.database["simulations"]
    limit = sampling.grade.limit if sampling.grade is not None else None
    under = {"$ne": None} if limit is None else {"$lt": limit}
    ended = {"_id": {"$in": ids}, "state": EXTRAPOLATING, "extrapolation.grade": under}
    found = {document["_id"] for document in collection.find(ended, {"_id": 1})}
    grade = sampling.model_dump(by_alias=True)["grade"]
    collection.update_many(
        ended,
        {
            "$set": {
                "sampling.grade": grade,
                "state": "waiting",
                "error": None,
                "extrapolation": None,
                "requested_steps": 0,
            }
        },
    )
    return found


def _new_document(simulation: Simulation, sampling: Sampling, now: datetime) -> dict[str, Any]:
    return {
        "simulation_id": simulation.id,
        "schema_version": SCHEMA_VERSION,
        "interface_id": simulation.interface_id,
        **simulation.conditions(),
        "potential": simulation.potential.model_dump(),
        "spec": simulation.model_dump(mode="json"),
        "sampling": sampling.model_dump(by_alias=True),
        "state": "waiting",
        "steps_done": 0,
        "step_now": 0,
        "requested_steps": 0,
        "claim": None,
        "created_at": now,
        "last_updated": now,
    }


def get(store: CampaignStore, simulation_id: str) -> dict[str, Any]:
    """The document of a simulation.

    Raises
    ------
    StoreError
        If there is none, or a newer version of the package has written it.
    """
    document = store.database["simulations"].find_one({"_id": simulation_id})
    if document is None:
        raise StoreError(
            f"There is no simulation {simulation_id!r} in {store.database.name!r}. "
            "`seicampaign status` lists those there are."
        )
    check_schema(document)
    return document


def specification(document: Mapping[str, Any]) -> Simulation:
    """The simulation a document describes."""
    return Simulation.model_validate(document["spec"])


def claim(store: CampaignStore, ids: Iterable[str]) -> tuple[str, list[str]]:
    """Take the simulations whose planned length no workflow has been asked for yet.

    One that extrapolates is not taken, however long it is planned: see `register`.
    Each simulation is given to one caller only, however many ask at once. A claim that was
    neither confirmed nor released within minutes counts as abandoned.

    Returns
    -------
    str
        A token for `confirm`.
    list of str
        The simulations that are now the caller's to launch.
    """
    collection = store.database["simulations"]
    token, now = uuid4().hex, server_time(store)
    free = {"$or": [{"claim": None}, {"claim.at": {"$lt": now - CLAIM_LIFETIME}}]}
    due = {
        "state": {"$ne": EXTRAPOLATING},
        "$expr": {"$lt": ["$requested_steps", "$planned_steps"]},
    }
    collection.update_many(
        {"_id": {"$in": list(ids)}, **due, **free},
        {"$set": {"claim": {"token": token, "at": now}}},
    )
    return token, [d["_id"] for d in collection.find({"claim.token": token}, {"_id": 1})]


def confirm(store: CampaignStore, token: str, ids: Iterable[str]) -> None:
    """The workflows of these simulations of a claim are in the LaunchPad."""
    store.database["simulations"].update_many(
        {"_id": {"$in": list(ids)}, "claim.token": token},
        [{"$set": {"requested_steps": "$planned_steps", "claim": None, "state": "waiting"}}],
    )


def release(store: CampaignStore, token: str) -> None:
    """The workflows of a claim could not be added: leave them to the next caller."""
    store.database["simulations"].update_many({"claim.token": token}, {"$set": {"claim": None}})


def record(store: CampaignStore, simulation_id: str, **fields: Any) -> None:
    """Set fields of a simulation, and when that was.

    Raises
    ------
    TakenOverError
        If this process had taken the simulation and another one has it now.
    """
    fields["last_updated"] = datetime.now(UTC)
    condition = fences.condition(store, simulation_id)
    result = store.database["simulations"].update_one(
        {"_id": simulation_id, **condition}, {"$set": fields}
    )
    if condition and not result.matched_count:
        raise fences.lost(f"Simulation {simulation_id}")


def close(store: CampaignStore, simulation_id: str) -> None:
    """Call a simulation completed if its planned length is reached."""
    store.database["simulations"].update_one(
        {
            "_id": simulation_id,
            "$expr": {"$gte": ["$steps_done", "$planned_steps"]},
            **fences.condition(store, simulation_id),
        },
        {"$set": {"state": "completed", "last_updated": datetime.now(UTC)}},
    )
