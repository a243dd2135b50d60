"""How the LAMMPS program of this machine is called."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from seicampaign.errors import EngineError
from seicampaign.mtp import fallback
from seicampaign.mtp.plugin import lammps_program
from seicampaign.settings import settings


def lammps_call(script: str, name: str, log: str) -> tuple[list[str], dict[str, str]]:
    """The command that runs an input, and its environment.

    Parameters
    ----------
    script, name
        The input's text and its file name in the working directory.
    log
        Where LAMMPS writes its log.
    """
    if fallback.MARK in script:  # lines that need Python between them, on a single rank
        return fallback.command(name)
    return [*lammps_command(), "-in", name, "-log", log, "-screen", "none"], dict(os.environ)


def lammps_command() -> list[str]:
    """LAMMPS as it is called here, with the MPI launcher when the settings ask for ranks.

    Raises
    ------
    EngineError
        If there is no LAMMPS, or no launcher for its ranks.
    """
    s = settings()
    program = str(lammps_program())
    if s.mpi_ranks == 1:
        return [program]
    launcher = Path(sys.executable).with_name(s.mpirun)
    found = str(launcher) if launcher.is_file() else shutil.which(s.mpirun)
    if found is None:
        raise EngineError(
            f"There is no MPI launcher {s.mpirun!r} for {s.mpi_ranks} ranks. Install "
            "seicampaign[local], name yours in SEICAMPAIGN_MPIRUN, or ask for one rank."
        )
    return [found, "-np", str(s.mpi_ranks), program]
