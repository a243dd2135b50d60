"""Files in the store by their content: each once, whoever saves it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seicampaign.errors import StoreError

if TYPE_CHECKING:
    from gridfs import GridFSBucket

    from seicampaign.store.campaign_store import CampaignStore

COLLECTION = "potential_files"


def save(store: CampaignStore, data: bytes) -> str:
    """Store bytes of any length; what is there already is left alone.

    Returns
    -------
    str
        Their SHA-256, by which `load` finds them.
    """
    key = hashlib.sha256(data).hexdigest()
    bucket = _bucket(store)
    if not any(True for _ in bucket.find({"filename": key}, limit=1)):
        bucket.upload_from_stream(key, data)
    return key


def load(store: CampaignStore, key: str) -> bytes:
    """The bytes of a SHA-256.

    Raises
    ------
    StoreError
        If they are not in the store, or not what was saved.
    """
    from gridfs.errors import NoFile

    try:
        data = _bucket(store).open_download_stream_by_name(key).read()
    except NoFile:
        raise StoreError(f"There is no file {key} in {store.database.name!r}.") from None
    if hashlib.sha256(data).hexdigest() != key:
        raise StoreError(f"The file {key} in {store.database.name!r} is damaged: save it again.")
    return data


def _bucket(store: CampaignStore) -> GridFSBucket:
    from gridfs import GridFSBucket

    return GridFSBucket(store.database, bucket_name=COLLECTION)
