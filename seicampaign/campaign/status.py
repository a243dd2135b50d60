"""How far a campaign is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from seicampaign.store.campaigns import find_campaign
from seicampaign.store.clock import server_time
from seicampaign.store.simulations import EXTRAPOLATING, IMPORTED

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

FINISHED = {"completed"}
ENDED = FINISHED | {EXTRAPOLATING}
"""No further segment is added to these."""
CONTROL = {"pause": "paused", "cancel": "cancelled"}
HELD = set(CONTROL.values())
"""A person asked for these; `seicampaign resume` lets them go on."""
FIELDS = (
    *("electrolyte", "anode", "supercell", "temperature", "pressure", "seed", "timestep"),
    *("state", "control", "needs", "steps_done", "step_now", "planned_steps", "ns_per_day"),
    *("error", "worker", "failures.name"),
)


@dataclass(frozen=True)
class SimulationStatus:
    """One simulation: where it stands, how fast it goes and what it waits for.

    Attributes
    ----------
    ns_done, ns_planned
        Simulated time up to now and in all.
    ns_per_day
        Rate of the segment that runs, or ran last; None before the first.
    heartbeat
        Seconds since its worker last showed itself; None without a worker.
    tries
        Failures that were mended, or tried to be.
    waits_for
        What has to happen before it goes on; None while it runs and when it is complete.
    hours_left
        At its rate; None where that is not known.
    core_hours
        Used by the segments that have ended.
    """

    simulation_id: str
    title: str
    state: str
    ns_done: float
    ns_planned: float
    ns_per_day: float | None
    error: str | None
    heartbeat: float | None = None
    tries: int = 0
    waits_for: str | None = None
    hours_left: float | None = None
    core_hours: float = 0.0
    cores: int = 1


@dataclass(frozen=True)
class CampaignStatus:
    """A campaign: its simulations and their sums.

    Attributes
    ----------
    imported
        How many runs from elsewhere joined it: they are compared, and never run here.
    """

    name: str
    simulations: list[SimulationStatus]
    imported: int = 0

    @property
    def ns_done(self) -> float:
        """Sum over simulations."""
        return sum(s.ns_done for s in self.simulations)

    @property
    def ns_planned(self) -> float:
        """Sum over simulations."""
        return sum(s.ns_planned for s in self.simulations)

    @property
    def states(self) -> Counter[str]:
        """How many simulations are in each state."""
        return Counter(s.state for s in self.simulations)

    @property
    def finished(self) -> bool:
        """Whether every simulation is complete."""
        return all(s.state in FINISHED for s in self.simulations)

    @property
    def ended(self) -> bool:
        """Whether nothing will go on by itself, since all are complete or beyond the potential."""
        return all(s.state in ENDED for s in self.simulations)

    @property
    def core_hours(self) -> float:
        """Used by all segments that have ended."""
        return sum(s.core_hours for s in self.simulations)

    @property
    def core_hours_left(self) -> float | None:
        """What the rest takes, at each one's rate; at the median rate where none is known yet.

        What has ended, or was cancelled, takes nothing.
        """
        left = [s for s in self.simulations if s.state not in ENDED | {"cancelled"}]
        rates = [s.ns_per_day for s in self.simulations if s.ns_per_day]
        if not left or not rates:
            return None if left else 0.0
        usual = median(rates)
        return sum(
            (s.ns_planned - s.ns_done) / (s.ns_per_day or usual) * 24 * s.cores for s in left
        )

    @property
    def hours_left(self) -> float | None:
        """Until all is done, if as many run as now; None where nothing runs."""
        going = [s for s in self.simulations if s.state == "running" and s.waits_for is None]
        running = sum(s.cores for s in going)  # not those between two segments
        left = self.core_hours_left
        return left / running if running and left is not None else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        totals = {
            "ns_done": self.ns_done,
            "ns_planned": self.ns_planned,
            "core_hours": self.core_hours,
            "core_hours_left": self.core_hours_left,
            "hours_left": self.hours_left,
        }
        return asdict(self) | totals | {"states": dict(self.states)}


def campaign_status(store: CampaignStore, name: str) -> CampaignStatus:
    """The status of a launched campaign.

    Raises
    ------
    CampaignError
        If no campaign of that name was launched into this database.
    """
    rows = simulation_rows(store, find_campaign(store, name, "simulations")["simulations"])
    joined = store.database["simulations"].count_documents({"campaigns": name, "origin": IMPORTED})
    return CampaignStatus(name, sorted(rows, key=lambda row: row.title), joined)


def simulation_rows(store: CampaignStore, ids: Sequence[str]) -> list[SimulationStatus]:
    """The status of simulations, in three queries whatever their number."""
    wanted = {"_id": {"$in": list(ids)}}
    used = _core_hours(store, ids)
    jobs = _jobs(store, ids)
    now = server_time(store).replace(tzinfo=None)  # as pymongo gives times
    return [
        _row(document, now, jobs.get(document["_id"], set()), used.get(document["_id"]))
        for document in store.database["simulations"].find(wanted, dict.fromkeys(FIELDS, 1))
    ]


def _core_hours(store: CampaignStore, ids: Sequence[str]) -> dict[str, tuple[float, int]]:
    """Core-hours of the segments of each simulation, and the cores of one of them."""
    seconds = {"$multiply": ["$seconds", {"$ifNull": ["$cores", 1]}]}
    found = store.database["segments"].aggregate(
        [
            {"$match": {"simulation_id": {"$in": list(ids)}}},
            {
                "$group": {
                    "_id": "$simulation_id",
                    "seconds": {"$sum": seconds},
                    "cores": {"$max": "$cores"},
                }
            },
        ]
    )
    return {d["_id"]: (d["seconds"] / 3600, d["cores"] or 1) for d in found}


def _jobs(store: CampaignStore, ids: Sequence[str]) -> dict[str, set[str]]:
    """The states of the jobs of each simulation that have not ended well."""
    query = {
        "spec.simulation": {"$in": list(ids)},
        "state": {"$in": ["READY", "RESERVED", "RUNNING", "FIZZLED", "PAUSED", "DEFUSED"]},
    }
    states: dict[str, set[str]] = {}
    wanted = {"spec.simulation": 1, "state": 1, "_id": 0}
    for job in store.database["fireworks"].find(query, wanted):
        states.setdefault(job["spec"]["simulation"], set()).add(job["state"])
    return states


def _row(
    document: Mapping[str, Any],
    now: datetime,
    jobs: set[str],
    used: tuple[float, int] | None,
) -> SimulationStatus:
    per_step = document["timestep"] / 1e6
    done = max(document["steps_done"], document["step_now"]) * per_step
    planned = document["planned_steps"] * per_step
    rate, worker = document.get("ns_per_day"), document.get("worker")
    state = document["state"]
    if state not in ENDED and worker is None:
        state = CONTROL.get(document.get("control") or "", state)
    hours, cores = used or (0.0, 1)
    return SimulationStatus(
        simulation_id=document["_id"],
        title=title(document),
        state=state,
        ns_done=done,
        ns_planned=planned,
        ns_per_day=rate,
        error=document.get("error"),
        heartbeat=None if worker is None else (now - worker["heartbeat"]).total_seconds(),
        tries=len(document.get("failures") or []),
        waits_for=_waits_for(document, state, jobs),
        hours_left=None if not rate else max(0.0, planned - done) / rate * 24,
        core_hours=hours,
        cores=cores,
    )


def _waits_for(document: Mapping[str, Any], state: str, jobs: set[str]) -> str | None:
    if state in ENDED:
        return None
    if document.get("control"):
        return "seicampaign resume"
    if document.get("needs"):
        return f"a person: {document['needs']}"
    if document.get("worker") or "RUNNING" in jobs:
        return None
    reasons = {
        "RESERVED": "the queue",
        "READY": "a worker",
        "FIZZLED": "seicampaign tend",
        "PAUSED": "lpad resume_fws",
        "DEFUSED": "lpad reignite_fws",
    }
    return next((reasons[name] for name in reasons if name in jobs), "seicampaign tend")


def title(document: Mapping[str, Any]) -> str:
    """The title of a simulation from its document, as `Simulation.title`.

    Of an imported run less may be known.
    """
    cell, p, seed = document["supercell"], document["pressure"], document["seed"]
    return (
        f"{document['electrolyte']}|{document['anode']}"
        f"{'' if cell is None else f' {cell[0]}x{cell[1]}'} {document['temperature']:g} K"
        f"{'' if p is None else f' {p:g} bar'}{'' if seed is None else f' seed {seed}'}"
    )
