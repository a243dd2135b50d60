"""What can go wrong with a simulation, how it is recognised, and what is done about it.

In the manner of custodian: one handler for each failure, the first that recognises it decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seicampaign.store import restarts

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

Remedy = Callable[["CampaignStore", dict[str, Any], int], str]
FINEST = 2
"""Substeps of the finest run: a potential that fails at half the timestep too is to blame."""


@dataclass(frozen=True)
class Handler:
    """One kind of failure.

    Attributes
    ----------
    name
        In tables, and in the simulation's ``failures``.
    pattern
        Found in the error of the job, which has the end of LAMMPS's log.
    most
        Tries without a step forward; then a person is needed.
    advice
        What that person should do.
    remedy
        Changes what the next try starts from, and says how. None: the next try is like the last.
    wait
        Seconds before the next try, for what takes time to pass.
    counts
        Whether it is the simulation's failure at all; if not, there is no bound.
    """

    name: str
    pattern: str
    most: int
    advice: str
    remedy: Remedy | None = None
    wait: float = 0
    counts: bool = True


def diagnose(error: str) -> Handler:
    """The handler of an error."""
    return next(h for h in HANDLERS if re.search(h.pattern, error, re.IGNORECASE))


def tries(document: dict[str, Any], handler: Handler) -> int:
    """How often a simulation has failed in this way since it last went forward."""
    return sum(
        failure["name"] == handler.name and failure["step"] >= document["steps_done"]
        for failure in document.get("failures") or []
    )


def halve_timestep(store: CampaignStore, document: dict[str, Any], before: int) -> str:
    """Go on with half the timestep; from the restart file before, where that did not help."""
    done = []
    if (document.get("substeps") or 1) < FINEST:
        store.database["simulations"].update_one(
            {"_id": document["_id"]}, {"$set": {"substeps": FINEST}}
        )
        done.append(f"timestep {document['timestep'] / FINEST:g} fs from here on")
    if before:
        done.append(step_back(store, document, before))
    return ", ".join(done)


def step_back(store: CampaignStore, document: dict[str, Any], before: int) -> str:
    """Start from the restart file before the newest."""
    points = document.get("restarts") or []
    if not points:
        return "from the beginning"
    restarts.drop_newest(store, document["_id"])
    return f"the restart file of step {points[0]['step']} is left out"


HANDLERS = (
    Handler(
        "another worker",
        r"is worked on by process|was taken over by another|is being written by process",
        0,
        "",
        wait=30,
        counts=False,
    ),
    Handler(
        "paused",
        r"is (paused|cancelled): `seicampaign resume`",
        0,
        "",
        counts=False,
    ),
    Handler(
        "walltime over",
        r"Another job of the queue goes on with it",
        0,
        "",
        counts=False,
    ),
    Handler(
        "walltime too short",
        r"Ask the queue for a longer walltime",
        0,
        "Ask the queue for a longer walltime, then `seicampaign resume`.",
    ),
    Handler(
        "disk full",
        r"No space left on device|The disk of .* is full",
        12,
        "Make room on the disk of that worker, then `seicampaign resume`.",
        wait=600,
    ),
    Handler(
        "scratch not writable",
        r"Read-only file system|cannot be written to",
        1,
        "Give the workers a directory that can be written to, then `seicampaign resume`.",
    ),
    Handler(
        "restart file unreadable",
        r"ERROR[^\n]*(restart|in LAMMPS binary)|Did not assign all restart atoms",
        3,
        "Neither restart file can be read by this LAMMPS: look at its version and its log.",
        remedy=step_back,
    ),
    Handler(
        "lost atoms",
        r"Lost atoms|Out of range atoms|Atoms? .*missing|too (?:far|many neighbors)",
        3,
        "Half the timestep does not help: look at the last frames, and at the potential's grades.",
        remedy=halve_timestep,
    ),
    Handler(
        "not finite",
        r"not finite|Non-numeric|\bnan\b|collapsed|positions beyond",
        3,
        "Half the timestep does not help: look at the last frames, and at the potential's grades.",
        remedy=halve_timestep,
    ),
    Handler(
        "engine",
        r"EngineError|LAMMPS_?(?:INCLUDE)? .*(?:not found|missing)|There is no .*(lmp|LAMMPS|MPI)|"
        r"built for LAMMPS|compiler",
        3,
        "That worker has no LAMMPS that fits: `seicampaign doctor` there says what is missing.",
        wait=300,
    ),
    Handler(
        "database away",
        r"StoreError|AutoReconnect|ServerSelectionTimeout|NetworkTimeout|Connection refused|"
        r"LockedWorkflowError|connection closed",
        20,
        "The database cannot be reached from the workers, or not for long: look at its log.",
    ),
    Handler(
        "killed",
        r"LAMMPS ended with status (-9|-15|137|143)|ended early, without an error|Killed",
        5,
        "LAMMPS is killed again and again, most likely for its memory: look at the queue's log.",
    ),
    Handler("unknown", r"", 1, "Look at `seicampaign why`, mend it, then `seicampaign resume`."),
)
LOST = Handler(
    "worker lost",
    r"(?!)",
    10,
    "Its workers end without a word each time: look at the queue's log, at memory and walltime.",
)
STUCK = Handler(
    "stuck",
    r"(?!)",
    3,
    "LAMMPS runs and gets nowhere: look at its log and at the load of the worker.",
)
