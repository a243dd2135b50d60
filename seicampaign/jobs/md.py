"""The job that runs a simulation's next segment, and asks for another while time is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobflow import Maker, Response, job

from seicampaign.jobs.segment import advance
from seicampaign.store import connect


@dataclass
class MDSegmentMaker(Maker):
    """Runs the next segment of a simulation with LAMMPS.

    Attributes
    ----------
    walltime
        Seconds after which LAMMPS stops by itself and leaves the rest to the next segment.
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
        """
        with connect() as store, store.explained("written"):
            outcome = advance(store, simulation_id, Path.cwd(), walltime=self.walltime)
        following = self.make(simulation_id) if outcome["steps_left"] > 0 else None
        return Response(output=outcome, detour=following)
