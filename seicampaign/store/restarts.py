"""LAMMPS restart files in the store, so that any worker can continue any simulation.

The simulation's document names those that count, newest first. To name a new one is a single
write that also says how far the simulation is, and that only its present worker can make.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.store import fences, simulations

if TYPE_CHECKING:
    from gridfs import GridFSBucket

    from seicampaign.store.campaign_store import CampaignStore

KEPT = 2


def save(store: CampaignStore, simulation_id: str, step: int, path: Path) -> None:
    """Make a restart file the newest, and keep the one before it in case it cannot be read.

    Raises
    ------
    TakenOverError
        If this process had taken the simulation and another one has it now.
    """
    bucket, content = _bucket(store), path.read_bytes()
    file = bucket.upload_from_stream(
        simulation_id, zlib.compress(content, 1), metadata={"step": step}
    )
    point = {"step": step, "file": file, "size": len(content), "crc32": zlib.crc32(content)}
    earlier: dict[str, Any] = {
        "$filter": {
            "input": {"$ifNull": ["$restarts", []]},
            "cond": {"$lt": ["$$this.step", step]},
        }
    }
    named = {"$slice": [{"$concatArrays": [[{"$literal": point}], earlier]}, KEPT]}
    condition = fences.condition(store, simulation_id)
    document = store.database["simulations"].find_one_and_update(
        {"_id": simulation_id, **condition},
        [{"$set": {"restarts": named, "steps_done": step, "last_updated": datetime.now(UTC)}}],
        {"restarts": 1},
        return_document=True,
    )
    if document is None:
        bucket.delete(file)
        simulations.get(store, simulation_id)
        raise fences.lost(f"Simulation {simulation_id}")
    keep = {point["file"] for point in document["restarts"]}
    for old in bucket.find({"filename": simulation_id}):
        if old._id not in keep:
            bucket.delete(old._id)


def points(store: CampaignStore, simulation_id: str) -> list[dict[str, Any]]:
    """The restart files that count, newest first: ``step``, ``file``, ``size``, ``crc32``."""
    return list(simulations.get(store, simulation_id).get("restarts") or [])


def fetch(store: CampaignStore, point: dict[str, Any], path: Path) -> bool:
    """Write a restart file to `path`; False, and no file, if it is missing or torn."""
    from gridfs.errors import CorruptGridFile, NoFile

    try:
        content = zlib.decompress(_bucket(store).open_download_stream(point["file"]).read())
    except (NoFile, CorruptGridFile, zlib.error):
        return False
    if zlib.crc32(content) != point["crc32"]:
        return False
    path.write_bytes(content)
    return True


def latest(store: CampaignStore, simulation_id: str, path: Path) -> int | None:
    """Write the newest restart file that is whole to `path`.

    Returns
    -------
    int or None
        Its step; None if there is no restart file.
    """
    for point in points(store, simulation_id):
        if fetch(store, point, path):
            return int(point["step"])
    return None


def drop_newest(store: CampaignStore, simulation_id: str) -> None:
    """Forget the newest restart file: what comes from it does not run."""
    store.database["simulations"].update_one({"_id": simulation_id}, {"$pop": {"restarts": -1}})


def delete(store: CampaignStore, simulation_id: str) -> None:
    """Forget all restart files of a simulation."""
    bucket = _bucket(store)
    for file in bucket.find({"filename": simulation_id}):
        bucket.delete(file._id)
    store.database["simulations"].update_one({"_id": simulation_id}, {"$set": {"restarts": []}})


def _bucket(store: CampaignStore) -> GridFSBucket:
    from gridfs import GridFSBucket

    return GridFSBucket(store.database, bucket_name="restarts")
