"""The job that runs a simulation's next segment, and asks for another while time is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobflow import Maker, Response, job
from jobflow.core.state import CURRENT_JOB

from seicampaign.errors import SimulationError
from seicampaign.jobs import walltime
from seicampaign.jobs.fencing import Hold, held
from seicampaign.jobs.segment import advance
from seicampaign.store import CampaignStore, connect, fences, simulations

ASKED = {"pause": "paused", "cancel": "cancelled"}
PARKED = "(paused)"
"""The worker that jobs of paused and cancelled simulations are kept for; nobody has this name."""


@dataclass
class MDSegmentMaker(Maker):
    """Runs the next segment of a simulation with LAMMPS.

    Attributes
    ----------
    walltime
        Seconds after which LAMMPS stops by itself and leaves the rest to the next segment.
        Default: as long as the queue's job lasts, less a margin (`seicampaign.jobs.walltime`).
    """

    name: str = "md segment"
    walltime: float | None = None

    @job
    def make(self, simulation_id: str) -> Response:
        """Run one segment from the last restart point on; detour to the next while one is due.

        Returns
        -------
        Response
            The output names the segment's document and says how far the simulation has come.

        Raises
        ------
        TakenOverError
            If another living worker has the simulation, or has taken it meanwhile.
        SimulationError
            If LAMMPS fails, the simulation is paused or cancelled, or no step could be done in
            the time that the queue gives.
        """
        with connect() as store, store.explained("written"), held(store, simulation_id) as hold:
            _require_wanted(store, simulation_id)
            outcome = _run(store, simulation_id, self.walltime, hold)
            _hand_on(simulations.get(store, simulation_id))
        following = self.make(simulation_id) if outcome["steps_left"] > 0 else None
        return Response(output=outcome, detour=following)


def _hand_on(document: dict[str, Any]) -> None:
    """Let the next segment's job be as this one's, with what a person asked for meanwhile."""
    job = CURRENT_JOB.job
    if job is None:
        return
    config = {k: v for k, v in job.config.manager_config.items() if v != PARKED}
    if document.get("priority") is not None:
        config["_priority"] = document["priority"]
    if document.get("control") is not None:
        config["_fworker"] = PARKED
    job.config.response_manager_config = config


def _require_wanted(store: CampaignStore, simulation_id: str) -> None:
    asked = simulations.get(store, simulation_id).get("control")
    if asked is not None:
        raise SimulationError(
            f"Simulation {simulation_id} is {ASKED[asked]}: `seicampaign resume` lets it go on."
        )


def _run(
    store: CampaignStore, simulation_id: str, seconds: float | None, hold: Hold
) -> dict[str, Any]:
    """Run a segment that ends in time, and not before it has done anything."""
    limits = [value for value in (seconds, walltime.limit()) if value is not None]
    limit = min(limits, default=None)
    deadline = walltime.Deadline(limit)

    def stop() -> bool:
        if hold.lost:  # LAMMPS may hang, and would then never be asked
            raise fences.lost(f"Simulation {simulation_id}")
        return hold.asked_to_stop

    outcome = advance(store, simulation_id, Path.cwd(), deadline=deadline, stop_when=stop)
    idle = outcome["last_step"] == outcome["first_step"] and outcome["steps_left"] > 0
    if idle and deadline.over:
        reason = (
            f"LAMMPS had not done a step of simulation {simulation_id} after the {limit:.0f} s "
            "that the walltime leaves it: the start alone takes longer. Ask the queue for a longer "
            "walltime, or for more cores."
        )
        simulations.record(store, simulation_id, state="failed", error=reason)
        raise SimulationError(reason)
    return outcome
