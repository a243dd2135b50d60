"""Trajectories, and parts of them, that no simulation and no commit refers to.

What a live process writes is never named nor deleted. Before anything is deleted its writer's
lease is taken and the reason looked at again, so that an old list does no harm.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seicampaign.errors import TrajectoryError
from seicampaign.store.trajectories import CHUNKS, chunks_of
from seicampaign.store.zarr_mongo import MongoZarrStore
from seicampaign.trajectory import garbage, keys
from seicampaign.trajectory.commits import Root
from seicampaign.trajectory.lease import Lease

if TYPE_CHECKING:
    from zarr.abc.store import Store

    from seicampaign.store.campaign_store import CampaignStore

NO_SIMULATION = "there is no simulation of this name"
NO_TRAJECTORY = "chunks without a trajectory, left by a deletion or a beginning that broke off"
ELSEWHERE = "the record of this trajectory names another home"
UNCOMMITTED = "written after the last commit, by a process that has ended"


@dataclass(frozen=True)
class Garbage:
    """Something that can go.

    Attributes
    ----------
    simulation_id
        Whose trajectory it is or was.
    place
        Where it lies.
    reason
        Why it can go.
    keys
        How many stored keys.
    """

    simulation_id: str
    place: str
    reason: str
    keys: int


def find_garbage(store: CampaignStore) -> list[Garbage]:
    """Whatever lies in the homes of this store's trajectories and is referred to by nothing."""
    with store.explained("read"):
        return list(_all_garbage(store))


def delete_garbage(store: CampaignStore, found: Iterable[Garbage]) -> int:
    """Delete what was found, if it is still garbage; return how many keys that were."""
    with store.explained("written"):
        return sum(_delete(store, item) for item in found)


def _all_garbage(store: CampaignStore) -> Iterator[Garbage]:
    records = {record["_id"] for record in store.database.trajectories.find({}, {"_id": 1})}
    for simulation_id in sorted(records | set(_names_in_database(store))):
        for chunks in _homes(store, simulation_id):
            try:
                found = None if Lease.is_held(chunks) else _garbage_in(store, simulation_id, chunks)
            except TrajectoryError as error:  # the others can still be looked at
                warnings.warn(f"Simulation {simulation_id}: {error}", stacklevel=2)
                continue
            if found is not None:
                yield found


def _homes(store: CampaignStore, simulation_id: str) -> list[Store]:
    """Where the chunks are by their record, and the database, where others may be."""
    home = chunks_of(store, simulation_id)
    here = MongoZarrStore(store, CHUNKS, simulation_id)
    return [home] if home == here else [home, here]


def _garbage_in(store: CampaignStore, simulation_id: str, chunks: Store) -> Garbage | None:
    stored = [key for key in keys.list_keys(chunks, "") if not key.startswith("lease/")]
    at_home = chunks == chunks_of(store, simulation_id)
    if store.database.simulations.find_one({"_id": simulation_id}, {"_id": 1}) is None:
        reason = NO_SIMULATION if stored or at_home else None
    elif not stored:
        reason = None
    elif not at_home:
        reason = ELSEWHERE
    elif (root := Root.find(chunks)) is None:
        reason = NO_TRAJECTORY
    else:
        stored = garbage.uncommitted(chunks, root.layout, root.commit.frames)
        reason = UNCOMMITTED if stored else None
    return Garbage(simulation_id, str(chunks), reason, len(stored)) if reason else None


def _delete(store: CampaignStore, item: Garbage) -> int:
    """Delete it, unless someone writes there or it has become something else."""
    deleted = 0
    for chunks in _homes(store, item.simulation_id):
        if str(chunks) != item.place:
            continue
        try:
            lease = Lease.take(chunks)
        except TrajectoryError:
            continue
        try:
            now = _garbage_in(store, item.simulation_id, chunks)
            if now is not None and now.reason == item.reason:
                _remove(store, chunks, now)
                deleted += now.keys
        finally:
            lease.release()
    return deleted


def _remove(store: CampaignStore, chunks: Store, item: Garbage) -> None:
    if item.reason == UNCOMMITTED:
        root = Root.load(chunks)
        garbage.clean(chunks, root.layout, root.commit.frames)
        return
    garbage.erase(chunks)
    if item.reason == NO_SIMULATION:
        store.database.trajectories.delete_one({"_id": item.simulation_id})


def _names_in_database(store: CampaignStore) -> Iterator[str]:
    """The trajectories with chunks in the database: a step of the index for each."""
    after = ""
    while True:
        found = store.database[CHUNKS].find_one({"_id": {"$gte": after}}, {"_id": 1}, sort=["_id"])
        if found is None:
            return
        name = found["_id"].partition("/")[0]
        yield name
        after = f"{name}0"  # the character after the slash
