"""Curves: a named quantity of a simulation against time, one document each.

Steps are int64 and times float64; values are float32 unless float64 is asked for. A curve names
the analysis that made it, so that a new analysis makes new curves beside the old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from seicampaign.errors import StoreError, unknown
from seicampaign.store import fences
from seicampaign.store.axes import packed_steps, packed_times, unpacked_steps, unpacked_times

if TYPE_CHECKING:
    from pymongo.collection import Collection

SCHEMA_VERSION = 1
MAX_POINTS = 1_000_000
STATES = "curve_states"
"""Collection of what curves with a memory go on from (`seicampaign.store.analyses`)."""
ATTEMPTS = 20
DUPLICATE_KEY = 11000


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity against time.

    Attributes
    ----------
    steps
        MD steps, int64, shape (n,), increasing.
    times
        ps, float64, shape (n,).
    values
        In `unit`, float32 or float64, shape (n,). NaN where the quantity is undefined.
    approved
        Whether the potential that made it had passed its tests.
    """

    simulation_id: str
    name: str
    analysis: str
    unit: str
    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.floating[Any]]
    approved: bool = True

    def __len__(self) -> int:
        return len(self.steps)


def curve_id(simulation_id: str, name: str, analysis: str) -> str:
    """The deterministic key of a curve."""
    return f"{simulation_id}/{analysis}/{name}"


def append(
    collection: Collection[dict[str, Any]],
    simulation_id: str,
    curves: Mapping[str, ArrayLike],
    steps: ArrayLike,
    times: ArrayLike,
    analysis: str,
    *,
    units: Mapping[str, str] | None = None,
    dtype: str = "float32",
    approved: bool = True,
    fence: int | None = None,
) -> None:
    """Append points to curves; points at or before a curve's last step are ignored.

    Parameters
    ----------
    fence
        The number under which this process has taken the simulation. What a worker with a lower
        one has begun since then is replaced.

    Raises
    ------
    TakenOverError
        If a worker with a higher number has taken the simulation.
    StoreError
        If lengths differ, steps or times do not increase or are not finite, the curve would
        exceed `MAX_POINTS`, or other writers keep changing the same curves.
    """
    axis = _axis(steps, times)
    pending = {name: _column(name, values, axis[0], dtype) for name, values in curves.items()}
    for _ in range(ATTEMPTS):
        ids = [curve_id(simulation_id, name, analysis) for name in pending]
        stored = {document["name"]: document for document in collection.find({"_id": {"$in": ids}})}
        _require(fence, simulation_id, stored.values())
        requests: dict[str, ReplaceOne[dict[str, Any]]] = {}
        for name, values in pending.items():
            old = _read(stored[name]) if name in stored else None
            if fence is not None and name in stored and (stored[name].get("fence") or 0) < fence:
                old = None
            unit = (units or {}).get(name, old.unit if old is not None else "")
            new = Curve(simulation_id, name, analysis, unit, *axis, values, approved)
            if old is not None:
                new = _extended(replace(old, unit=unit, approved=approved), *axis, values)
            if old is None or len(new) > len(old):
                requests[name] = _replacement(new, stored.get(name, {}), fence)
        changed = _write(collection, requests)
        pending = {name: pending[name] for name in changed}
        if not pending:
            return
    raise StoreError(
        f"Curves {', '.join(pending)} of simulation {simulation_id} are written by other processes "
        "at the same time. Let one process analyse one simulation."
    )


def _extended(
    curve: Curve,
    steps: NDArray[np.int64],
    times: NDArray[np.float64],
    values: NDArray[np.floating[Any]],
) -> Curve:
    """The curve with those points that come after its last."""
    fresh = steps > (curve.steps[-1] if len(curve) else -1)
    return replace(
        curve,
        steps=np.concatenate((curve.steps, steps[fresh])),
        times=np.concatenate((curve.times, times[fresh])),
        values=np.concatenate((curve.values, values[fresh])),
    )


def _replacement(
    curve: Curve, stored: Mapping[str, Any], fence: int | None
) -> ReplaceOne[dict[str, Any]]:
    """Put the curve in the place of what was read; nothing was where it is not yet stored.

    If the document has another revision by then, nothing matches and its insertion fails.
    """
    revision = stored.get("revision", -1)
    document = _document(curve) | {"revision": revision + 1}
    document["fence"] = stored.get("fence") if fence is None else fence
    return ReplaceOne({"_id": document["_id"], "revision": revision}, document, upsert=True)


def _write(
    collection: Collection[dict[str, Any]], requests: Mapping[str, ReplaceOne[dict[str, Any]]]
) -> list[str]:
    """Write all; return the names of curves that another process changed meanwhile."""
    if not requests:
        return []
    try:
        collection.bulk_write(list(requests.values()), ordered=False)
    except BulkWriteError as error:
        failures = (error.details or {}).get("writeErrors", [])
        if not failures or any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
        names = list(requests)
        return [names[failure["index"]] for failure in failures]
    return []


def read(
    collection: Collection[dict[str, Any]],
    simulation_ids: Sequence[str],
    names: Iterable[str] | None = None,
    analysis: str | None = None,
) -> dict[str, dict[str, Curve]]:
    """Curves of many simulations in one query, as ``{simulation_id: {name: Curve}}``.

    Where several analyses made a curve of one name and none is asked for, that with the default
    thresholds is taken, and else the latest: to try a threshold changes no table and no figure.
    """
    from seicampaign.analysis import Thresholds

    default = Thresholds().key()
    query: dict[str, Any] = {"simulation_id": {"$in": list(simulation_ids)}}
    if names is not None:
        query["name"] = {"$in": list(names)}
    if analysis is not None:
        query["analysis"] = analysis
    best: dict[tuple[str, str], tuple[bool, datetime]] = {}
    found: dict[str, dict[str, Curve]] = {identity: {} for identity in simulation_ids}
    for document in collection.find(query):
        key = (document["simulation_id"], document["name"])
        rank = (document["analysis"] == default, document["last_updated"])
        if key not in best or rank > best[key]:
            best[key] = rank
            found[key[0]][key[1]] = _read(document)
    return found


def read_one(
    collection: Collection[dict[str, Any]], simulation_id: str, name: str, analysis: str | None
) -> Curve:
    """One curve.

    Raises
    ------
    StoreError
        If there is none, with the nearest of the names there are.
    """
    found = read(collection, [simulation_id], [name], analysis)[simulation_id]
    if name in found:
        return found[name]
    names = collection.distinct("name", {"simulation_id": simulation_id})
    if not names:
        raise StoreError(f"Simulation {simulation_id} has no curves (yet).")
    if name in names:
        raise StoreError(
            f"Curve {name!r} of simulation {simulation_id} was not made by analysis {analysis!r}."
        )
    raise StoreError(f"{unknown('curve', name, names)} Simulation: {simulation_id}.")


def truncate(
    collection: Collection[dict[str, Any]], simulation_id: str, step: int, fence: int | None = None
) -> None:
    """Drop all points of all curves of a simulation after a step, and states beyond it."""
    beyond = {"simulation_id": simulation_id, "last_step": {"$gt": step}}
    ours = {} if fence is None else fences.not_newer(fence)
    collection.database[STATES].delete_many(beyond | ours)
    for document in collection.find(beyond):
        _require(fence, simulation_id, [document])
        old = _read(document)
        keep = old.steps <= step
        new = replace(old, steps=old.steps[keep], times=old.times[keep], values=old.values[keep])
        collection.bulk_write([_replacement(new, document, fence)])


def _require(fence: int | None, simulation_id: str, documents: Iterable[Mapping[str, Any]]) -> None:
    """Refuse to go on where a worker with a higher number has the simulation."""
    if fence is not None and any((d.get("fence") or 0) > fence for d in documents):
        raise fences.lost(f"Simulation {simulation_id}")


def _axis(steps: ArrayLike, times: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    new_steps = np.atleast_1d(np.asarray(steps, dtype=np.int64))
    new_times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if new_steps.ndim != 1 or new_steps.shape != new_times.shape:
        raise StoreError(
            f"Curves need as many times as steps, got {new_steps.shape} steps, "
            f"{new_times.shape} times."
        )
    if not np.isfinite(new_times).all():
        raise StoreError("A time of a curve is not finite.")
    if (np.diff(new_steps) <= 0).any():
        raise StoreError("The steps of a curve must increase from point to point.")
    return new_steps, new_times


def _column(
    name: str, values: ArrayLike, steps: NDArray[np.int64], dtype: str
) -> NDArray[np.floating[Any]]:
    if dtype not in ("float32", "float64"):
        raise StoreError(unknown("curve dtype", dtype, ["float32", "float64"]))
    column = np.atleast_1d(np.asarray(values)).astype(dtype)
    if column.shape != steps.shape:
        raise StoreError(f"Curve {name!r} has {column.shape} values for {steps.shape} steps.")
    return column


def _document(curve: Curve) -> dict[str, Any]:
    if len(curve) > MAX_POINTS:
        raise StoreError(
            f"Curve {curve.name!r} of simulation {curve.simulation_id} would have {len(curve)} "
            f"points, and the limit is {MAX_POINTS}: sample it less often."
        )
    identity = curve_id(curve.simulation_id, curve.name, curve.analysis)
    return {
        "_id": identity,
        "curve_id": identity,
        "schema_version": SCHEMA_VERSION,
        "simulation_id": curve.simulation_id,
        "name": curve.name,
        "analysis": curve.analysis,
        "unit": curve.unit,
        "approved": curve.approved,
        "points": len(curve),
        "last_step": int(curve.steps[-1]) if len(curve) else -1,
        "dtype": curve.values.dtype.name,
        "steps": packed_steps(curve.steps),
        "times": packed_times(curve.times, curve.steps),
        "values": curve.values.tobytes(),
        "last_updated": datetime.now(UTC),
    }


def _read(document: Mapping[str, Any]) -> Curve:
    if document["schema_version"] > SCHEMA_VERSION:
        raise StoreError(
            f"Curve {document['_id']} has schema version {document['schema_version']}; this "
            f"seicampaign reads up to {SCHEMA_VERSION}. Upgrade seicampaign to read it."
        )
    steps = unpacked_steps(document["steps"], document["points"])
    return Curve(
        document["simulation_id"],
        document["name"],
        document["analysis"],
        document["unit"],
        steps,
        unpacked_times(document["times"], steps),
        np.frombuffer(document["values"], document["dtype"]),
        document.get("approved", True),
    )
