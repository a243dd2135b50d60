"""The job that brings a simulation's curves up to date with its trajectory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker, job

from seicampaign.analysis import CURVES, Thresholds, analyse
from seicampaign.store import connect, simulations

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore


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
        """Analyse what is new.

        Returns
        -------
        dict
            ``simulation_id``, ``analysis`` (the key of the curves), ``frames`` added.
        """
        thresholds = Thresholds(**self.thresholds)
        with connect() as store, store.explained("written"):
            frames = update_curves(store, simulation_id, thresholds)
            simulations.close(store, simulation_id)
        return {
            "simulation_id": simulation_id,
            "analysis": thresholds.key(),
            "frames": frames,
        }


def update_curves(store: CampaignStore, simulation_id: str, thresholds: Thresholds) -> int:
    """Append to the curves what the trajectory has beyond them.

    Returns
    -------
    int
        The number of frames that were analysed.
    """
    trajectory = store.trajectory(simulation_id)
    analysis = thresholds.key()
    done = last_step(store, simulation_id, analysis)
    first = int(np.searchsorted(trajectory.steps, done, side="right"))
    rows = list(analyse(trajectory, first, thresholds=thresholds))
    if rows:
        curves = {name: [row.values[name] for row in rows] for name in CURVES}
        steps, times = [row.step for row in rows], [row.time for row in rows]
        units = {name: quantity.unit for name, quantity in CURVES.items()}
        store.append_curves(simulation_id, curves, steps, times, analysis, units=units)
    return len(rows)


def last_step(store: CampaignStore, simulation_id: str, analysis: str) -> int:
    """The step up to which all curves of an analysis reach; -1 before the first."""
    found = store.database["curves"].find(
        {"simulation_id": simulation_id, "analysis": analysis}, {"last_step": 1}
    )
    steps = [document["last_step"] for document in found]
    return min(steps) if len(steps) == len(CURVES) else -1
