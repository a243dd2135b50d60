"""Who works on a data set: one active-learning loop at a time.

A lease belongs to a loop, which goes on in many jobs and maybe on many machines. It says which
process held it last: a loop that was killed can be started again at once, and no second one goes
on beside a first that lives. Another loop gets the data set when the first has ended, was given
up, or has been silent for a day.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from seicampaign.errors import TrainingError
from seicampaign.store.clock import server_time
from seicampaign.trajectory.lease import boot, born

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore

COLLECTION = "learning_leases"
SILENT = timedelta(days=1)
QUIET = timedelta(hours=1)
"""A process on another machine that did not renew its lease for so long counts as dead."""


def take(store: CampaignStore, dataset: str, loop: str, token: str) -> None:
    """Take the lease of a data set for a run of a loop, or keep it.

    Parameters
    ----------
    token
        Of this run of the loop: a run keeps its lease from job to job.

    Raises
    ------
    TrainingError
        If another loop has the data set, or another run of this loop is alive.
    """
    from pymongo.errors import DuplicateKeyError

    leases = store.database[COLLECTION]
    found = leases.find_one({"_id": dataset})
    if found is not None:
        _refuse(store, found, loop, token)
    mine = {
        "loop": loop,
        "token": token,
        "holder": _this_process(),
        "renewed": server_time(store),
    }
    try:
        if found is None:
            leases.insert_one({"_id": dataset, **mine})
            return
        same = {"_id": dataset, "token": found["token"], "renewed": found["renewed"]}
        if leases.replace_one(same, mine).matched_count:
            return
    except DuplicateKeyError:
        pass
    now = leases.find_one({"_id": dataset})
    raise TrainingError(_busy(now or {"_id": dataset, "loop": "another loop", "holder": {}}))


def require(store: CampaignStore, dataset: str, token: str) -> None:
    """Go on with a lease, as the process that holds it now.

    Raises
    ------
    TrainingError
        If it is someone else's by now.
    """
    renewed = {"holder": _this_process(), "renewed": server_time(store)}
    leases = store.database[COLLECTION]
    if not leases.update_one({"_id": dataset, "token": token}, {"$set": renewed}).matched_count:
        found = leases.find_one({"_id": dataset})
        told = _busy(found) if found else f"The lease on data set {dataset!r} was given up."
        raise TrainingError(f"{told} This run of the loop ends here; what it stored stays.")


def release(store: CampaignStore, dataset: str, *, loop: str) -> bool:
    """End the lease a loop has on a data set; False if it has none."""
    return bool(store.database[COLLECTION].delete_one({"_id": dataset, "loop": loop}).deleted_count)


def _refuse(store: CampaignStore, found: dict[str, Any], loop: str, token: str) -> None:
    if found["token"] == token:
        return
    silent = server_time(store) - found["renewed"].replace(tzinfo=UTC)
    if found["loop"] != loop:
        free = silent > SILENT and not _alive(found, silent)
    else:  # an earlier run in this very process is over: it has come back here
        free = found["holder"] == _this_process() or not _alive(found, silent)
    if not free:
        raise TrainingError(_busy(found))


def _this_process() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "boot": boot(), "pid": pid, "born": born(pid)}


def _alive(found: dict[str, Any], silent: timedelta) -> bool:
    """Whether the process that held a lease last is alive, as far as can be told from here."""
    holder = found["holder"]
    if (holder["host"], holder["boot"]) == (socket.gethostname(), boot()):
        return born(holder["pid"]) == holder["born"]
    return silent < QUIET


def _busy(found: dict[str, Any]) -> str:
    holder = found["holder"]
    where = f"process {holder['pid']} on {holder['host']}" if holder else "another process"
    return (
        f"Data set {found['_id']!r} belongs to the active-learning loop {found['loop']!r}, last "
        f"worked on by {where}. A data set grows in one loop at a time: let that one end, or end "
        f"it: `seicampaign potential loop {found['loop']} --give-up`."
    )
