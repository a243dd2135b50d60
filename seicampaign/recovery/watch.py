"""For how long something has not changed, by the clock of the database alone.

Workers' own clocks may be wrong by an hour. What they write is only ever compared with what they
wrote before; when that was is said by the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

COLLECTION = "tending"
LOCK_SECONDS = 300
FORGOTTEN_SECONDS = 7 * 86400


def unchanged_for(store: CampaignStore, key: str, value: Any) -> float:
    """Seconds since this key was first seen with this value."""
    same = {"$eq": ["$seen", {"$literal": value}]}
    found = store.database[COLLECTION].find_one_and_update(
        {"_id": key},
        [
            {
                "$set": {
                    "since": {"$cond": [same, "$since", "$$NOW"]},
                    "seen": {"$literal": value},
                    "now": "$$NOW",
                }
            }
        ],
        upsert=True,
        return_document=True,
    )
    assert found is not None  # it was just written
    return float((found["now"] - found["since"]).total_seconds())


def forget(store: CampaignStore) -> None:
    """Drop what has not been looked at for a week."""
    old = {"$lt": ["$now", {"$subtract": ["$$NOW", 1000 * FORGOTTEN_SECONDS]}]}
    store.database[COLLECTION].delete_many({"_id": {"$ne": "lock"}, "$expr": old})


@contextmanager
def alone(store: CampaignStore) -> Iterator[bool]:
    """Whether this process is the one that tends; others are told to leave it at that."""
    token, collection = uuid4().hex, store.database[COLLECTION]
    until = {"$add": ["$$NOW", 1000 * LOCK_SECONDS]}
    free = {"$or": [{"token": None}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
    with suppress(DuplicateKeyError):
        collection.insert_one({"_id": "lock", "token": None})
    taken = collection.update_one(
        {"_id": "lock", **free}, [{"$set": {"token": token, "until": until}}]
    )
    mine = taken.matched_count > 0
    try:
        yield mine
    finally:
        collection.update_one({"_id": "lock", "token": token}, {"$set": {"token": None}})
