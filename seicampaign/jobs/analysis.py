"""The job that brings a simulation's curves up to date with its trajectory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jobflow import Maker, job

from seicampaign.analysis import Thresholds
from seicampaign.errors import CensusError
from seicampaign.jobs.fencing import held
from seicampaign.store import connect, simulations
from seicampaign.store.analyses import update_curves


@dataclass
class AnalysisMaker(Maker):
    """Analyses the frames that have no curve points yet, and closes the simulation.

    Attributes
    ----------
    thresholds
        Fields of `seicampaign.analysis.Thresholds` that are not left at their defaults; other
        thresholds make curves of their own.
    """

    name: str = "analysis"
    thresholds: dict[str, float] = field(default_factory=dict)

    @job
    def make(self, simulation_id: str) -> dict[str, Any]:
        """Analyse what is new. What the census cannot count is on record, and is complete too.

        Returns
        -------
        dict
            ``simulation_id``, ``analysis`` (the key of the curves), ``frames`` added.
        """
        thresholds, frames = Thresholds(**self.thresholds), 0
        with connect() as store, store.explained("written"), held(store, simulation_id):
            with suppress(CensusError):
                frames = update_curves(store, simulation_id, thresholds)
            simulations.close(store, simulation_id)
        return {
            "simulation_id": simulation_id,
            "analysis": thresholds.key(),
            "frames": frames,
        }
