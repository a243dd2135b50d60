"""Extrapolation grades while a segment runs: what LAMMPS is told, and what its answers mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from seicampaign.md.dump import COLUMNS, DumpStream, Frame
from seicampaign.mtp.plugin import Grading

GRADES = "grades.dat"
SELECTED = "selected"
SELECTED_COLUMNS = f"{COLUMNS} f_grades"
GRADE_CURVES = ("grade_max", "grade_frame_share", "grade_atom_share")
_BREAK = re.compile(
    r"MTP break: step (\d+), extrapolation grade (\S+) of atom (\d+) is over the threshold (\S+):"
)


class GradeSettings(BaseModel):
    """How often grades are taken, and what follows from a high one.

    They change no atom's path, so they are no part of what a simulation is: a break only ends it.
    The defaults are the habits of MLIP-2.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    every: int = Field(10, ge=1, description="steps between grades")
    select: float = Field(2.0, gt=0, description="configurations over it are kept")
    limit: float | None = Field(10.0, gt=0, alias="break", description="the run ends over it")
    keep: int = Field(50, ge=0, le=1000, description="configurations kept of one simulation")

    @model_validator(mode="after")
    def _select_before_break(self) -> GradeSettings:
        if self.limit is not None and self.limit < self.select:
            raise ValueError(
                f"break ({self.limit:g}) is under select ({self.select:g}): nothing could be "
                "selected before the run ends"
            )
        return self


@dataclass(frozen=True)
class SegmentGrading:
    """Grades of one segment: the settings, and the active set they are measured by.

    Attributes
    ----------
    active_set
        File that `seicampaign.mtp.grade.ActiveSet.write` wrote.
    """

    settings: GradeSettings
    active_set: Path

    @property
    def pair(self) -> Grading:
        """What the pair style is told."""
        return Grading(self.active_set, self.settings.every, limit=self.settings.limit)

    def lines(self, interval: int) -> list[str]:
        """LAMMPS lines that write every grade, and the selected configurations.

        Parameters
        ----------
        interval
            Steps between looks for a configuration to select; one over the break threshold is
            written whenever it comes. Each goes to a file of its own, which its reader removes.
        """
        s = self.settings
        look = s.every * -(-interval // s.every)
        dull = f"c_grade[1] <= {s.select:.17g} || (step % {look} != 0"
        dull += ")" if s.limit is None else f" && c_grade[1] <= {s.limit:.17g})"
        return [
            "compute grade all pair sei/mtp",
            f"fix grades all pair {s.every} sei/mtp grade 0",
            f'variable over atom "f_grades > {s.select:.17g}"',
            "compute over all reduce sum v_over",
            f'fix grade all print {s.every} "$(step) $(c_grade[1]) $(c_over)" file {GRADES} '
            'screen no title "# step largest atoms-over-select"',
            *(self._selection(dull) if s.keep else []),
        ]

    def _selection(self, dull: str) -> list[str]:
        return [
            f'variable dull equal "{dull}"',
            f"dump {SELECTED} all custom {self.settings.every} {SELECTED}.*.bin {SELECTED_COLUMNS}",
            f"dump_modify {SELECTED} sort id skip v_dull",
        ]


@dataclass(frozen=True)
class Extrapolation:
    """Where a run met what its potential does not know.

    Attributes
    ----------
    step, grade, threshold
        When, how far, and the break threshold at that time.
    atom
        Index of the atom with the highest grade, from 0.
    """

    step: int
    grade: float
    atom: int
    threshold: float


def find_break(log: str) -> Extrapolation | None:
    """The break that ended a run, from LAMMPS's log."""
    found = _BREAK.search(log)
    if found is None:
        return None
    step, grade, atom, threshold = found.groups()
    return Extrapolation(int(step), float(grade), int(atom) - 1, float(threshold))


def read_selected(directory: Path) -> list[Frame]:
    """Take the selected configurations that are complete, each once: their files are removed.

    Returns
    -------
    list of Frame
        In order of steps; `extra` has the grade of each atom, shape (atoms, 1).
    """
    frames = []
    for path in directory.glob(f"{SELECTED}.*.bin"):
        if complete := DumpStream(path, SELECTED_COLUMNS).poll():
            frames += complete
            path.unlink()
    return sorted(frames, key=lambda frame: frame.step)


class GradeWindows:
    """Grades of every few steps, gathered into one point for each interval of steps.

    Parameters
    ----------
    interval
        Steps of one point, which stands at the interval's end.
    select
        The threshold of selection.
    n_atoms
        Atoms of the simulation.
    """

    def __init__(self, interval: int, select: float, n_atoms: int) -> None:
        self.interval = interval
        self.select = select
        self.n_atoms = n_atoms
        self._rows: NDArray[np.float64] = np.empty((0, 3))

    def add(self, rows: NDArray[np.float64]) -> None:
        """Take rows of step, largest grade, atoms over the threshold; shape (rows, 3)."""
        self._rows = np.concatenate((self._rows, rows))

    def take(self, *, last: bool = False) -> tuple[NDArray[np.int64], dict[str, list[float]]]:
        """The points of intervals that are over, each once; with `last`, of what is left too.

        Returns
        -------
        steps
            shape (points,).
        curves
            ``grade_max``: the largest grade; ``grade_frame_share``: the share of graded steps with
            an atom over the threshold; ``grade_atom_share``: the share of atoms over it.
        """
        windows = -(-self._rows[:, 0].astype(np.int64) // self.interval)
        open_window = windows[-1] if len(windows) and not last else np.inf
        done = windows < open_window
        rows, windows, self._rows = self._rows[done], windows[done], self._rows[~done]
        labels = sorted(set(windows.tolist()))
        groups = [rows[windows == label] for label in labels]
        most = [float(group[:, 1].max()) for group in groups]
        frames = [float((group[:, 1] > self.select).mean()) for group in groups]
        atoms = [float(group[:, 2].mean() / self.n_atoms) for group in groups]
        steps = np.array(labels, dtype=np.int64) * self.interval
        if last and len(steps):
            steps[-1] = rows[-1, 0]
        return steps, dict(zip(GRADE_CURVES, (most, frames, atoms), strict=True))
