"""One round of looking after all jobs: find what is lost, failed or stuck, mend it, run it again.

It may be run by hand, in a loop, from cron, or by several at once: of those one works, and every
step of it can be broken off and repeated. Jobs themselves can be repeated too, so that in doubt a
job is run once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seicampaign.recovery import workflows
from seicampaign.recovery.handlers import LOST, STUCK, Handler, diagnose, tries
from seicampaign.recovery.watch import alone, forget, unchanged_for
from seicampaign.store import fences

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

LOST_SECONDS = 180
"""A job whose worker has not shown itself for so long is lost; three of FireWorks' pings."""
LOCK_SECONDS = 120
STUCK_SECONDS = 7200
KEPT_FAILURES = 20


@dataclass(frozen=True)
class Action:
    """Something that was found and what was done about it.

    Attributes
    ----------
    simulation_id, job
        Which; None where there is none.
    found
        What was wrong.
    done
        What was done; where a person is needed, what that person should do.
    person
        Whether one is needed.
    mended
        Whether anything was changed; not where time has to pass first, or a person holds it.
    """

    simulation_id: str | None
    job: int | None
    found: str
    done: str
    person: bool = False
    mended: bool = True


@dataclass(frozen=True)
class TendReport:
    """One round.

    Attributes
    ----------
    busy
        Whether another process was at it, so that nothing was done here.
    """

    actions: list[Action] = field(default_factory=list)
    busy: bool = False

    def __str__(self) -> str:
        if self.busy:
            return "another process is tending"
        people = sum(action.person for action in self.actions)
        mended = sum(action.mended and not action.person for action in self.actions)
        later = len(self.actions) - mended - people
        return f"{mended} mended, {f'{later} left for now, ' if later else ''}{people} for a person"


def tend(store: CampaignStore, simulation_ids: Iterable[str] | None = None) -> TendReport:
    """Look after the jobs in the LaunchPad.

    Parameters
    ----------
    simulation_ids
        Only those of these simulations. Default: all.
    """
    only = None if simulation_ids is None else list(simulation_ids)
    with store.explained("used"), alone(store) as mine:
        if not mine:
            return TendReport(busy=True)
        report = TendReport(list(_round(store, only)))
        forget(store)
    return report


def _round(store: CampaignStore, only: list[str] | None) -> Iterator[Action]:
    yield from _unlock(store)
    yield from _orphans(store)
    yield from _lost(store, only)
    yield from _stuck(store, only)
    yield from _failed(store, only)
    yield from _held_up(store, only)
    yield from _forgotten(store, only)


def _jobs(store: CampaignStore, only: list[str] | None, *states: str) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"state": {"$in": list(states)}}
    if only is not None:
        query["spec.simulation"] = {"$in": only}
    wanted = {"fw_id": 1, "state": 1, "launches": 1, "spec.simulation": 1, "updated_on": 1}
    found = list(store.database["fireworks"].find(query, wanted))
    locked = workflows.locked(store)  # FireWorks would wait for minutes; a later round finds them
    return [job for job in found if job["fw_id"] not in locked]


def _unlock(store: CampaignStore) -> Iterator[Action]:
    """Workflows whose lock was left behind by a process that was killed."""
    for found in store.database["workflows"].find({"locked": True}, {"nodes": 1, "updated_on": 1}):
        key = f"lock/{found['_id']}"
        if unchanged_for(store, key, str(found["updated_on"])) > LOCK_SECONDS:
            store.database["workflows"].update_one({"_id": found["_id"]}, {"$unset": {"locked": 1}})
            store.database["tending"].delete_one({"_id": key})
            yield Action(None, found["nodes"][0], "workflow locked by no one", "unlocked")


def _orphans(store: CampaignStore) -> Iterator[Action]:
    """Jobs that no workflow knows: their adding was broken off, and is done again."""
    for job in workflows.orphans(store):
        if unchanged_for(store, f"orphan/{job['fw_id']}", job["state"]) > LOCK_SECONDS:
            store.database["fireworks"].delete_one({"fw_id": job["fw_id"]})
            yield Action(job["simulation"], job["fw_id"], "job without a workflow", "removed")


def _lost(store: CampaignStore, only: list[str] | None) -> Iterator[Action]:
    for job in _jobs(store, only, "RUNNING", "RESERVED"):
        simulation = job["spec"].get("simulation")
        what = workflows.what_happened(store, job)
        if what == "ended":  # and the workflow was not told
            workflows.refresh(store, job["fw_id"])
            yield Action(simulation, job["fw_id"], "ended, but its workflow shows it", "refreshed")
        elif what == "gone":
            yield _again(store, job, LOST, "its worker is gone")


def _stuck(store: CampaignStore, only: list[str] | None) -> Iterator[Action]:
    """Simulations whose worker lives and gets no further."""
    query: dict[str, Any] = {"state": "running", "worker": {"$ne": None}}
    if only is not None:
        query["_id"] = {"$in": only}
    wanted = {"step_now": 1, "worker": 1, "fence": 1}
    for found in store.database["simulations"].find(query, wanted):
        here = [found["fence"], found["step_now"]]
        if unchanged_for(store, f"step/{found['_id']}", here) > STUCK_SECONDS:
            fences.revoke(store, found["_id"])
            jobs = [job for job in _jobs(store, [found["_id"]], "RUNNING")]
            for job in jobs:
                yield _again(store, job, STUCK, f"no step for {STUCK_SECONDS / 3600:g} h")


def _failed(store: CampaignStore, only: list[str] | None) -> Iterator[Action]:
    for job in _jobs(store, only, "FIZZLED"):
        simulation = job["spec"].get("simulation")
        if workflows.is_running(store, job):  # called failed by who was killed meanwhile
            if workflows.what_happened(store, job) == "gone":
                yield _again(store, job, LOST, "its worker is gone")
            continue
        error = workflows.error_of(store, job)
        if simulation is None:
            yield Action(None, job["fw_id"], _last_line(error), "`lpad rerun_fws` runs it", True)
            continue
        handler = diagnose(error)
        since = unchanged_for(store, f"wait/{job['fw_id']}", job["launches"])
        if since < handler.wait:
            waits = f"waits {handler.wait:.0f} s"
            yield Action(simulation, job["fw_id"], handler.name, waits, mended=False)
            continue
        yield _again(store, job, handler, error)


def _again(store: CampaignStore, job: dict[str, Any], handler: Handler, error: str) -> Action:
    """Run a job again, with a remedy and if it is worth while; else call a person."""
    key = job["spec"].get("simulation")
    simulations = store.database["simulations"]
    document = simulations.find_one({"_id": key})
    if document is not None and document.get("control") is not None:
        alone = f"left alone: {document['control']}"
        return Action(key, job["fw_id"], handler.name, alone, mended=False)
    if document is None or not handler.counts:
        workflows.rerun(store, job["fw_id"])
        return Action(key, job["fw_id"], handler.name, "run again")
    if _is_recorded(document, job):  # a round that was broken off has dealt with it
        workflows.rerun(store, job["fw_id"])
        return Action(key, job["fw_id"], handler.name, "run again")
    before = tries(document, handler)
    if before >= handler.most:
        reason = document.get("error") or _last_line(error)
        needs = {"needs": handler.advice, "state": "failed", "error": reason}
        simulations.update_one({"_id": key}, {"$set": needs})
        tried = f", {before} {'try' if before == 1 else 'tries'}" if before else ""
        found = f"{handler.name}{tried}"
        return Action(key, job["fw_id"], found, handler.advice, True)
    done = handler.remedy(store, document, before) if handler.remedy is not None else ""
    _record(store, document, job, handler, error, done)
    workflows.rerun(store, job["fw_id"])
    return Action(key, job["fw_id"], handler.name, f"run again; {done}" if done else "run again")


def _is_recorded(document: dict[str, Any], job: dict[str, Any]) -> bool:
    known = [failure.get("launch") for failure in document.get("failures") or []]
    return bool(job["launches"]) and job["launches"][-1] in known


def _record(
    store: CampaignStore,
    document: dict[str, Any],
    job: dict[str, Any],
    handler: Handler,
    error: str,
    done: str,
) -> None:
    entry = {
        "name": handler.name,
        "launch": job["launches"][-1] if job["launches"] else None,
        "error": error[-3000:],
        "step": document["steps_done"],
        "remedy": done or None,
        "at": datetime.now(UTC),
    }
    push: dict[str, Any] = {"failures": {"$each": [entry], "$slice": -KEPT_FAILURES}}
    if done:
        push["remedies"] = {key: entry[key] for key in ("name", "step", "remedy", "at")}
    store.database["simulations"].update_one(
        {"_id": document["_id"]}, {"$push": push, "$set": {"state": "waiting", "error": None}}
    )


def _held_up(store: CampaignStore, only: list[str] | None) -> Iterator[Action]:
    """Jobs that wait for others that have ended: who ended those was killed before it said so."""
    going = ("READY", "RESERVED", "RUNNING", "FIZZLED", "PAUSED", "DEFUSED")
    for key in workflows.without_jobs(store, only, going):
        if unchanged_for(store, f"waits/{key}", True) > LOCK_SECONDS:
            store.database["tending"].delete_one({"_id": f"waits/{key}"})
            if workflows.refresh_waiting(store, key):
                yield Action(key, None, "its jobs wait for what has ended", "refreshed")


def _forgotten(store: CampaignStore, only: list[str] | None) -> Iterator[Action]:
    """Simulations that are not complete and have no job that could go on: they get a workflow."""
    for key in workflows.without_jobs(store, only):
        if unchanged_for(store, f"alone/{key}", True) > LOCK_SECONDS:
            workflows.add(store, key)
            store.database["tending"].delete_one({"_id": f"alone/{key}"})
            yield Action(key, None, "no job works on it", "a new workflow was added")


def counted(actions: Iterable[Action]) -> Counter[str]:
    """How often each thing was found."""
    return Counter(action.found.partition(",")[0] for action in actions)


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2][:200]
