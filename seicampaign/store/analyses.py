"""Bringing the curves of a simulation up to date with its trajectory, each frame once.

A block of frames is analysed, and then recorded in one document: its points, and the state that
curves with a memory go on from. Only then do the points enter the curves. Whatever is killed
in between is made good from the record, and no frame is read again for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.analysis import (
    ANALYSIS_VERSION,
    CURVES,
    RUNNING_CURVES,
    CurveRow,
    Running,
    Thresholds,
    analyse,
)
from seicampaign.analysis.contents import check_elements
from seicampaign.analysis.timeline import BLOCK
from seicampaign.errors import SEICampaignError, StoreError
from seicampaign.store import fences
from seicampaign.store.curves import STATES

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore

ANALYSES = "analyses"
FAILURES = "curve_failures"
KEPT_BLOCKS = 4
"""Records kept of a simulation: a restart that cuts back less than that re-reads one block."""

NAMES = (*CURVES, *RUNNING_CURVES)
UNITS = {name: quantity.unit for name, quantity in (CURVES | RUNNING_CURVES).items()}

Progress = Callable[[int, int], None]


def update_curves(
    store: CampaignStore,
    simulation_id: str,
    thresholds: Thresholds,
    progress: Progress | None = None,
) -> int:
    """Append to the curves what the trajectory has beyond them.

    Parameters
    ----------
    progress
        Called with the frames done and all frames, after each block.

    Returns
    -------
    int
        The number of frames that were added.

    Raises
    ------
    CensusError
        If no frame of these atoms can be analysed; none is read.
    AnalysisError, TrajectoryError
        If a frame cannot be analysed or read. Curves up to it are stored.

    Each of them is recorded: see `failure`.
    """
    with store.explained("written"):
        try:
            added = _update(store, simulation_id, thresholds, progress)
        except StoreError:
            raise
        except SEICampaignError as error:
            record_failure(store, simulation_id, thresholds, str(error))
            raise
        if failure(store, simulation_id, thresholds) is not None:
            store.database[FAILURES].delete_one({"_id": _identity(simulation_id, thresholds)})
    return added


def pending(
    store: CampaignStore, thresholds: Thresholds, simulation_ids: Iterable[str] | None = None
) -> list[str]:
    """Simulations with frames that have no points yet, oldest trajectory first.

    Those whose analysis failed wait until their trajectory has changed. No chunk is read.
    """
    query = {} if simulation_ids is None else {"_id": {"$in": list(simulation_ids)}}
    found = store.database["trajectories"].find(query).sort("last_updated")
    return [summary["_id"] for summary in found if _is_pending(store, summary, thresholds)]


def record_failure(
    store: CampaignStore, simulation_id: str, thresholds: Thresholds, error: str
) -> None:
    """Remember that this trajectory, as it is now, could not be analysed, and why."""
    identity = _identity(simulation_id, thresholds)
    summary = store.database["trajectories"].find_one({"_id": simulation_id}) or {}
    document = {
        "simulation_id": simulation_id,
        "analysis": thresholds.key(),
        "error": error,
        "trajectory_updated": summary.get("last_updated"),
        "last_updated": datetime.now(UTC),
    }
    store.database[FAILURES].replace_one({"_id": identity}, document, upsert=True)


def failure(store: CampaignStore, simulation_id: str, thresholds: Thresholds) -> str | None:
    """Why the curves of a simulation stop short of its trajectory; None where they do not."""
    found = store.database[FAILURES].find_one({"_id": _identity(simulation_id, thresholds)})
    return None if found is None else str(found["error"])


def failures(
    store: CampaignStore, simulation_ids: Iterable[str], thresholds: Thresholds
) -> dict[str, str]:
    """What `failure` says of many, in one query."""
    identities = {_identity(key, thresholds): key for key in simulation_ids}
    found = store.database[FAILURES].find({"_id": {"$in": list(identities)}})
    return {identities[d["_id"]]: str(d["error"]) for d in found}


def last_step(store: CampaignStore, simulation_id: str, analysis: str) -> int:
    """The step up to which all curves of an analysis reach; -1 before the first."""
    query = {"simulation_id": simulation_id, "analysis": analysis, "name": {"$in": NAMES}}
    steps = [d["last_step"] for d in store.database["curves"].find(query, {"last_step": 1})]
    return min(steps) if len(steps) == len(NAMES) else -1


def _is_pending(store: CampaignStore, summary: dict[str, Any], thresholds: Thresholds) -> bool:
    if not summary["n_frames"]:
        return False
    if last_step(store, summary["_id"], thresholds.key()) >= summary["last_step"]:
        return False
    identity = _identity(summary["_id"], thresholds)
    failed = store.database[FAILURES].find_one({"_id": identity})
    return failed is None or failed["trajectory_updated"] != summary["last_updated"]


def _identity(simulation_id: str, thresholds: Thresholds) -> str:
    return f"{simulation_id}/{thresholds.key()}"


def _update(
    store: CampaignStore,
    simulation_id: str,
    thresholds: Thresholds,
    progress: Progress | None,
) -> int:
    trajectory = store.trajectory(simulation_id)
    check_elements(trajectory.numbers)
    steps = trajectory.steps
    done = last_step(store, simulation_id, thresholds.key())
    running, reached = _resume(store, simulation_id, thresholds, done)
    first = int(np.searchsorted(steps, reached, side="right"))
    before = int(np.searchsorted(steps, done, side="right"))
    if first == 0:
        _record_thresholds(store, thresholds)
    for start in range(first // BLOCK * BLOCK, len(steps), BLOCK):
        begin, end = max(first, start), min(start + BLOCK, len(steps))
        rows: list[CurveRow] = []
        broken: SEICampaignError | None = None
        try:
            rows.extend(analyse(trajectory, begin, end, thresholds, running))
        except SEICampaignError as error:
            broken = error
        _store_block(store, simulation_id, thresholds, start // BLOCK, rows, running)
        if broken is not None:
            raise broken
        if progress is not None:
            progress(end, len(steps))
    return len(steps) - before


def _resume(
    store: CampaignStore, simulation_id: str, thresholds: Thresholds, done: int
) -> tuple[Running, int]:
    """The state to go on from, and the step it belongs to; points it vouches for are appended."""
    newest = {"analysis": _identity(simulation_id, thresholds)}
    newest |= fences.condition(store, simulation_id)  # not what a lost worker leaves
    record = store.database[STATES].find_one(newest, sort=[("block", -1)])
    if record is None:
        return Running.new(thresholds), -1
    if record["last_step"] > done:
        _append(store, simulation_id, thresholds, record)
    return Running.from_bytes(record["state"], thresholds), record["last_step"]


def _store_block(
    store: CampaignStore,
    simulation_id: str,
    thresholds: Thresholds,
    block: int,
    rows: list[CurveRow],
    running: Running,
) -> None:
    if not rows:
        return
    identity, states = _identity(simulation_id, thresholds), store.database[STATES]
    values = np.array([[row.values[name] for name in NAMES] for row in rows], np.float32)
    record = {
        "_id": f"{identity}/{block}",
        "simulation_id": simulation_id,
        "analysis": identity,
        "block": block,
        "last_step": rows[-1].step,
        "steps": [row.step for row in rows],
        "times": [row.time for row in rows],
        "values": values.tobytes(),
        "state": running.to_bytes(),
    }
    fences.put(store, simulation_id, STATES, record)
    _append(store, simulation_id, thresholds, record)
    states.delete_many({"analysis": identity, "block": {"$lte": block - KEPT_BLOCKS}})


def _append(
    store: CampaignStore, simulation_id: str, thresholds: Thresholds, record: dict[str, Any]
) -> None:
    columns = np.frombuffer(record["values"], np.float32).reshape(-1, len(NAMES)).T
    store.append_curves(
        simulation_id,
        dict(zip(NAMES, columns, strict=True)),
        record["steps"],
        record["times"],
        thresholds.key(),
        units=UNITS,
    )


def _record_thresholds(store: CampaignStore, thresholds: Thresholds) -> None:
    """Every number the curves of this key were made with."""
    document = {"version": ANALYSIS_VERSION, "thresholds": thresholds.model_dump(mode="json")}
    key = {"_id": thresholds.key()}
    store.database[ANALYSES].update_one(key, {"$setOnInsert": document}, upsert=True)
