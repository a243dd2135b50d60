"""Runs that exist already, as simulations beside those of campaigns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from seicampaign.analysis import Thresholds
from seicampaign.documents import SCHEMA_VERSION, content_hash
from seicampaign.errors import AnalysisError, StoreError, TrajectoryError
from seicampaign.store import simulations
from seicampaign.store.analyses import FAILURES, update_curves
from seicampaign.store.compositions import check_composition
from seicampaign.store.curves import STATES
from seicampaign.trajectory.lammps_log import read_log
from seicampaign.trajectory.runs import RunFrames
from seicampaign.trajectory.selection import Frame

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore
    from seicampaign.trajectory import Trajectory

COMMIT_FRAMES = 50
"""A chunk row: a commit inside of one would write it twice."""
THERMO_ANALYSIS = "md"


class ImportedRun(BaseModel):
    """What is known of a run that this package did not make: what its files do not say.

    Two runs are the same simulation if all of this and the first two frames are equal; so a
    longer version of the same run goes on where the shorter ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    electrolyte: str = Field(min_length=1)
    temperature: float = Field(gt=0, allow_inf_nan=False, description="K")
    timestep: float = Field(gt=0, allow_inf_nan=False, description="fs")
    anode: str = "Li"
    pressure: float | None = Field(
        None, allow_inf_nan=False, description="bar; None at constant volume"
    )
    supercell: tuple[int, int] | None = Field(None, description="repetitions in the plane")
    seed: int | None = None
    potential: str | None = Field(None, description="what the forces came from")
    name: str | None = Field(None, description="for people")

    def document(self) -> dict[str, Any]:
        """As a simulation of a campaign has it, as far as it is known."""
        md = self.model_dump(include={"temperature", "pressure", "seed", "timestep"})
        interface = self.model_dump(include={"electrolyte", "anode", "supercell"}, mode="json")
        name = self.potential or "unknown"
        potential = {"name": name, "hash": content_hash("potential by name", {"name": name})}
        spec = {"md": md, "interface": interface, "potential": potential}
        return {**md, **interface, "name": self.name, "potential": potential, "spec": spec}


@dataclass(frozen=True)
class Imported:
    """The outcome.

    Attributes
    ----------
    simulation_id
        The simulation that the run is now.
    frames, added
        Its frames, and how many of them were new.
    nearest_image
        Whether positions had to be unwrapped here: see `RunFrames`.
    not_analysed
        Why its curves stop short of its frames, None where they do not.
    twins
        Imported simulations that begin with the same positions in two frames and are said to be
        other runs, or to have other elements.
    """

    simulation_id: str
    frames: int
    added: int
    nearest_image: bool
    not_analysed: str | None
    twins: tuple[str, ...]


def import_run(
    store: CampaignStore,
    files: Sequence[Path],
    run: ImportedRun,
    *,
    elements: Sequence[str] = (),
    interval: float | None = None,
    start: int = 0,
    logs: Sequence[Path] = (),
    campaign: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Bring a run into the store; to do it again adds nothing, to do it with more goes on.

    Parameters
    ----------
    files
        LAMMPS text dumps, or files that ASE reads, in the order of time.
    elements
        Element of each LAMMPS type, where the dump does not name them.
    interval
        ps between frames, where a file has neither steps nor times.
    start
        MD step at which the run begins: what is before it is left out, and time counts from it.
    logs
        LAMMPS logs, for curves of temperature, pressure and energies.
    campaign
        A campaign that the simulation joins when it is whole, in comparisons and figures.
    progress
        Called with the number of frames read so far.

    Raises
    ------
    TrajectoryError
        Naming the frame, if one cannot be read or does not follow the one before it. What comes
        before it is stored.
    StoreError
        If the atoms cannot be those of the electrolyte and the anode.
    """
    thermo = read_log(logs) if logs else None
    frames = RunFrames(files, timestep=run.timestep, elements=elements, interval=interval)
    ordered = iter(frames.since(start))
    head = list(islice(ordered, 2))
    if len(head) < 2:
        raise TrajectoryError(
            f"{', '.join(map(str, files))}: {len(head)} complete frames from step {start} on; a "
            "run has two at least."
        )
    check_composition(frames.numbers, run.electrolyte, run.anode)
    begin = _digest(frames.numbers.tobytes(), head)
    identity = content_hash(simulations.IMPORTED, {"run": run.model_dump(), "begin": begin})
    moved = _digest(b"", head)
    _register(store, identity, run, moved, files)
    try:
        added, total = _write(store, identity, frames, chain(head, ordered), progress)
    except TrajectoryError as error:
        _record(store, identity, state="failed", error=str(error))
        raise
    if thermo is not None:
        _add_thermo(store, identity, run, *thermo, start)
    _finish(store, identity, frames)
    if campaign is not None:
        _join(store, identity, campaign)
    why = _analyse(store, identity)
    return Imported(
        identity, total, added, frames.nearest_image, why, _twins(store, identity, moved)
    )


def imported_runs(store: CampaignStore, campaign: str | None = None) -> list[dict[str, Any]]:
    """Documents of the simulations that were imported, or of those that joined a campaign."""
    query = {"origin": simulations.IMPORTED} | ({} if campaign is None else {"campaigns": campaign})
    with store.explained("read"):
        return list(store.database.simulations.find(query).sort("created_at"))


def remove_imported(store: CampaignStore, simulation_id: str) -> None:
    """Delete an imported simulation with its trajectory and curves.

    Raises
    ------
    StoreError
        If there is none of this id.
    """
    with store.explained("written"):
        query = {"_id": simulation_id, "origin": simulations.IMPORTED}
        if store.database.simulations.find_one(query) is None:
            raise StoreError(
                f"There is no imported simulation {simulation_id!r}. `seicampaign imported` lists "
                "those there are."
            )
        store.delete_trajectory(simulation_id)
        for name in ("curves", STATES, FAILURES):
            store.database[name].delete_many({"simulation_id": simulation_id})
        store.database.simulations.delete_one(query)


def _digest(numbers: bytes, head: Sequence[Frame]) -> str:
    """Of the first two frames: two seeds may begin alike, and differ in the second."""
    digest = hashlib.sha256(numbers)
    for frame in head:
        digest.update(f"{frame.step} {frame.cell.round(4).tolist()}".encode())
        digest.update(np.rint(frame.positions * 1000).astype("<i8").tobytes())
    return digest.hexdigest()


def _register(
    store: CampaignStore,
    identity: str,
    run: ImportedRun,
    moved: str,
    files: Sequence[Path],
) -> None:
    now = datetime.now(UTC)
    new = {
        **run.document(),
        "simulation_id": identity,
        "schema_version": SCHEMA_VERSION,
        "origin": simulations.IMPORTED,
        # Without the elements: the same run with others, wrongly named, has the same.
        "begin": moved,
        # Nobody has tested here what its forces came from.
        "approved": False,
        "state": "importing",
        "planned_steps": 0,
        # Never more: no workflow goes on with it.
        "requested_steps": 0,
        "steps_done": 0,
        "step_now": 0,
        "claim": None,
        "created_at": now,
    }
    names = [path.name for path in files]
    changes = {"$setOnInsert": new, "$set": {"files": names, "last_updated": now}}
    with store.explained("written"):
        store.database.simulations.update_one({"_id": identity}, changes, upsert=True)


def _write(
    store: CampaignStore,
    identity: str,
    run: RunFrames,
    frames: Iterator[Frame],
    progress: Callable[[int], None] | None,
) -> tuple[int, int]:
    """Append what is not there yet, having compared what is; frames added and in all."""
    with store.trajectory_writer(identity, run.numbers) as writer:
        before = writer.n_frames
        stored = store.trajectory(identity)
        try:
            for number, frame in enumerate(frames):
                if number < before:
                    _compare(identity, stored, number, frame)
                else:
                    writer.append(*frame)
                    if writer.n_frames % COMMIT_FRAMES == 0:
                        writer.commit()
                if progress is not None:
                    progress(number + 1)
        except TrajectoryError as error:
            writer.commit()
            kept = f"{writer.n_frames} frames before it are stored as simulation {identity}"
            raise TrajectoryError(f"{error} The {kept}.") from None
        return writer.n_frames - before, writer.n_frames


def _compare(identity: str, stored: Trajectory, number: int, frame: Frame) -> None:
    moved = np.abs(frame.positions - stored.positions[number]).max()
    if frame.step != stored.steps[number] or moved > 1e-3:
        raise TrajectoryError(
            f"Step {frame.step} is not frame {number} of the run that was imported before, and "
            "begins as this one does. Say what tells the two apart, e.g. the seed or a name, or "
            f"take the other back with `seicampaign imported --remove {identity}`."
        )


def _add_thermo(
    store: CampaignStore,
    identity: str,
    run: ImportedRun,
    steps: NDArray[np.int64],
    values: dict[str, NDArray[np.float64]],
    start: int,
) -> None:
    kept = steps >= start
    steps = steps[kept] - start
    curves = {name: column[kept] for name, column in values.items()}
    store.append_curves(identity, curves, steps, steps * run.timestep / 1000, THERMO_ANALYSIS)


def _finish(store: CampaignStore, identity: str, frames: RunFrames) -> None:
    trajectory = store.trajectory(identity)
    lengths = ("planned_steps", "steps_done", "step_now")
    _record(
        store,
        identity,
        state="completed",
        error=None,
        n_atoms=trajectory.n_atoms,
        unwrapped_by_nearest_image=frames.nearest_image,
        **dict.fromkeys(lengths, trajectory.last_step),
    )


def _join(store: CampaignStore, identity: str, campaign: str) -> None:
    """Only a whole run joins: one that broke off would shorten what all are compared over."""
    with store.explained("written"):
        store.database.simulations.update_one(
            {"_id": identity}, {"$addToSet": {"campaigns": campaign}}
        )


def _twins(store: CampaignStore, identity: str, moved: str) -> tuple[str, ...]:
    query = {"origin": simulations.IMPORTED, "begin": moved, "_id": {"$ne": identity}}
    with store.explained("read"):
        return tuple(other["_id"] for other in store.database.simulations.find(query, {"_id": 1}))


def _analyse(store: CampaignStore, identity: str) -> str | None:
    """Bring the curves up to date; a run that cannot be analysed stays, and its reason."""
    try:
        update_curves(store, identity, Thresholds())
    except AnalysisError as error:
        return str(error)
    return None


def _record(store: CampaignStore, identity: str, **fields: Any) -> None:
    with store.explained("written"):
        simulations.record(store, identity, **fields)
