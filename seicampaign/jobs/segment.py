"""One segment of a simulation, from the store's last restart point into the store."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.documents import SCHEMA_VERSION, Sampling
from seicampaign.errors import SEICampaignError, StoreError
from seicampaign.jobs.grading import explain, segment_grading
from seicampaign.jobs.ladder import Start, start_point
from seicampaign.jobs.recorder import SegmentRecorder, rehearse
from seicampaign.jobs.signals import StopSignals, stop_signals
from seicampaign.jobs.walltime import Deadline
from seicampaign.md import SegmentGrading, SegmentInput, SegmentResult
from seicampaign.md.inputs import DUMP
from seicampaign.md.potentials import lammps_types, place_files
from seicampaign.md.segment import log_tail
from seicampaign.md.substeps import finer
from seicampaign.settings import settings
from seicampaign.store import fences, interfaces, potentials, simulations

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.documents import Simulation
    from seicampaign.md import Extrapolation, PairPotential
    from seicampaign.store import CampaignStore


def advance(
    store: CampaignStore,
    simulation_id: str,
    directory: Path,
    deadline: Deadline | None = None,
    stop_when: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run the next segment of a simulation and store it.

    Starts from the newest restart file (see `seicampaign.jobs.ladder`); what the store holds
    beyond it is dropped first, so that segments join without a gap or a double frame. On an error
    nothing of the segment beyond its last restart point stays. SIGINT, SIGTERM, `deadline` and
    `stop_when` end the segment early and whole; after a SIGINT a KeyboardInterrupt follows once
    all is stored.
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
    deadline = deadline or Deadline(None)
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
    rehearse(atoms)
    segment = _segment_input(document, simulation, sampling, grading, types, start)
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
    substeps = document.get("substeps") or 1
    recorder = SegmentRecorder(store, simulation, atoms, segment, first_step, substeps, deadline)
    with stop_signals(lambda: stop_when() or deadline.over) as stop:
        result = _run(recorder, segment, potential, directory, stop)
    segment_id = _save_segment(store, simulation, first_step, result, recorder, directory)
    (directory / DUMP).unlink()
    left = max(0, simulations.get(store, simulation_id)["planned_steps"] - result.last_step)
    if left and result.extrapolation is not None:
        _record_extrapolation(store, simulation, atoms, result.extrapolation)
        left = 0
    elif stop.asked:
        simulations.record(store, simulation_id, state="interrupted")
        stop.pass_on()
    return _outcome(simulation_id, segment_id, first_step, result.last_step, left)


def _run(
    recorder: SegmentRecorder,
    segment: SegmentInput,
    potential: PairPotential,
    directory: Path,
    stop: StopSignals,
) -> SegmentResult:
    """Run the segment; on an error drop what no restart point vouches for, and say so."""
    try:
        if (left := recorder.deadline.left()) is not None:
            segment = replace(segment, walltime=max(0.1, left))
        return recorder.run(segment, potential, directory, stop)
    except StoreError:
        raise  # nothing can be recorded; the next start cuts back to the restart point
    except SEICampaignError as error:
        recorder.discard()
        recorder.writer.close()
        simulations.record(
            recorder.store,
            recorder.simulation.id,
            state="failed",
            error=str(error),
            step_now=recorder.restart_step,
        )
        raise


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


def _segment_input(
    document: Mapping[str, Any],
    simulation: Simulation,
    sampling: Sampling,
    grading: SegmentGrading | None,
    types: tuple[str, ...],
    start: Start,
) -> SegmentInput:
    md = simulation.md
    segment = SegmentInput(
        parameters=md,
        elements=types,
        target_step=min(document["planned_steps"], start.step + md.steps(sampling.segment)),
        frame_interval=max(1, md.steps(sampling.frame_interval)),
        thermo_interval=max(1, md.steps(sampling.thermo_interval)),
        restart_interval=max(1, md.steps(sampling.restart_interval)),
        restart=start.restart,
        first_step=start.step if start.velocity_seed is not None else None,
        velocity_seed=start.velocity_seed,
        grading=grading,
    )
    substeps = document.get("substeps")
    if substeps is None:
        return segment
    return finer(segment, substeps, start.step)  # a remedy has changed the timestep, now or before


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
