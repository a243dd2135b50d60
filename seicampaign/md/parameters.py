"""What decides the physics of an MD run, besides the structure and the potential."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class MDParameters(BaseModel):
    """Ensemble, temperature, pressure and integration of one simulation.

    The length of the run is not part of it: a longer run is the same simulation, continued.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(gt=0, le=5000, description="K")
    pressure: float | None = Field(1.0, description="bar; None exactly where ensemble is nvt")
    seed: int = Field(1, ge=1, le=2**31 - 1, description="of the initial velocities")
    timestep: float = Field(1.0, gt=0, le=10, description="fs")
    ensemble: Literal["npt", "nvt"] = "npt"
    thermostat_damping: float = Field(100.0, gt=0, description="fs, Nose-Hoover")
    barostat_damping: float = Field(1000.0, gt=0, description="fs, Nose-Hoover, per box edge")
    relax_steps: int = Field(
        100, ge=0, description="steps of energy minimisation before the first segment"
    )

    @model_validator(mode="after")
    def _pressure_fits_ensemble(self) -> MDParameters:
        if (self.pressure is None) != (self.ensemble == "nvt"):
            raise ValueError(
                f"ensemble {self.ensemble!r} and pressure {self.pressure!r} do not fit: "
                "npt needs a pressure in bar, nvt takes none (pressure: null)"
            )
        return self

    def steps(self, picoseconds: float) -> int:
        """The number of whole timesteps nearest to a time in ps."""
        return round(picoseconds * 1000 / self.timestep)

    def time(self, step: int) -> float:
        """The time in ps of a step."""
        return step * self.timestep / 1000
