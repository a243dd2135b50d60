"""One MD run of an active-learning loop: graded all the way, restartable, kept by its identity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from seicampaign.documents.learning import Exploration
from seicampaign.errors import SimulationError, TrainingError
from seicampaign.md import Batch, SegmentGrading, SegmentInput, SegmentResult, run_segment
from seicampaign.md.inputs import DATA, START, lammps_elements, write_data
from seicampaign.store import connect, learning, potentials, selections

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from seicampaign.store import CampaignStore

RESTART_PS = 10.0
NOTHING: dict[str, Any] = {"step": 0, "graded": 0, "over": 0, "max_grade": 0.0}
FRAMES = 20


@job
def explore(run: Exploration) -> dict[str, Any]:
    """Run one exploration, or what is left of it.

    Returns
    -------
    dict
        ``exploration_id``, ``state``, ``steps``, ``max_grade``.
    """
    with connect() as store, store.explained("written"):
        found = run_exploration(store, Exploration.model_validate(run), Path.cwd())
    return {key: found[key] for key in ("exploration_id", "state", "steps", "max_grade")}


def run_exploration(store: CampaignStore, run: Exploration, directory: Path) -> dict[str, Any]:
    """Run MD from the newest restart point of this exploration; one that is over is left alone.

    Returns
    -------
    dict
        Its document. A run that LAMMPS ends with an error is a result too: its state says so.

    Raises
    ------
    TrainingError
        If the potential has no active set to be graded by.
    """
    found = learning.exploration(store, run.id)
    if found is not None and found["state"] in learning.FINISHED:
        return found
    potential = potentials.load(store, run.potential.hash)
    file = potentials.active_set_file(store, potential)
    if file is None:
        raise TrainingError(
            f"Potential {potential.name!r} has no active set, so nothing tells what it does not "
            "know. Fit one to a data set, or name what it was trained on."
        )
    atoms = run.start.build()
    potential.require(sorted(set(atoms.symbols)))
    recorder = Recorder(store, run, atoms, directory)
    segment = _segment(run, atoms, SegmentGrading(run.grade, file), directory, recorder.step)
    try:
        result = run_segment(segment, potential, directory, recorder.receive)
    except SimulationError as error:
        return recorder.finish("failed", error=str(error))
    return recorder.conclude(result)


def _segment(
    run: Exploration, atoms: Atoms, grading: SegmentGrading, directory: Path, step: int
) -> SegmentInput:
    """Every graded step is looked at: a run does not pass for one grade, and then shows it too."""
    target = run.md.steps(run.length)
    return SegmentInput(
        parameters=run.md,
        elements=lammps_elements(list(atoms.symbols)),
        target_step=target,
        frame_interval=max(1, target // FRAMES),
        thermo_interval=run.grade.every,
        restart_interval=max(1, run.md.steps(min(RESTART_PS, run.length))),
        restart=directory / START if step else None,
        grading=grading,
    )


class Recorder:
    """Brings a run into the store; what came after the last restart point is begun again."""

    def __init__(
        self, store: CampaignStore, run: Exploration, atoms: Atoms, directory: Path
    ) -> None:
        self.store, self.run, self.numbers = store, run, atoms.numbers
        self._before = learning.load_restart(store, run, directory / START) or NOTHING
        self.step: int = self._before["step"]
        if not self.step:
            write_data(atoms, directory / DATA)
        self._rows: NDArray[np.float64] = np.empty((0, 3))
        store.database[selections.COLLECTION].delete_many(
            {"simulation_id": run.id, "step": {"$gt": self.step}}
        )
        learning.record_exploration(store, run, state="running", n_atoms=len(atoms))

    def receive(self, batch: Batch) -> None:
        """Grades, selected configurations, and then the restart point that vouches for both."""
        self._rows = np.concatenate((self._rows, batch.grades))
        if batch.selected:
            selections.add(
                self.store,
                self.run,
                self.numbers,
                batch.selected,
                select=self.run.grade.select,
                keep=self.run.grade.keep,
            )
        if batch.restart is not None:
            self.step, path = batch.restart
            learning.save_restart(self.store, self.run, self.step, path, self.counts(self.step))

    def counts(self, last: int) -> dict[str, Any]:
        """Graded steps, those over the threshold, and the largest grade, up to a step."""
        largest = self._rows[self._rows[:, 0] <= last, 1]
        return {
            "graded": self._before["graded"] + len(largest),
            "over": self._before["over"] + int((largest > self.run.grade.select).sum()),
            "max_grade": max(self._before["max_grade"], float(largest.max(initial=0.0))),
        }

    def conclude(self, result: SegmentResult) -> dict[str, Any]:
        """What a run that LAMMPS ended well has come to."""
        self.step = result.last_step
        if result.extrapolation is not None:
            return self.finish("extrapolating")
        return self.finish("selected" if self.counts(self.step)["over"] else "passed")

    def finish(self, state: str, error: str | None = None) -> dict[str, Any]:
        """Record the end; a run that is over needs no restart files."""
        last = int(self._rows[-1, 0]) if len(self._rows) else self.step
        counts = self.counts(last)
        learning.drop_restarts(self.store, self.run)
        return learning.record_exploration(
            self.store, self.run, state=state, steps=max(self.step, last), error=error, **counts
        )
