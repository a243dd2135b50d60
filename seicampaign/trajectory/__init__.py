"""Trajectories: the H5MD layout in Zarr, over any Zarr store, committed and checked."""

from __future__ import annotations

from seicampaign.trajectory.garbage import delete
from seicampaign.trajectory.homes import open_store, open_trajectory
from seicampaign.trajectory.positions import Positions
from seicampaign.trajectory.reader import Trajectory
from seicampaign.trajectory.writer import TrajectoryWriter

__all__ = ["Positions", "Trajectory", "TrajectoryWriter", "delete", "open_store", "open_trajectory"]
