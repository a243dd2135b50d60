"""Stored frames of a simulation: their times, and pictures of them coloured by phase."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.errors import AnalysisError, TrajectoryError
from seicampaign.serve.questions import missing

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

_one_at_a_time = threading.Lock()
"""A picture takes a core for a second: who asks for many waits."""


def times(store: CampaignStore, simulation_id: str) -> dict[str, Any]:
    """Steps and times (ps) of the frames; none, and why, where they cannot be read."""
    try:
        trajectory = store.trajectory(simulation_id)
    except TrajectoryError as error:
        return {"frames": 0, "steps": [], "times": [], "problem": str(error)}
    return {
        "frames": len(trajectory),
        "steps": np.asarray(trajectory.steps).tolist(),
        "times": [float(f"{time:.6g}") for time in np.asarray(trajectory.times)],
        "problem": None,
    }


def picture(store: CampaignStore, simulation_id: str, number: int) -> bytes:
    """A frame, from 0, as a WebP picture; 404 where there is none."""
    from seicampaign.report.slides import picture

    try:
        trajectory = store.trajectory(simulation_id)
        if not 0 <= number < len(trajectory):
            raise missing(f"Simulation {simulation_id} has {len(trajectory)} frames, no {number}.")
        with _one_at_a_time:
            return picture(trajectory, number)
    except (TrajectoryError, AnalysisError) as error:
        raise missing(str(error)) from None


def revision(store: CampaignStore, simulation_id: str) -> Any:
    """Changes at every commit of the trajectory."""
    with store.explained("read"):
        return store.database["trajectories"].find_one({"_id": simulation_id})


def step(store: CampaignStore, simulation_id: str, number: int) -> int | None:
    """The MD step of a frame: a picture holds while its frame is of the same step."""
    try:
        return int(store.trajectory(simulation_id).steps[number])
    except (TrajectoryError, IndexError):
        return None
