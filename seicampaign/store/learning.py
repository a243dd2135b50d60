"""Active-learning loops in the store: what each was asked, round by round what it did, its end."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.documents import SCHEMA_VERSION, check_schema
from seicampaign.errors import TrainingError, unknown
from seicampaign.store import leases

if TYPE_CHECKING:
    from gridfs import GridFSBucket

    from seicampaign.documents.learning import Exploration, LearningSpec
    from seicampaign.mtp import Potential
    from seicampaign.store.campaign_store import CampaignStore

COLLECTION = "learning"
EXPLORATIONS = "explorations"
FINISHED = ("passed", "selected", "extrapolating", "failed")
"""States of a run that is over: nothing met, something met, broken off, LAMMPS failed."""


def begin(
    store: CampaignStore, spec: LearningSpec, token: str, potential: Potential | None = None
) -> dict[str, Any]:
    """Register a loop, or take it up again where it stands.

    Parameters
    ----------
    token
        Of this run of the loop.
    potential
        Of the first round. Default: a fit to the data set as it is.

    Raises
    ------
    TrainingError
        If the data set is another loop's, or the loop was made for another data set.
    """
    leases.take(store, spec.dataset, spec.name, token)
    collection, now = store.database[COLLECTION], datetime.now(UTC)
    found = collection.find_one({"_id": spec.name})
    if found is not None and found["dataset"] != spec.dataset:
        leases.release(store, spec.dataset, loop=spec.name)
        raise TrainingError(
            f"Loop {spec.name!r} is on data set {found['dataset']!r}, not {spec.dataset!r}. Give "
            "the new one another name."
        )
    first = None if potential is None else {"name": potential.name, "hash": potential.hash}
    collection.update_one(
        {"_id": spec.name},
        {
            "$set": {
                "spec": spec.model_dump(mode="json"),
                "state": "running",
                "outcome": None,
                "last_updated": now,
            },
            "$setOnInsert": {
                "name": spec.name,
                "schema_version": SCHEMA_VERSION,
                "dataset": spec.dataset,
                "rounds": [] if first is None else [new_round(0, first)],
                "created_at": now,
            },
        },
        upsert=True,
    )
    return get(store, spec.name)


def new_round(number: int, potential: dict[str, str]) -> dict[str, Any]:
    """A round before anything of it is done."""
    return {
        "number": number,
        "potential": potential,
        "explorations": [],
        "candidates": None,
        "labelled": None,
        "fitted": None,
    }


def get(store: CampaignStore, name: str) -> dict[str, Any]:
    """The document of a loop.

    Raises
    ------
    TrainingError
        If there is none.
    """
    found = store.database[COLLECTION].find_one({"_id": name})
    if found is None:
        raise TrainingError(unknown("loop", name, store.database[COLLECTION].distinct("_id")))
    check_schema(found)
    return found


def summary(store: CampaignStore, of_round: Mapping[str, Any]) -> dict[str, Any]:
    """What came of a round: its runs, their largest grade, labels asked for and added."""
    ids = of_round["explorations"]
    found = list(store.database[EXPLORATIONS].find({"_id": {"$in": ids}}))
    grades = [each["max_grade"] for each in found if "max_grade" in each]
    return {
        "number": of_round["number"],
        "potential": of_round["potential"]["name"],
        "runs": len(ids),
        "passed": sum(each["state"] == "passed" for each in found),
        "max_grade": max(grades, default=None),
        "candidates": len(of_round["candidates"] or ()),
        "added": of_round["labelled"] and of_round["labelled"]["added"],
    }


def record_round(store: CampaignStore, name: str, number: int, **fields: Any) -> None:
    """Set fields of a round."""
    changes = {f"rounds.{number}.{key}": value for key, value in fields.items()}
    _set(store, name, changes)


def add_round(store: CampaignStore, name: str, number: int, potential: dict[str, str]) -> None:
    """Begin a round with a potential, once."""
    store.database[COLLECTION].update_one(
        {"_id": name, "rounds": {"$size": number}},
        {
            "$push": {"rounds": new_round(number, potential)},
            "$set": {"last_updated": datetime.now(UTC)},
        },
    )


def end(store: CampaignStore, name: str, outcome: dict[str, Any]) -> None:
    """Record how a loop ended, and let others have its data set."""
    _set(store, name, {"state": "ended", "outcome": outcome})
    leases.release(store, get(store, name)["dataset"], loop=name)


def give_up(store: CampaignStore, name: str) -> None:
    """End a loop by hand: its next job stops, and the data set is free.

    Raises
    ------
    TrainingError
        If there is no such loop.
    """
    document = get(store, name)
    if document["state"] != "ended":
        end(store, name, {"result": "given up", "reason": "ended by hand"})
    leases.release(store, document["dataset"], loop=name)


def exploration(store: CampaignStore, key: str) -> dict[str, Any] | None:
    """The document of an MD run of a loop, by its identity."""
    found = store.database[EXPLORATIONS].find_one({"_id": key})
    if found is not None:
        check_schema(found)
    return found


def record_exploration(store: CampaignStore, run: Exploration, **fields: Any) -> dict[str, Any]:
    """Set fields of an MD run; return its document."""
    now = datetime.now(UTC)
    store.database[EXPLORATIONS].update_one(
        {"_id": run.id},
        {
            "$set": fields | {"last_updated": now},
            "$setOnInsert": {
                "exploration_id": run.id,
                "schema_version": SCHEMA_VERSION,
                "spec": run.model_dump(mode="json"),
                "potential": run.potential.hash,
                "created_at": now,
            },
        },
        upsert=True,
    )
    found = exploration(store, run.id)
    assert found is not None
    return found


def save_restart(
    store: CampaignStore, run: Exploration, step: int, path: Path, counts: dict[str, Any]
) -> None:
    """Make a restart file that from which a killed run goes on, with the grades up to it."""
    bucket = _bucket(store)
    before = exploration(store, run.id) or {}
    file = bucket.upload_from_stream(run.id, zlib.compress(path.read_bytes(), 1))
    record_exploration(store, run, at_restart={"step": step, "file": file, **counts})
    if before.get("at_restart"):
        bucket.delete(before["at_restart"]["file"])


def load_restart(store: CampaignStore, run: Exploration, path: Path) -> dict[str, Any] | None:
    """Write the restart file of a run to `path`.

    Returns
    -------
    dict or None
        Its ``step``, and the counts that were kept with it; None if there is none to go on from.
    """
    from gridfs.errors import CorruptGridFile, NoFile

    point = (exploration(store, run.id) or {}).get("at_restart")
    if not point:
        return None
    try:
        path.write_bytes(zlib.decompress(_bucket(store).open_download_stream(point["file"]).read()))
    except (NoFile, CorruptGridFile, zlib.error):
        return None
    return dict(point)


def drop_restarts(store: CampaignStore, run: Exploration) -> None:
    """A run that is over needs no restart file."""
    record_exploration(store, run, at_restart=None)
    bucket = _bucket(store)
    for file in bucket.find({"filename": run.id}):
        bucket.delete(file._id)


def _bucket(store: CampaignStore) -> GridFSBucket:
    from gridfs import GridFSBucket

    return GridFSBucket(store.database, bucket_name="exploration_restarts")


def _set(store: CampaignStore, name: str, changes: dict[str, Any]) -> None:
    store.database[COLLECTION].update_one(
        {"_id": name}, {"$set": changes | {"last_updated": datetime.now(UTC)}}
    )
