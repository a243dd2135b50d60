"""A simulation: everything that decides its physics, and so its identity."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from seicampaign.documents.identity import content_hash
from seicampaign.md.grade import GradeSettings
from seicampaign.md.parameters import MDParameters
from seicampaign.structures import InterfaceSpec, spec_hash


class PotentialReference(BaseModel):
    """A potential by name, for people, and by content, for identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hash: str


class Sampling(BaseModel):
    """How often a run writes and is graded, and how it is cut. It changes no atom's path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame_interval: float = Field(1.0, gt=0, description="ps between stored frames")
    thermo_interval: float = Field(0.1, gt=0, description="ps between rows of T, p, energy, volume")
    restart_interval: float = Field(20.0, gt=0, description="ps between restart files")
    segment: float = Field(1000.0, gt=0, description="ps of one segment (one LAMMPS process)")
    grade: GradeSettings | None = Field(
        GradeSettings(), description="extrapolation grades; null for none"
    )

    @model_validator(mode="after")
    def _segment_holds_a_frame(self) -> Sampling:
        if self.segment < self.frame_interval:
            raise ValueError(
                f"a segment of {self.segment} ps holds no frame: frames come every "
                f"{self.frame_interval} ps"
            )
        return self


class Simulation(BaseModel):
    """One run of one interface: what it is, not how long it goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interface: InterfaceSpec
    potential: PotentialReference
    md: MDParameters

    @cached_property
    def id(self) -> str:
        """The identity. Fields left at their defaults do not enter it, and neither does the
        name of the potential: a field that joins later leaves old identities as they are."""
        return content_hash(
            "simulation",
            {
                "interface": self.interface_id,
                "potential": self.potential.hash,
                "md": self.md.model_dump(mode="json", exclude_defaults=True),
            },
        )

    @cached_property
    def interface_id(self) -> str:
        """The identity of the interface alone, which simulations share."""
        return spec_hash(self.interface)

    @property
    def electrolyte(self) -> str:
        """Name of the electrolyte: of the library, or of its CIF without the folder."""
        return _named(self.interface.electrolyte)

    @property
    def anode(self) -> str:
        """Name of the anode, as that of the electrolyte."""
        return _named(self.interface.anode)

    @property
    def supercell(self) -> tuple[int, int]:
        """Repetitions in the plane of the interface."""
        return self.interface.supercell

    @property
    def temperature(self) -> float:
        """K."""
        return self.md.temperature

    @property
    def pressure(self) -> float | None:
        """bar; None at constant volume."""
        return self.md.pressure

    @property
    def seed(self) -> int:
        """Of the initial velocities."""
        return self.md.seed

    @property
    def timestep(self) -> float:
        """fs."""
        return self.md.timestep

    @property
    def title(self) -> str:
        """For people: in workflow names and tables."""
        nx, ny = self.supercell
        pressure = "" if self.pressure is None else f" {self.pressure:g} bar"
        return (
            f"{self.electrolyte}|{self.anode} {nx}x{ny} {self.temperature:g} K{pressure} "
            f"seed {self.seed}"
        )

    def conditions(self) -> dict[str, object]:
        """What tells simulations of a campaign apart, flat, for queries and tables."""
        return {
            "electrolyte": self.electrolyte,
            "anode": self.anode,
            "supercell": list(self.supercell),
            "temperature": self.temperature,
            "pressure": self.pressure,
            "seed": self.seed,
            "timestep": self.timestep,
        }


def _named(crystal: str) -> str:
    return Path(crystal).stem if crystal.lower().endswith(".cif") else crystal
