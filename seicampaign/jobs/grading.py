"""Extrapolation grades of a running simulation: by what they are measured, and into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.md import GradeSettings, SegmentGrading
from seicampaign.md.grade import Extrapolation, GradeWindows
from seicampaign.md.potentials import LammpsPotential
from seicampaign.mtp.build import has_compiler
from seicampaign.store import potentials, selections

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seicampaign.documents import Simulation
    from seicampaign.md import Batch
    from seicampaign.mtp import Potential
    from seicampaign.store import CampaignStore

THERMO_ANALYSIS = "md"
"""What the curves are said to be made by that LAMMPS reports itself."""


def segment_grading(
    store: CampaignStore, potential: Potential | LammpsPotential, wanted: GradeSettings | None
) -> tuple[SegmentGrading | None, dict[str, Any]]:
    """How a segment is graded.

    Returns
    -------
    SegmentGrading or None
        None where there are to be, or can be, no grades.
    dict
        For the simulation's document: the settings, or under ``off`` why there are none.
    """
    if wanted is None:
        return None, {"off": "the campaign asks for none (sampling: grade: null)"}
    said = wanted.model_dump(by_alias=True)
    if isinstance(potential, LammpsPotential):
        if potential.grade is not None:
            return SegmentGrading(wanted, engine=potential.grade), said
        return None, {"off": f"potential {potential.name!r} is LAMMPS lines, which give none"}
    if not has_compiler():
        return None, {"off": "there is no C++ compiler, and motep's engine gives none in LAMMPS"}
    file = potentials.active_set_file(store, potential)
    if file is None:
        reason = f"potential {potential.name!r} has no active set: name what it was trained on"
        return None, {"off": f"{reason} (potential: training: FILE)"}
    return SegmentGrading(wanted, file), said


class GradeRecorder:
    """Brings the grades of a running segment into the store, batch by batch."""

    def __init__(
        self,
        store: CampaignStore,
        simulation: Simulation,
        numbers: NDArray[np.int64],
        grade: GradeSettings,
        interval: int,
    ) -> None:
        self.store = store
        self.simulation = simulation
        self.numbers = numbers
        self.grade = grade
        self.windows = GradeWindows(interval, grade.select, len(numbers))
        self.graded = self.over = 0
        self.most = 0.0

    def receive(self, batch: Batch) -> None:
        """Take the grades of a batch, and store the configurations that are worth keeping."""
        if len(batch.grades):
            self.windows.add(batch.grades)
            self.graded += len(batch.grades)
            self.over += int((batch.grades[:, 1] > self.grade.select).sum())
            self.most = max(self.most, float(batch.grades[:, 1].max()))
        if batch.selected:
            selections.add(
                self.store,
                self.simulation,
                self.numbers,
                batch.selected,
                select=self.grade.select,
                keep=self.grade.keep,
            )

    def commit(self, *, last: bool = False) -> None:
        """Append to the curves; with `last`, what is left of an interval too."""
        steps, curves = self.windows.take(last=last)
        if len(steps):
            times = [self.simulation.md.time(int(step)) for step in steps]
            self.store.append_curves(self.simulation.id, curves, steps, times, THERMO_ANALYSIS)

    def summary(self) -> dict[str, Any]:
        """What the segment's document says of its grades."""
        return {"steps": self.graded, "over_select": self.over, "max": self.most}


def explain(found: Extrapolation, symbol: str, potential: str) -> str:
    """Why a simulation has ended, and what may be done."""
    return (
        f"At step {found.step} the extrapolation grade of atom {found.atom} ({symbol}) was "
        f"{found.grade:.3g}, over the break threshold of {found.threshold:g}: potential "
        f"{potential!r} does not know this neighbourhood, and no further step would mean "
        "anything. The configuration is among the selected ones: train a potential with labels "
        "of it, or launch the campaign again with a higher threshold (sampling: grade: break)."
    )
