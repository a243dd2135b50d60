"""Who may write what belongs to a simulation: one worker, the one with the highest number.

Every worker that takes a simulation gets the next number, and everything it writes is written on
the condition that no higher number has been given out: by the database, in the write itself. So a
worker that was taken for lost, and comes back, changes nothing, whenever it wakes up. Times are
the server's: a machine with a wrong clock takes nothing over.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from seicampaign.errors import TakenOverError

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore

BEAT_SECONDS = 20
SILENT_SECONDS = 120
"""A worker that has shown no sign of life for so long may be taken for lost."""


class Fence:
    """A simulation that this process has taken; the store's writes for it carry its number."""

    def __init__(self, store: CampaignStore, simulation_id: str, number: int) -> None:
        self.simulation_id = simulation_id
        self.number = number
        self._store = store

    @classmethod
    def take(cls, store: CampaignStore, simulation_id: str, **about: Any) -> Self:
        """Take a simulation that nobody works on, or whose worker is dead or silent.

        Parameters
        ----------
        about
            What else to say of this worker, e.g. the number of its job.

        Raises
        ------
        TakenOverError
            If a living worker has it, with its host and process.
        """
        collection = store.database["simulations"]
        held = (collection.find_one({"_id": simulation_id}, {"worker": 1}) or {}).get("worker")
        dead = held["token"] if held is not None and is_dead(held) else None
        free = {"$or": [{"worker": None}, {"worker.token": dead}, {"$expr": silent()}]}
        worker = {"$literal": _this_process() | about}
        now = {"heartbeat": "$$NOW", "since": "$$NOW"}
        taken = collection.find_one_and_update(
            {"_id": simulation_id, **(free if held is not None else {"worker": None})},
            [
                {
                    "$set": {
                        "fence": {"$add": [{"$ifNull": ["$fence", 0]}, 1]},
                        "worker": {"$mergeObjects": [worker, now]},
                    }
                }
            ],
            return_document=True,
        )
        if taken is None:
            raise TakenOverError(_busy(store, simulation_id))
        number = int(taken["fence"])
        # From here on an older worker's append finds another revision, and then a higher number.
        for name in ("curves", "curve_states"):
            store.database[name].update_many(
                {"simulation_id": simulation_id},
                {"$set": {"fence": number}, "$inc": {"revision": 1}},
            )
        store.fences[simulation_id] = number
        return cls(store, simulation_id, number)

    def beat(self) -> dict[str, Any] | None:
        """Show that this worker lives.

        Returns
        -------
        dict or None
            The simulation's ``control`` (what a person asks of it); None if it has been taken over.
        """
        return self._store.database["simulations"].find_one_and_update(
            {"_id": self.simulation_id, "fence": self.number},
            [{"$set": {"worker.heartbeat": "$$NOW"}}],
            {"control": 1},
        )

    def release(self) -> None:
        """Let others take it; one that was taken over is left to who has it."""
        self._store.fences.pop(self.simulation_id, None)
        self._store.database["simulations"].update_one(
            {"_id": self.simulation_id, "fence": self.number}, {"$set": {"worker": None}}
        )


def revoke(store: CampaignStore, simulation_id: str) -> None:
    """Take a simulation from whoever has it, and leave it free."""
    store.database["simulations"].update_one(
        {"_id": simulation_id}, {"$inc": {"fence": 1}, "$set": {"worker": None}}
    )


def condition(store: CampaignStore, simulation_id: str) -> dict[str, Any]:
    """What a write to the simulation's document has to match besides its id."""
    number = store.fences.get(simulation_id)
    return {} if number is None else {"fence": number}


def not_newer(number: int, field: str = "fence") -> dict[str, Any]:
    """Matches documents that no worker with a higher number has written."""
    return {field: {"$not": {"$gt": number}}}


def put(
    store: CampaignStore, simulation_id: str, collection: str, document: dict[str, Any]
) -> None:
    """Insert or replace a document of a simulation, unless a newer worker has written it.

    Raises
    ------
    TakenOverError
        If one has.
    """
    from pymongo.errors import DuplicateKeyError

    number = store.fences.get(simulation_id)
    query = {"_id": document["_id"]} | ({} if number is None else not_newer(number))
    try:
        store.database[collection].replace_one(query, document | {"fence": number}, upsert=True)
    except DuplicateKeyError:
        raise lost(f"Simulation {simulation_id}") from None


def lost(what: str) -> TakenOverError:
    """The error of a worker that writes too late."""
    return TakenOverError(
        f"{what} was taken over by another worker, after this one had been silent for more than "
        f"{SILENT_SECONDS} s or was told to end. Nothing that it had stored is lost; nothing more "
        "of it is stored. The other one goes on."
    )


def silent(seconds: float = SILENT_SECONDS) -> dict[str, Any]:
    """An expression: the worker's last heartbeat is longer ago, by the server's clock."""
    return {"$lt": ["$worker.heartbeat", {"$subtract": ["$$NOW", round(1000 * seconds)]}]}


def is_dead(worker: dict[str, Any]) -> bool:
    """Whether a worker is known to have ended: only one of this machine can be."""
    from seicampaign.trajectory.lease import boot, born

    here = worker["host"] == socket.gethostname() and worker["boot"] == boot()
    return here and born(worker["pid"]) != worker["born"]


def _this_process() -> dict[str, Any]:
    from seicampaign.trajectory.lease import boot, born

    return {
        "token": uuid4().hex,
        "host": socket.gethostname(),
        "boot": boot(),
        "pid": os.getpid(),
        "born": born(os.getpid()),
    }


def _busy(store: CampaignStore, simulation_id: str) -> str:
    from seicampaign.store import simulations

    worker = simulations.get(store, simulation_id).get("worker") or {}
    return (
        f"Simulation {simulation_id} is worked on by process {worker.get('pid')} on "
        f"{worker.get('host')}: one worker at a time. If that one is dead or hangs, it can be "
        f"taken over {SILENT_SECONDS} s after its last sign of life; `seicampaign tend` does."
    )
