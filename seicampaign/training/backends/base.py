"""What every way to fit a potential has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from seicampaign.errors import TrainingError, unknown
from seicampaign.mtp.model import MTP
from seicampaign.training.fit import Progress

Name = Literal["native", "motep", "mlip2"]


class LossWeights(BaseModel):
    """Weights of the loss, as of `seicampaign.training.Weights`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    energy: float = Field(1.0, ge=0)
    forces: float = Field(0.01, ge=0)
    stress: float = Field(0.001, ge=0)
    shear: float = Field(0.0001, ge=0, description="native alone; the others use `stress`")
    kinds: dict[str, float] = Field(default_factory=dict, description="native alone")
    typical_force: float | None = Field(
        None,
        gt=0,
        description="eV/A. A configuration whose forces have the root mean square f counts "
        "(typical_force / f)^2 times, but no more than `most`; native alone",
    )
    most: float = Field(4.0, gt=0)

    def of(self, atoms: Atoms) -> float:
        """The weight of a configuration by its forces."""
        if self.typical_force is None:
            return 1.0
        squared = float(np.mean(np.square(atoms.calc.results["forces"])))
        return min(self.most, self.typical_force**2 / max(squared, 1e-12))


class FitSettings(BaseModel):
    """All that decides a fit, but for its labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    species: tuple[str, ...] = Field(("Li", "P", "S", "Cl"), description="In the file's order.")
    level: int = 8
    cutoff: float = Field(5.0, gt=0, description="Angstrom")
    min_dist: float | None = Field(None, description="Angstrom; None: from the shortest distance")
    radial_basis_size: int = 8
    weights: LossWeights = LossWeights()
    max_iterations: int = Field(1000, ge=1)
    patience: int = Field(200, ge=1, description="native alone")
    tolerance: float = Field(1e-5, description="native alone")
    ridge: float = Field(1e-6, gt=0, description="of the linear coefficients; native alone")
    seed: int = Field(0, ge=0, description="Of the first radial coefficients.")
    backend: Name = "native"

    @field_validator("species")
    @classmethod
    def _elements_are_named_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from ase.data import atomic_numbers

        for symbol in value:
            if atomic_numbers.get(symbol, 0) == 0:
                raise ValueError(f"{symbol!r} is no element")
            if value.count(symbol) > 1:
                raise ValueError(f"{symbol!r} is named twice")
        return value

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> FitSettings:
        """Settings from fields that a person wrote.

        Raises
        ------
        TrainingError
            Naming each field that does not exist or cannot be used.
        """
        for name in fields:
            if name not in cls.model_fields:
                raise TrainingError(unknown("fit setting", name, cls.model_fields))
        try:
            return cls(**fields)
        except ValidationError as error:
            reasons = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise TrainingError(f"The fit settings cannot be used. {'; '.join(reasons)}.") from None


@dataclass(frozen=True)
class Fitted:
    """What a backend returns.

    Attributes
    ----------
    mtp
        The potential.
    iterations
        How many were made, where the backend tells.
    stopped
        Why it ended.
    notes
        What of the settings or the labels the backend could not use.
    """

    mtp: MTP
    iterations: int | None
    stopped: str
    notes: list[str] = field(default_factory=list)


class FitBackend(Protocol):
    """One way to fit a potential.

    It returns a trained potential with finite coefficients for the settings' species, in their
    order, or raises TrainingError with the reason.
    """

    def fit(
        self,
        training: Sequence[Atoms],
        validation: Sequence[Atoms],
        settings: FitSettings,
        directory: Path,
        *,
        threads: int | None = None,
        checkpoint: Path | None = None,
        callback: Callable[[Progress], object] | None = None,
    ) -> Fitted:
        """Fit to labelled configurations.

        Parameters
        ----------
        training, validation
            What is fitted to, and what decides when to stop; the second may be empty.
        directory
            Where files may be written.
        threads
            By default one for each processor.
        checkpoint
            A file to go on from, where the backend can.
        callback
            Is called after each iteration, where the backend can.
        """
        ...
