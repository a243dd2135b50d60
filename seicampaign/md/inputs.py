"""The LAMMPS input of one segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ase import Atoms

from seicampaign.md.dump import COLUMNS
from seicampaign.md.grade import SegmentGrading
from seicampaign.md.parameters import MDParameters
from seicampaign.mtp.plugin import Grading

DATA = "start.data"
START = "start.restart"
INPUT = "in.segment"
DUMP = "frames.bin"
THERMO = "thermo.dat"
RESTART = "restart"
END = "end.step"
STOP = "stop"
STOP_EVERY = 10
NEIGHBOR = "neighbor 2.0 bin"
LOG = "log.lammps"
THERMO_COLUMNS = ("temperature", "pressure", "potential_energy", "kinetic_energy", "volume")
_THERMO_KEYWORDS = ("temp", "press", "pe", "ke", "vol")


class PairPotential(Protocol):
    """What a potential must offer to drive an MD run: its LAMMPS lines."""

    def require(self, elements: Sequence[str]) -> None:
        """Raise PotentialError if it lacks one of the elements."""

    def pair_lines(self, elements: Sequence[str], grading: Grading | None = None) -> list[str]:
        """The pair_style and pair_coeff lines for LAMMPS types 1, 2, ... of these elements.

        A potential that has no active set is never asked for a grading.
        """


@dataclass(frozen=True)
class SegmentInput:
    """One segment: from where, to which step, and what to write on the way.

    Attributes
    ----------
    parameters
        What decides the physics.
    elements
        The element of each LAMMPS type.
    target_step
        The step to run up to.
    frame_interval, thermo_interval, restart_interval
        In steps.
    restart
        The restart file to continue from. None starts from the data file: relaxes it and draws
        velocities.
    walltime
        Seconds after which LAMMPS stops by itself and leaves a restart; None for no limit.
    first_step
        What to call the step that the run begins with. None leaves it at that of the restart
        file, or at 0.
    velocity_seed
        Draw velocities with this seed and relax nothing: for a data file that is a stored frame.
    grading
        Extrapolation grades, where the potential has an active set. The relaxation before the
        first step is not graded.
    """

    parameters: MDParameters
    elements: tuple[str, ...]
    target_step: int
    frame_interval: int
    thermo_interval: int
    restart_interval: int
    restart: Path | None = None
    walltime: float | None = None
    first_step: int | None = None
    velocity_seed: int | None = None
    grading: SegmentGrading | None = None

    def text(self, potential: PairPotential) -> str:
        """The input script."""
        return "\n".join(
            [
                "units metal",
                "atom_style atomic",
                "boundary p p p",
                f"read_restart {self.restart.name}" if self.restart else f"read_data {DATA}",
                *potential.pair_lines(self.elements),
                NEIGHBOR,
                "neigh_modify every 1 delay 0 check yes",
                f"timestep {self.parameters.timestep / 1000:.17g}",
                *([] if self.restart else self._start()),
                *([] if self.first_step is None else [f"reset_timestep {self.first_step}"]),
                *self._grades(potential),
                self._motion(),
                *self._output(),
                # A file of this name ends the run as if it were complete: with its restart.
                f"variable stop equal is_file({STOP})",
                f"fix stop all halt {STOP_EVERY} v_stop != 0 error continue message no",
                f"run {self.target_step} upto",
                f"write_restart {RESTART}.end",
                f'print "$(step)" file {END} screen no',
                "",
            ]
        )

    def _start(self) -> list[str]:
        p = self.parameters
        seed, relax = self.velocity_seed, []
        if seed is None:
            seed = p.seed
            if p.relax_steps:
                steps = p.relax_steps
                relax = [f"minimize 0.0 0.05 {steps} {10 * steps}", "reset_timestep 0"]
        velocity = f"velocity all create {p.temperature:.17g} {seed} mom yes rot no dist gaussian"
        return [*relax, velocity]

    def _grades(self, potential: PairPotential) -> list[str]:
        """Our own pair style once more, now with grades, and what writes them."""
        if self.grading is None:
            return []
        again: list[str] = []
        if self.grading.pair is not None:
            graded = potential.pair_lines(self.elements, self.grading.pair)
            again = [line for line in graded if not line.startswith("plugin ")]
        return again + self.grading.lines(self.thermo_interval)

    def _motion(self) -> str:
        p = self.parameters
        heat = f"temp {p.temperature:.17g} {p.temperature:.17g} {p.thermostat_damping / 1000:.17g}"
        if p.pressure is None:
            return f"fix motion all nvt {heat}"
        press = f"{p.pressure:.17g} {p.pressure:.17g} {p.barostat_damping / 1000:.17g}"
        return f"fix motion all npt {heat} aniso {press}"

    def _output(self) -> list[str]:
        values = " ".join(f"$({word}:%.10g)" for word in _THERMO_KEYWORDS)
        return [
            f"dump frames all custom {self.frame_interval} {DUMP} {COLUMNS}",
            "dump_modify frames sort id",
            f"thermo {self.thermo_interval}",
            f"thermo_style custom step {' '.join(_THERMO_KEYWORDS)}",
            f'fix thermo all print {self.thermo_interval} "$(step) {values}" '
            f'file {THERMO} screen no title "# step {" ".join(THERMO_COLUMNS)}"',
            f"restart {self.restart_interval} {RESTART}.*",
            *([f"timer timeout {self.walltime:.0f} every {STOP_EVERY}"] if self.walltime else []),
        ]


def lammps_elements(symbols: Sequence[str]) -> tuple[str, ...]:
    """The element of each LAMMPS type, in the order pymatgen's LammpsData gives them."""
    from pymatgen.core import Element

    return tuple(str(element) for element in sorted(Element(symbol) for symbol in set(symbols)))


def write_data(atoms: Atoms, path: Path, types: Sequence[str] | None = None) -> None:
    """Write a structure as a LAMMPS data file of atom_style atomic.

    Parameters
    ----------
    types
        The element of each LAMMPS type. Default: `lammps_elements` of the structure.
    """
    from ase.io import write

    bare = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    order = list(types if types is not None else lammps_elements(list(atoms.symbols)))
    write(path, bare, format="lammps-data", specorder=order, masses=True, atom_style="atomic")
