"""Trajectories: the H5MD layout in Zarr, over any Zarr store, committed and checked."""

from __future__ import annotations

from seicampaign.trajectory.reader import Positions, Trajectory
from seicampaign.trajectory.writer import TrajectoryWriter, delete

__all__ = ["Positions", "Trajectory", "TrajectoryWriter", "delete"]
