"""Trajectories of simulations: where each lies, and what of it is committed.

A record in the `trajectories` collection comes before the first chunk and goes after the last.
It names the home of the chunks: None for the database, else the address that the settings named
when the trajectory began. So no trajectory is without a record, whatever home it has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import TrajectoryError
from seicampaign.settings import settings
from seicampaign.store.zarr_mongo import MongoZarrStore
from seicampaign.trajectory import Trajectory, TrajectoryWriter, keys, open_store
from seicampaign.trajectory import delete as delete_chunks
from seicampaign.trajectory.commits import Commit, Root
from seicampaign.trajectory.frames import checked_numbers
from seicampaign.trajectory.layout import EDGES, POSITION, STEP, TIME

if TYPE_CHECKING:
    from zarr.abc.store import Store

    from seicampaign.store.campaign_store import CampaignStore

CHUNKS = "trajectory_chunks"
ROOT_KEY = "zarr.json"
GROWING = ("checksums/", f"{STEP}/", f"{TIME}/", f"{EDGES}/")
"""What is written again at a commit, besides the last row of positions; small."""


def chunks_of(store: CampaignStore, simulation_id: str) -> Store:
    """The Zarr store of a simulation's trajectory; one in the database if there is no record."""
    record = store.database.trajectories.find_one({"_id": simulation_id}, {"home": 1})
    return _chunks_at(store, (record or {}).get("home"), simulation_id)


def open_writer(
    store: CampaignStore, simulation_id: str, numbers: ArrayLike | None, **options: Any
) -> TrajectoryWriter:
    """Continue a trajectory, or begin it; its record follows every commit."""

    def record(root: Root) -> None:
        store.database.trajectories.update_one(
            {"_id": simulation_id},
            {"$set": _summary(simulation_id, root.layout.n_atoms, root.commit)},
            upsert=True,
        )

    if numbers is None:
        chunks = chunks_of(store, simulation_id)
    else:
        numbers = checked_numbers(numbers)
        chunks = _chunks_at(store, _claimed_home(store, simulation_id, numbers), simulation_id)
    if simulation_id in store.fences:
        _take_over(chunks)
    if Root.find(chunks) is None:
        if numbers is None:
            raise TrajectoryError(f"{chunks} does not exist: to begin it needs atomic numbers.")
        return TrajectoryWriter.create(chunks, numbers, on_commit=record, **options)
    if numbers is not None and not np.array_equal(Trajectory(chunks).numbers, numbers):
        raise TrajectoryError(
            f"{chunks} has other atoms, or the same in another order: give it those it began with."
        )
    return TrajectoryWriter.open(chunks, on_commit=record)


def delete(store: CampaignStore, simulation_id: str) -> None:
    """Delete a trajectory and its record."""
    delete_chunks(chunks_of(store, simulation_id))
    store.database.trajectories.delete_one({"_id": simulation_id})


def _chunks_at(store: CampaignStore, home: str | None, simulation_id: str) -> Store:
    if home is None:
        fence = store.fences.get(simulation_id)
        return MongoZarrStore(store, CHUNKS, simulation_id, fence=fence)
    return open_store(f"{home}/{simulation_id}")


def _take_over(chunks: Store) -> None:
    """Shut out whoever wrote before: this process has taken the simulation (`fences`).

    An older writer that lives, or lies asleep, finds its lease gone; and where the chunks are in
    the database, it cannot write even if it had looked just before.
    """
    if isinstance(chunks, MongoZarrStore):
        chunks.claim([f"{ROOT_KEY}", *GROWING])
        root = Root.find(chunks)
        if root is not None:
            row = root.commit.frames // root.layout.chunk[0]
            chunks.claim([f"{POSITION}/c/{row}/", f"{POSITION}/zarr.json"])
    keys.delete_tree(chunks, "lease")


def _claimed_home(store: CampaignStore, simulation_id: str, numbers: NDArray[Any]) -> str | None:
    """Where a trajectory lies: of processes that begin it at once, the first decides."""
    begun = _summary(simulation_id, len(numbers), Commit())
    record = store.database.trajectories.find_one_and_update(
        {"_id": simulation_id},
        {"$setOnInsert": begun | {"home": settings().trajectories}},
        upsert=True,
        return_document=True,
    )
    return (record or {}).get("home")


def _summary(simulation_id: str, n_atoms: int, commit: Commit) -> dict[str, Any]:
    return {
        "trajectory_id": simulation_id,
        "simulation_id": simulation_id,
        "n_atoms": n_atoms,
        "n_frames": commit.frames,
        "last_step": commit.last_step,
        "last_time": commit.last_time,
        "last_updated": datetime.now(UTC),
    }
