"""Trajectories of simulations: chunks in one collection, what is committed in another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from seicampaign.errors import TrajectoryError
from seicampaign.store.zarr_mongo import MongoZarrStore
from seicampaign.trajectory import Trajectory, TrajectoryWriter
from seicampaign.trajectory import delete as delete_chunks
from seicampaign.trajectory.commits import Root

if TYPE_CHECKING:
    from pymongo.database import Database


def open_writer(
    database: Database[dict[str, Any]],
    chunks: MongoZarrStore,
    numbers: ArrayLike | None,
    **options: Any,
) -> TrajectoryWriter:
    """Continue a trajectory, or begin it; its summary follows every commit."""

    def summarise(root: Root) -> None:
        database.trajectories.update_one(
            {"_id": chunks.prefix}, {"$set": _summary(chunks.prefix, root)}, upsert=True
        )

    if Root.find(chunks) is None:
        if numbers is None:
            raise TrajectoryError(f"{chunks} does not exist: to begin it needs atomic numbers.")
        return TrajectoryWriter.create(chunks, numbers, on_commit=summarise, **options)
    if numbers is not None and not np.array_equal(Trajectory(chunks).numbers, np.asarray(numbers)):
        raise TrajectoryError(
            f"{chunks} has other atoms, or the same in another order: give it those it began with."
        )
    return TrajectoryWriter.open(chunks, on_commit=summarise)


def delete(database: Database[dict[str, Any]], chunks: MongoZarrStore) -> None:
    """Delete a trajectory and its summary."""
    delete_chunks(chunks)
    database.trajectories.delete_one({"_id": chunks.prefix})


def _summary(identity: str, root: Root) -> dict[str, Any]:
    return {
        "trajectory_id": identity,
        "simulation_id": identity,
        "n_atoms": root.layout.n_atoms,
        "n_frames": root.commit.frames,
        "last_step": root.commit.last_step,
        "last_time": root.commit.last_time,
        "last_updated": datetime.now(UTC),
    }
