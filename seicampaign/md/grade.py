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
    r"MTP break: step (\d+), extrapolation grade (\S+) of atom (\d+) is over the threshold"
)
_HALT = re.compile(r"Fix halt condition for fix-id break met on step (\d+) with value (\S+)")


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
    """Grades of one segment: the settings, and where grades come from.

    Attributes
    ----------
    active_set
        For our own pair style: file that `seicampaign.mtp.grade.ActiveSet.write` wrote.
    engine
        For a pair style that has a grade of its own for each atom: what LAMMPS's ``fix pair``
        takes to get it, such as ``pace/extrapolation gamma 1``. One of the two is given.
    """

    settings: GradeSettings
    active_set: Path | None = None
    engine: str | None = None

    @property
    def pair(self) -> Grading | None:
        """What our own pair style is told; None for another."""
        if self.active_set is None:
            return None
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
        largest = "c_grade[1]" if self.active_set is not None else "c_grade"
        return [
            *(self._own() if self.active_set is not None else self._foreign()),
            f'variable over atom "f_grades > {s.select:.17g}"',
            "compute over all reduce sum v_over",
            f'fix grade all print {s.every} "$(step) $({largest}) $(c_over)" file {GRADES} '
            'screen no title "# step largest atoms-over-select"',
            f'variable dull equal "{self._dull(largest, interval)}"',
            f"dump {SELECTED} all custom {s.every} {SELECTED}.*.bin {SELECTED_COLUMNS}",
            f"dump_modify {SELECTED} sort id skip v_dull",
        ]

    def _own(self) -> list[str]:
        """Our pair style ends the run itself, and says at which atom."""
        return [
            "compute grade all pair sei/mtp",
            f"fix grades all pair {self.settings.every} sei/mtp grade 0",
        ]

    def _foreign(self) -> list[str]:
        s = self.settings
        lines = [
            f"fix grades all pair {s.every} {self.engine}",
            "compute grade all reduce max f_grades",
        ]
        if s.limit is None:
            return lines
        halt = f"fix break all halt {s.every} v_most > {s.limit:.17g} error continue message yes"
        return [*lines, "variable most equal c_grade", halt]

    def _dull(self, largest: str, interval: int) -> str:
        """Whether a configuration is not to be written, as a formula of LAMMPS."""
        s = self.settings
        look = s.every * -(-interval // s.every)
        unselected = f"{largest} <= {s.select:.17g} || step % {look} != 0" if s.keep else "1"
        broken = "" if s.limit is None else f" && {largest} <= {s.limit:.17g}"
        return f"({unselected}){broken}"


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


def find_break(log: str, grading: SegmentGrading, last: Frame | None) -> Extrapolation | None:
    """The break that ended a run, from LAMMPS's log.

    Parameters
    ----------
    last
        The newest selected configuration: LAMMPS's own halt does not say which atom it was.
    """
    limit = grading.settings.limit
    if limit is None:
        return None
    if found := _BREAK.search(log):
        return Extrapolation(int(found[1]), float(found[2]), int(found[3]) - 1, limit)
    halted = _HALT.search(log)
    if halted is None or last is None:
        return None
    atom = int(last.extra[:, 0].argmax())
    return Extrapolation(int(halted[1]), float(halted[2]), atom, limit)


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
