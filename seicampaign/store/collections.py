"""The collections: their keys and indexes, made on connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import IndexModel
from pymongo.errors import OperationFailure

if TYPE_CHECKING:
    from pymongo.database import Database

UNAUTHORIZED = 13
"""MongoDB's code for what an account may not do."""

KEYS = {
    "campaigns": "name",
    "simulations": "simulation_id",
    "segments": "segment_id",
    "trajectories": "trajectory_id",
    "curves": "curve_id",
    "potentials": "hash",
    "configurations": "configuration_id",
    "datasets": "dataset_id",
    "quarantine": "quarantine_id",
    "selections": "selection_id",
    "electrolytes": "electrolyte_id",
}
"""Key field of each collection that is a maggma store: unique, and what ``update`` replaces by."""

INDEXES: dict[str, list[list[str]]] = {
    "simulations": [["campaigns"], ["last_updated"]],
    "segments": [["simulation_id", "first_step"]],
    "trajectories": [["last_updated"]],
    "curves": [["simulation_id", "name"], ["name", "analysis"], ["last_updated"]],
    "potentials": [["name"]],
    "configurations": [["structure_id"]],
    "datasets": [["name", "version"]],
    "quarantine": [["dataset", "created_at"]],
    "electrolytes": [["campaigns"], ["electrolyte"], ["last_updated"]],
    "selections": [["simulation_id", "step"], ["potential", "grade"]],
    "curve_states": [["simulation_id"], ["analysis", "block"]],
    # jobflow makes none, and then every reference is resolved by a scan.
    "outputs": [["uuid", "index"], ["metadata.campaign"]],
    "workflows": [["metadata.campaign"], ["nodes"]],
    "fireworks": [["spec.simulation", "state"]],
}
"""Further indexes, on FireWorks' and jobflow's collections too."""


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """Make every index that does not exist: one short command per collection.

    An account that may only read makes none and needs none.
    """
    try:
        for name in sorted(KEYS | INDEXES):
            own = INDEXES.get(name, [])
            models = [IndexModel([(field, 1) for field in fields]) for fields in own]
            if name in KEYS:
                models.append(IndexModel([(KEYS[name], 1)], unique=True))
            database[name].create_indexes(models)
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        database["campaigns"].find_one({}, {"_id": 1})  # whether it may read
