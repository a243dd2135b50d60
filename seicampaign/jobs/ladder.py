"""Where a segment starts: a restart file, else the last stored frame, else the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.errors import TrajectoryError
from seicampaign.md.inputs import DATA, START, write_data
from seicampaign.store import restarts

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.store import CampaignStore
    from seicampaign.trajectory import Trajectory

SEEDS = 2**31 - 1


@dataclass(frozen=True)
class Start:
    """Where a segment starts.

    Attributes
    ----------
    step
        Of the simulation.
    restart
        The restart file, which continues it exactly; None for a data file.
    velocity_seed
        Seed of new velocities, where a stored frame is the start.
    """

    step: int
    restart: Path | None = None
    velocity_seed: int | None = None


def start_point(
    store: CampaignStore,
    document: dict[str, Any],
    atoms: Atoms,
    directory: Path,
    types: Sequence[str] | None = None,
) -> Start:
    """Put the file that LAMMPS starts from into the directory.

    `types` are the elements of LAMMPS's atom types, where the potential decides on them.
    A rung that had to be left is recorded in the simulation's ``rungs``: which, why and when. A
    stored frame has no velocities; new ones are drawn, for the temperature.
    """
    key, target = document["_id"], directory / START
    points = restarts.points(store, key)
    for number, point in enumerate(points):
        if restarts.fetch(store, point, target):
            if number:
                _record(store, key, "older restart file", point["step"], "the newest is torn")
            return Start(point["step"], restart=target)
    target.unlink(missing_ok=True)
    trajectory = _trajectory(store, key) if points or document["steps_done"] else None
    if trajectory is not None and trajectory.n_frames:
        last = trajectory.frame(-1)
        step = int(trajectory.steps[-1])
        write_data(last, directory / DATA, types)
        _record(store, key, "last stored frame, new velocities", step, "no restart file is whole")
        return Start(step, velocity_seed=(document["seed"] + step) % SEEDS + 1)
    write_data(atoms, directory / DATA, types)
    if points:
        _record(store, key, "the beginning", 0, "neither a restart file nor a frame is there")
    return Start(0)


def _trajectory(store: CampaignStore, simulation_id: str) -> Trajectory | None:
    if store.database["trajectories"].find_one({"_id": simulation_id}, {"_id": 1}) is None:
        return None
    try:
        return store.trajectory(simulation_id)
    except TrajectoryError as error:
        if "holds no trajectory" in str(error):
            return None
        raise


def _record(store: CampaignStore, simulation_id: str, rung: str, step: int, why: str) -> None:
    entry = {"rung": rung, "step": step, "why": why, "at": datetime.now(UTC)}
    store.database["simulations"].update_one({"_id": simulation_id}, {"$push": {"rungs": entry}})
