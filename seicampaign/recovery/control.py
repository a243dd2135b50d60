"""What a person asks of simulations: pause, cancel, go on, and which come first.

Jobs of paused simulations stay in the LaunchPad, kept for a worker that does not exist; that takes
one command for any number of them. A segment that runs is told by its next heartbeat, ends early
and whole, and leaves a restart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from seicampaign.errors import CampaignError
from seicampaign.jobs.md import PARKED
from seicampaign.recovery import workflows
from seicampaign.store import simulations as simulation_records
from seicampaign.store.campaigns import find_campaign

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

STATES = {"pause": "paused", "cancel": "cancelled"}
ENDED = {"$in": ["completed", simulation_records.EXTRAPOLATING]}
"""Nothing goes on with these: no more steps are asked for, or the potential does not know them."""
IDENTITY = re.compile("[0-9a-f]{6,}")


def select(store: CampaignStore, what: Iterable[str]) -> list[str]:
    """The simulations that campaign names, identities or queries stand for.

    Parameters
    ----------
    what
        Each the name of a campaign, the id of a simulation or its beginning (6 digits at least),
        or a MongoDB query on simulations in JSON, e.g. ``{"temperature": 400}``.

    Raises
    ------
    CampaignError
        If one stands for nothing.
    """
    found: dict[str, None] = {}
    for word in what:
        query = _query(store, word)
        with store.explained("read"):
            ids = [d["_id"] for d in store.database["simulations"].find(query, {"_id": 1})]
        if not ids:
            raise CampaignError(f"No simulation matches {word!r}.")
        found |= dict.fromkeys(ids)
    return list(found)


def _query(store: CampaignStore, word: str) -> dict[str, Any]:
    if word.lstrip().startswith("{"):
        try:
            query = json.loads(word)
        except json.JSONDecodeError as error:
            raise CampaignError(f"{word!r} is no JSON: {error}.") from None
        if '"$where"' in word or '"$function"' in word:
            raise CampaignError("Queries with code in them are not taken.")
        return dict(query)
    try:
        return {"_id": {"$in": find_campaign(store, word, "simulations")["simulations"]}}
    except CampaignError:
        if not IDENTITY.fullmatch(word):
            raise
    return {"_id": {"$regex": f"^{word}"}}


def hold(store: CampaignStore, simulation_ids: Iterable[str], control: str) -> int:
    """Pause or cancel simulations; returns how many were going on.

    What is stored stays, and `resume` lets both go on: a cancelled one is one that nobody means
    to resume.
    """
    ids, simulations = list(simulation_ids), store.database["simulations"]
    going = {"_id": {"$in": ids}, "state": {"$not": ENDED}}
    count = simulations.update_many(going, {"$set": {"control": control}}).modified_count
    simulations.update_many(going | {"worker": None}, {"$set": {"state": STATES[control]}})
    parked = {"spec._parked": {"$ifNull": ["$spec._fworker", None]}, "spec._fworker": PARKED}
    store.database["fireworks"].update_many(
        {"spec.simulation": {"$in": ids}, "spec._fworker": {"$ne": PARKED}}, [{"$set": parked}]
    )
    return count


def resume(store: CampaignStore, simulation_ids: Iterable[str]) -> int:
    """Let simulations go on that were paused or cancelled, or that waited for a person."""
    ids, simulations = list(simulation_ids), store.database["simulations"]
    held = {"$or": [{"control": {"$ne": None}}, {"needs": {"$ne": None}}, {"state": "failed"}]}
    query = {"_id": {"$in": ids}, "state": {"$not": ENDED}, **held}
    found = [document["_id"] for document in simulations.find(query, {"_id": 1})]
    free: dict[str, Any] = {
        "control": None,
        "needs": None,
        "state": "waiting",
        "error": None,
        "failures": [],
    }
    simulations.update_many({"_id": {"$in": found}}, {"$set": free})
    jobs = {"spec.simulation": {"$in": found}}
    store.database["fireworks"].update_many(
        jobs | {"spec._fworker": PARKED},
        [
            {"$set": {"spec._fworker": {"$ifNull": ["$spec._parked", None]}}},
            {"$unset": "spec._parked"},
        ],
    )
    for job in store.database["fireworks"].find(jobs | {"state": "FIZZLED"}, {"fw_id": 1}):
        workflows.rerun(store, job["fw_id"])
    return len(found)


def prioritise(store: CampaignStore, simulation_ids: Iterable[str], priority: int) -> int:
    """Which simulations workers take first: the higher number; those without one come last."""
    ids = list(simulation_ids)
    changed = store.database["simulations"].update_many(
        {"_id": {"$in": ids}}, {"$set": {"priority": priority}}
    )
    store.database["fireworks"].update_many(
        {"spec.simulation": {"$in": ids}}, {"$set": {"spec._priority": priority}}
    )
    return changed.matched_count
