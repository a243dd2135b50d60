"""Brings a running segment into the store: frames, curves, grades, restart points."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seicampaign.analysis import Running, Thresholds, analyse
from seicampaign.errors import AnalysisError, CensusError
from seicampaign.jobs.grading import THERMO_ANALYSIS, GradeRecorder
from seicampaign.jobs.walltime import Deadline
from seicampaign.md import Batch, SegmentInput, SegmentResult, run_segment
from seicampaign.md.inputs import THERMO_COLUMNS
from seicampaign.md.substeps import coarser, coarser_result
from seicampaign.store import restarts, simulations
from seicampaign.store.analyses import update_curves

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from seicampaign.documents import Simulation
    from seicampaign.jobs.signals import StopSignals
    from seicampaign.md import PairPotential
    from seicampaign.store import CampaignStore

COMMIT_SECONDS = 2.0
COMMIT_SECONDS_AT_MOST = 30.0
"""Between the two, the next commit waits for ten times as long as the last one took."""


def rehearse(atoms: Atoms) -> None:
    """Analyse a structure and forget it, so that what analysis needs is loaded and compiled.

    Before LAMMPS starts there is time for that; after it has stopped, the walltime ends. Nor does
    it count as LAMMPS's time then.
    """
    with suppress(AnalysisError):  # said where a frame is analysed
        list(analyse(_OneFrame(atoms), running=Running.new(Thresholds())))


class _OneFrame:
    """A structure as a trajectory of one frame (`seicampaign.analysis.timeline.Frames`)."""

    def __init__(self, atoms: Atoms) -> None:
        self.numbers = atoms.numbers
        self.steps, self.times = np.zeros(1, int), np.zeros(1)
        self.cells, self.positions = atoms.cell.array[None], atoms.positions[None]


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
        deadline: Deadline | None = None,
    ) -> None:
        self.deadline = deadline or Deadline(None)
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
        self._first_seen: tuple[int, float] | None = None
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
            simulations.record(self.store, self.simulation.id, step_now=now, **self._rate(now))
        if self.grades is not None:
            self.grades.receive(batch)
        self._pending_restart = batch.restart or self._pending_restart
        if time.monotonic() > self._next_commit:
            self.commit()

    def _rate(self, step: int) -> dict[str, float]:
        """Of the segment since LAMMPS first said a step, as long as it has not ended."""
        now = time.monotonic()
        if self._first_seen is None:
            self._first_seen = step, now
        first_step, since = self._first_seen
        if step == first_step:
            return {}
        ns = self.simulation.md.time(step - first_step) / 1000
        return {"ns_per_day": ns / (now - since) * 86400}

    def commit(self, *, last: bool = False) -> None:
        """Frames first, then their curves, then the restart point that vouches for both."""
        started = time.monotonic()
        self.writer.commit()
        self._append_thermo()
        if self.grades is not None:
            self.grades.commit(last=last)
        with suppress(CensusError):  # it is on record, and MD needs no census
            update_curves(self.store, self.simulation.id, Thresholds())
        if self._pending_restart is not None:
            step, path = self._pending_restart
            restarts.save(self.store, self.simulation.id, step, path)
            self.restart_step, self._pending_restart = step, None
        now = time.monotonic()
        self.deadline.took(now - started)
        pause = min(COMMIT_SECONDS_AT_MOST, max(COMMIT_SECONDS, 10 * (now - started)))
        self._next_commit = now + (pause if COMMIT_SECONDS else 0.0)

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
