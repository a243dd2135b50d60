"""LAMMPS restart files in the store, so that any worker can continue any simulation."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridfs import GridFSBucket

    from seicampaign.store.campaign_store import CampaignStore

KEPT = 2


def save(store: CampaignStore, simulation_id: str, step: int, path: Path) -> None:
    """Keep a restart file, and the one before it in case this one cannot be read."""
    bucket = _bucket(store)
    bucket.upload_from_stream(
        simulation_id, zlib.compress(path.read_bytes(), 1), metadata={"step": step}
    )
    for old in _files(bucket, simulation_id)[KEPT:]:
        bucket.delete(old._id)


def latest(store: CampaignStore, simulation_id: str, path: Path) -> int | None:
    """Write the newest restart file to `path`.

    Returns
    -------
    int or None
        Its step; None if there is no restart file.
    """
    bucket = _bucket(store)
    files = _files(bucket, simulation_id)
    if not files:
        return None
    path.write_bytes(zlib.decompress(bucket.open_download_stream(files[0]._id).read()))
    return int(files[0].metadata["step"])


def delete(store: CampaignStore, simulation_id: str) -> None:
    """Forget all restart files of a simulation."""
    bucket = _bucket(store)
    for file in _files(bucket, simulation_id):
        bucket.delete(file._id)


def _bucket(store: CampaignStore) -> GridFSBucket:
    from gridfs import GridFSBucket

    return GridFSBucket(store.database, bucket_name="restarts")


def _files(bucket: GridFSBucket, simulation_id: str) -> list:
    """Newest first, by step and then by time of upload."""
    cursor = bucket.find({"filename": simulation_id})
    return sorted(cursor, key=lambda f: (f.metadata["step"], f.upload_date), reverse=True)
