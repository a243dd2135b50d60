"""FireWorks' side of recovery: what became of a job, and how it is run again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING, Any

from seicampaign.recovery.watch import unchanged_for
from seicampaign.store import fences, simulations

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

ACTIVE = ("READY", "RESERVED", "RUNNING", "FIZZLED", "WAITING", "PAUSED")
SILENT_SECONDS = 180
RESERVED_SECONDS = 14 * 86400
CHECKOUT_SECONDS = 120
UNFINISHED = ("waiting", "running", "interrupted", "failed")


def what_happened(store: CampaignStore, job: dict[str, Any]) -> str:
    """``"alive"``, ``"ended"`` (its workflow was not told) or ``"gone"``, for a job in hand."""
    launch = store.database["launches"].find_one(
        {"launch_id": {"$in": job["launches"]}}, sort=[("launch_id", -1)]
    )
    if launch is None:  # taken, and the taker died before it said where
        quiet = unchanged_for(store, f"checkout/{job['fw_id']}", str(job["updated_on"]))
        return "gone" if quiet > CHECKOUT_SECONDS else "alive"
    if launch["state"] in ("COMPLETED", "FIZZLED"):
        key = f"ended/{launch['launch_id']}"
        return "ended" if unchanged_for(store, key, True) > CHECKOUT_SECONDS / 4 else "alive"
    if launch["state"] == "RESERVED":
        return "gone" if _reservation_is_over(store, launch) else "alive"
    worker = _worker(store, job)
    if worker is not None and worker.get("fw_id") == job["fw_id"] and fences.is_dead(worker):
        return "gone"
    ping = str([state.get("updated_on") for state in launch["state_history"]])
    quiet = unchanged_for(store, f"launch/{launch['launch_id']}", ping)
    return "gone" if quiet > SILENT_SECONDS else "alive"


def _worker(store: CampaignStore, job: dict[str, Any]) -> dict[str, Any] | None:
    key = job["spec"].get("simulation")
    found = store.database["simulations"].find_one({"_id": key}, {"worker": 1}) if key else None
    return (found or {}).get("worker")


def _reservation_is_over(store: CampaignStore, launch: dict[str, Any]) -> bool:
    """Whether the queue no longer has the job that a reservation waits for."""
    ids = [state.get("reservation_id") for state in launch["state_history"]]
    number = next((str(i) for i in ids if i), None)
    quiet = unchanged_for(store, f"reserved/{launch['launch_id']}", number)
    if number is None:
        return quiet > CHECKOUT_SECONDS
    if shutil.which("squeue") and quiet > 30:
        asked = subprocess.run(
            ["squeue", "-h", "-o", "%T", "-j", number], capture_output=True, text=True, timeout=60
        )
        if asked.returncode == 0:
            return not asked.stdout.strip()
        if "Invalid job id" in asked.stderr:
            return True
    return quiet > RESERVED_SECONDS


def is_running(store: CampaignStore, job: dict[str, Any]) -> bool:
    """Whether a worker has the job, whatever state it is said to be in."""
    running = {"launch_id": {"$in": job["launches"]}, "state": {"$in": ["RUNNING", "RESERVED"]}}
    return store.database["launches"].find_one(running, {"_id": 1}) is not None


def locked(store: CampaignStore) -> set[int]:
    """The jobs of workflows that a process is changing, or was when it was killed."""
    found = store.database["workflows"].find({"locked": True}, {"nodes": 1})
    return {fw_id for workflow in found for fw_id in workflow["nodes"]}


def error_of(store: CampaignStore, job: dict[str, Any]) -> str:
    """Why a job failed, as FireWorks recorded it."""
    launch = store.database["launches"].find_one(
        {"launch_id": {"$in": job["launches"]}}, sort=[("launch_id", -1)]
    )
    stored = ((launch or {}).get("action") or {}).get("stored_data") or {}
    return str(stored.get("_exception", {}).get("_stacktrace", ""))


def rerun(store: CampaignStore, fw_id: int) -> None:
    """Make a job ready again; where FireWorks cannot, take its workflow away.

    A simulation without a workflow gets a new one in a later round.
    """
    from fireworks.core.launchpad import LockedWorkflowError

    try:
        store.launchpad().rerun_fw(fw_id)
    except LockedWorkflowError:
        return  # a later round unlocks it
    except Exception:  # FireWorks raises whatever its half-written documents lead to
        _remove(store, fw_id)


def refresh(store: CampaignStore, fw_id: int) -> None:
    """Tell a workflow what became of its job."""
    try:
        store.launchpad()._refresh_wf(fw_id)
    except RuntimeError:
        _remove(store, fw_id)


def refresh_waiting(store: CampaignStore, simulation_id: str) -> bool:
    """Let the jobs of a simulation that wait look at those before them; False if none wait."""
    jobs = store.database["fireworks"].find({"spec.simulation": simulation_id})
    states = {job["fw_id"]: job["state"] for job in jobs}
    if "WAITING" not in states.values() or states.keys() & locked(store):
        return False
    for fw_id in sorted(fw_id for fw_id, state in states.items() if state == "WAITING"):
        refresh(store, fw_id)
    return True


def _remove(store: CampaignStore, fw_id: int) -> None:
    workflow = store.database["workflows"].find_one({"nodes": fw_id}, {"nodes": 1})
    nodes = workflow["nodes"] if workflow is not None else [fw_id]
    store.database["fireworks"].delete_many({"fw_id": {"$in": nodes}})
    if workflow is not None:
        store.database["workflows"].delete_one({"_id": workflow["_id"]})


def orphans(store: CampaignStore) -> Iterator[dict[str, Any]]:
    """Unfinished jobs that are in no workflow: ``fw_id``, ``state``, ``simulation``."""
    known: set[int] = set()
    for workflow in store.database["workflows"].find(
        {"state": {"$nin": ["COMPLETED", "ARCHIVED"]}}, {"nodes": 1, "_id": 0}
    ):
        known.update(workflow["nodes"])
    wanted = {"fw_id": 1, "state": 1, "spec.simulation": 1, "_id": 0}
    for job in store.database["fireworks"].find({"state": {"$in": list(ACTIVE)}}, wanted):
        if job["fw_id"] in known:
            continue
        if store.database["workflows"].find_one({"nodes": job["fw_id"]}, {"_id": 1}) is None:
            yield job | {"simulation": job.get("spec", {}).get("simulation")}


def without_jobs(
    store: CampaignStore, only: list[str] | None, states: tuple[str, ...] = (*ACTIVE, "DEFUSED")
) -> list[str]:
    """Simulations that should go on and have no job in one of these states.

    By default those that could go on, or that a person holds back.
    """
    query: dict[str, Any] = {
        "state": {"$in": list(UNFINISHED)},
        "control": None,
        "needs": None,
        "claim": None,
        "requested_steps": {"$gt": 0},
    }
    if only is not None:
        query["_id"] = {"$in": only}
    open_ = {d["_id"] for d in store.database["simulations"].find(query, {"_id": 1})}
    busy = store.database["fireworks"].distinct(
        "spec.simulation", {"state": {"$in": list(states)}, "spec.simulation": {"$ne": None}}
    )
    return sorted(open_ - set(busy))


def add(store: CampaignStore, simulation_id: str) -> None:
    """Add a workflow for what is left of a simulation."""
    from jobflow.managers.fireworks import flow_to_workflow

    from seicampaign.flows import SimulationFlowMaker

    document = simulations.get(store, simulation_id)
    campaign = (document.get("campaigns") or [None])[0]
    flow = SimulationFlowMaker().make(simulations.specification(document))
    metadata = {"campaign": campaign, "simulation": simulation_id}
    with redirect_stderr(StringIO()):
        store.launchpad().bulk_add_wfs([flow_to_workflow(flow, metadata=metadata)])
    simulations.record(store, simulation_id, state="waiting")
