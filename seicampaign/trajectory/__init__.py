"""Trajectories: the H5MD layout in Zarr, over any Zarr store, committed and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seicampaign.trajectory.garbage import delete
    from seicampaign.trajectory.homes import open_store, open_trajectory
    from seicampaign.trajectory.positions import Positions
    from seicampaign.trajectory.reader import Trajectory
    from seicampaign.trajectory.writer import TrajectoryWriter

__all__ = ["Positions", "Trajectory", "TrajectoryWriter", "delete", "open_store", "open_trajectory"]

_MODULES = {
    "Positions": "positions",
    "Trajectory": "reader",
    "TrajectoryWriter": "writer",
    "delete": "garbage",
    "open_store": "homes",
    "open_trajectory": "homes",
}


def __getattr__(name: str) -> Any:
    """Import on first use: Zarr takes half a second, and reading a dump needs none of it."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"seicampaign.trajectory.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'seicampaign.trajectory' has no attribute {name!r}")
