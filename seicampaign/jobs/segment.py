"""One segment of a simulation, from the store's last restart point into the store."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.analysis import Thresholds
from seicampaign.documents import SCHEMA_VERSION, Sampling
from seicampaign.errors import SEICampaignError, StoreError
from seicampaign.jobs.analysis import update_curves
from seicampaign.jobs.grading import THERMO_ANALYSIS, GradeRecorder, explain, segment_grading
from seicampaign.jobs.ladder import Start, start_point
from seicampaign.jobs.signals import StopSignals, stop_signals
from seicampaign.md import Batch, SegmentGrading, SegmentInput, SegmentResult, run_segment
from seicampaign.md.inputs import DUMP, THERMO_COLUMNS
from seicampaign.md.potentials import lammps_types, place_files
from seicampaign.md.segment import log_tail
from seicampaign.md.substeps import coarser, coarser_result, finer
from seicampaign.settings import settings
from seicampaign.store import fences, interfaces, potentials, restarts, simulations

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from seicampaign.documents import Simulation
    from seicampaign.md import Extrapolation, PairPotential
    from seicampaign.store import CampaignStore

COMMIT_SECONDS = 2.0
COMMIT_SECONDS_AT_MOST = 30.0
"""Between the two, the next commit waits for ten times as long as the last one took."""


def advance(
    store: CampaignStore,
    simulation_id: str,
    directory: Path,
    walltime: float | None = None,
    stop_when: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run the next segment of a simulation and store it.

    Starts from the newest restart file (see `seicampaign.jobs.ladder`); what the store holds
    beyond it is dropped first, so that segments join without a gap or a double frame. On an error
    nothing of the segment beyond its last restart point stays. SIGINT, SIGTERM and `stop_when`
    end the segment early and whole; after a SIGINT a KeyboardInterrupt follows once all is stored.
    An extrapolation grade over the break threshold does too, and is the end of the simulation: no
    step is left to do.

    Returns
    -------
    dict
        ``simulation_id``, ``segment_id``, ``first_step``, ``last_step``, ``steps_left``.

    Raises
    ------
    SimulationError
        If LAMMPS fails; the simulation is then marked as failed, with the reason.
    """
    document = simulations.get(store, simulation_id)
    simulation = simulations.specification(document)
    potential = potentials.load_pair(store, simulation.potential.hash)
    atoms = interfaces.load(store, simulation.interface_id)
    potential.require(sorted(set(atoms.symbols)))
    types = lammps_types(potential, list(atoms.symbols))
    start = start_point(store, document, atoms, directory, types)
    first_step = start.step
    ended = document["state"] == simulations.EXTRAPOLATING
    if ended or first_step >= document["planned_steps"]:
        return _outcome(simulation_id, None, first_step, first_step, 0)
    sampling = Sampling.model_validate(document["sampling"])
    grading, how = segment_grading(store, potential, sampling.grade)
    planned = document["planned_steps"]
    segment = _segment_input(simulation, sampling, grading, types, start, planned, walltime)
    substeps = document.get("substeps")
    if substeps is not None:  # a remedy has changed the timestep, now or before
        segment = finer(segment, substeps, first_step)
    simulations.record(
        store,
        simulation_id,
        state="running",
        n_atoms=len(atoms),
        step_now=first_step,
        steps_done=first_step,
        error=None,
        grading=how,
    )
    place_files(potential, directory)
    recorder = SegmentRecorder(store, simulation, atoms, segment, first_step, substeps or 1)
    try:
        with stop_signals(stop_when) as stop:
            result = recorder.run(segment, potential, directory, stop)
    except StoreError:
        raise  # nothing can be recorded; the next start cuts back to the restart point
    except SEICampaignError as error:
        recorder.discard()
        recorder.writer.close()
        simulations.record(
            store, simulation_id, state="failed", error=str(error), step_now=recorder.restart_step
        )
        raise
    segment_id = _save_segment(store, simulation, first_step, result, recorder, directory)
    (directory / DUMP).unlink()
    planned = simulations.get(store, simulation_id)["planned_steps"]
    left = max(0, planned - result.last_step)
    if left and result.extrapolation is not None:
        _record_extrapolation(store, simulation, atoms, result.extrapolation)
        left = 0
    elif stop.asked:
        simulations.record(store, simulation_id, state="interrupted")
        stop.pass_on()
    return _outcome(simulation_id, segment_id, first_step, result.last_step, left)


def _record_extrapolation(
    store: CampaignStore, simulation: Simulation, atoms: Atoms, found: Extrapolation
) -> None:
    symbol = atoms.symbols[found.atom]
    simulations.record(
        store,
        simulation.id,
        state=simulations.EXTRAPOLATING,
        extrapolation={**asdict(found), "element": symbol},
        error=explain(found, symbol, simulation.potential.name),
    )


class SegmentRecorder:
    """Brings a running segment into the store, batch by batch."""

    def __init__(
        self,
        store: CampaignStore,
        simulation: Simulation,
        atoms: Atoms,
        segment: SegmentInput,
        first_step: int,
        substeps: int = 1,
    ) -> None:
        self.store = store
        self.simulation = simulation
        self.n_atoms = len(atoms)
        self.substeps = substeps
        self.grades = (
            GradeRecorder(
                store,
                simulation,
                atoms.numbers,
                segment.grading.settings,
                segment.thermo_interval // substeps,
            )
            if segment.grading is not None
            else None
        )
        self.writer = store.trajectory_writer(simulation.id, atoms.numbers)
        self.restart_step = first_step
        self._pending_restart: tuple[int, Path] | None = None
        self._thermo: list[NDArray[np.float64]] = []
        self._next_commit = time.monotonic() + COMMIT_SECONDS
        self.discard()

    def run(
        self,
        segment: SegmentInput,
        potential: PairPotential,
        directory: Path,
        stop: StopSignals,
    ) -> SegmentResult:
        """Run LAMMPS to the end of the segment, or until asked to stop, and store all of it."""
        result = run_segment(segment, potential, directory, self.receive, lambda: stop.asked)
        result = coarser_result(result, self.substeps)
        self._pending_restart = (result.last_step, result.restart)
        self.commit(last=True)
        self.writer.close()
        return result

    def receive(self, batch: Batch) -> None:
        """Take a batch; commit every few seconds."""
        md, batch = self.simulation.md, coarser(batch, self.substeps)
        for frame in batch.frames:
            last = self.writer.last_step
            if last is None or frame.step > last:
                self.writer.append(frame.step, md.time(frame.step), frame.positions, frame.cell)
        if len(batch.thermo):
            self._thermo.append(batch.thermo)
            now = int(batch.thermo[-1, 0])
            simulations.record(self.store, self.simulation.id, step_now=now)
        if self.grades is not None:
            self.grades.receive(batch)
        self._pending_restart = batch.restart or self._pending_restart
        if time.monotonic() > self._next_commit:
            self.commit()

    def commit(self, *, last: bool = False) -> None:
        """Frames first, then their curves, then the restart point that vouches for both."""
        started = time.monotonic()
        self.writer.commit()
        self._append_thermo()
        if self.grades is not None:
            self.grades.commit(last=last)
        update_curves(self.store, self.simulation.id, Thresholds())
        if self._pending_restart is not None:
            step, path = self._pending_restart
            restarts.save(self.store, self.simulation.id, step, path)
            self.restart_step, self._pending_restart = step, None
        now = time.monotonic()
        pause = min(COMMIT_SECONDS_AT_MOST, max(COMMIT_SECONDS, 10 * (now - started)))
        self._next_commit = now + pause

    def _append_thermo(self) -> None:
        if not self._thermo:
            return
        table, md = np.concatenate(self._thermo), self.simulation.md
        self._thermo.clear()
        steps = table[:, 0].astype(int)
        curves = dict(zip(THERMO_COLUMNS, table[:, 1:].T, strict=True))
        times = [md.time(step) for step in steps]
        self.store.append_curves(self.simulation.id, curves, steps, times, THERMO_ANALYSIS)

    def discard(self) -> None:
        """Drop what the store holds beyond the last restart point; all of it at a start."""
        step = self.restart_step or -1
        self.writer.truncate(step)
        self.store.truncate_curves(self.simulation.id, step)


def _segment_input(
    simulation: Simulation,
    sampling: Sampling,
    grading: SegmentGrading | None,
    types: tuple[str, ...],
    start: Start,
    planned_steps: int,
    walltime: float | None,
) -> SegmentInput:
    md = simulation.md
    return SegmentInput(
        parameters=md,
        elements=types,
        target_step=min(planned_steps, start.step + md.steps(sampling.segment)),
        frame_interval=max(1, md.steps(sampling.frame_interval)),
        thermo_interval=max(1, md.steps(sampling.thermo_interval)),
        restart_interval=max(1, md.steps(sampling.restart_interval)),
        restart=start.restart,
        walltime=walltime,
        first_step=start.step if start.velocity_seed is not None else None,
        velocity_seed=start.velocity_seed,
        grading=grading,
    )


def _save_segment(
    store: CampaignStore,
    simulation: Simulation,
    first_step: int,
    result: SegmentResult,
    recorder: SegmentRecorder,
    directory: Path,
) -> str:
    steps = result.last_step - first_step
    segment_id = f"{simulation.id}-{first_step}"
    document = {
        "segment_id": segment_id,
        "simulation_id": simulation.id,
        "schema_version": SCHEMA_VERSION,
        "first_step": first_step,
        "last_step": result.last_step,
        "seconds": result.seconds,
        "cores": settings().mpi_ranks,
        "host": socket.gethostname(),
        "timestep": simulation.md.timestep / recorder.substeps,
        "ns_per_day": simulation.md.time(steps) / 1000 / result.seconds * 86400,
        "atom_steps_per_second": recorder.n_atoms * steps / result.seconds,
        "grades": recorder.grades.summary() if recorder.grades is not None else None,
        "log_tail": log_tail(directory),
        "completed_at": datetime.now(UTC),
    }
    # Refused, and nothing written, where another worker has the simulation.
    simulations.record(store, simulation.id, ns_per_day=document["ns_per_day"])
    fences.put(store, simulation.id, "segments", document | {"_id": segment_id})
    return segment_id


def _outcome(
    simulation_id: str, segment_id: str | None, first: int, last: int, left: int
) -> dict[str, Any]:
    return {
        "simulation_id": simulation_id,
        "segment_id": segment_id,
        "first_step": first,
        "last_step": last,
        "steps_left": left,
    }
