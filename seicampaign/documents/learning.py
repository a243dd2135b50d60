"""An active-learning loop as it is declared: where it looks, and what it may cost."""

from __future__ import annotations

from typing import Any

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from seicampaign.documents.identity import NAME, content_hash
from seicampaign.documents.simulation import PotentialReference
from seicampaign.md.grade import GradeSettings
from seicampaign.md.parameters import MDParameters
from seicampaign.structures import InterfaceSpec, build_interface, crystal, label_cells


class Start(BaseModel):
    """A structure that MD begins from: an interface, a small contact, or a block of a crystal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interface: dict[str, Any] | None = Field(None, description="InterfaceSpec fields")
    contact: str | None = Field(None, description="electrolyte of a label-size contact")
    anode_layers: int = Field(2, ge=2, le=5, description="of a contact")
    crystal: str | None = Field(None, description="a crystal of the library")
    repeat: tuple[int, int, int] = Field((1, 1, 1), description="of a crystal")
    seed: int = Field(0, ge=0, description="of the disorder, where there is any")
    kind: str | None = Field(None, description="of the labels; by default interface or bulk")

    @model_validator(mode="after")
    def _one_of_them(self) -> Start:
        given = [self.interface, self.contact, self.crystal]
        if sum(one is not None for one in given) != 1:
            raise ValueError("a start is one of `interface`, `contact` and `crystal`")
        return self

    @property
    def title(self) -> str:
        """For people."""
        if self.crystal is not None:
            return f"{self.crystal} {'x'.join(map(str, self.repeat))}"
        return f"contact {self.contact or InterfaceSpec(**(self.interface or {})).electrolyte}"

    @property
    def label_kind(self) -> str:
        """The kind that labels from here are filed under."""
        return self.kind or ("bulk" if self.crystal is not None else "interface")

    def build(self) -> Atoms:
        """The atoms.

        Raises
        ------
        StructureError
            If it cannot be built.
        """
        if self.crystal is not None:
            return crystal(self.crystal, seed=self.seed, repeat=self.repeat)
        if self.contact is None:
            return build_interface(InterfaceSpec(**(self.interface or {})))
        cells = label_cells(self.contact, seed=self.seed)
        return cells[min(self.anode_layers - 2, len(cells) - 1)]


class Exploration(BaseModel):
    """One MD run of a loop: what it is decides its identity, so that it is run once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Start
    potential: PotentialReference
    md: MDParameters
    length: PositiveFloat = Field(description="ps")
    grade: GradeSettings

    @property
    def id(self) -> str:
        """The identity; the potential counts by its content."""
        fields = self.model_dump(mode="json", exclude_defaults=True)
        return content_hash("exploration", fields | {"potential": self.potential.hash})

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.start.title}, {self.md.temperature:g} K, {self.length:g} ps"


class LearningSpec(BaseModel):
    """A loop of MD, selection, labels and fits on one data set.

    It ends when every start has run for `length` at every temperature without a grade over
    `threshold`, or when `budget` labels have been asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    dataset: str = Field(pattern=NAME)
    starts: list[Start] = Field(min_length=1)
    temperatures: list[PositiveFloat] = Field(min_length=1, description="K")
    pressure: float | None = Field(1.0, description="bar; null is NVT")
    length: PositiveFloat = Field(description="ps of each run that must pass")
    threshold: PositiveFloat = Field(2.0, description="grade over which a run does not pass")
    limit: PositiveFloat = Field(10.0, description="grade over which a run ends")
    every: int = Field(10, ge=1, description="steps between grades")
    budget: int = Field(ge=0, description="labels that may be asked for in all")
    per_round: int = Field(10, ge=1, description="labels of one round")
    max_atoms: int = Field(110, ge=1, description="of a label cell")
    max_rounds: int = Field(40, ge=1)
    seed: int = Field(1, ge=1)
    timestep: PositiveFloat = Field(1.0, description="fs")

    @model_validator(mode="after")
    def _limit_over_threshold(self) -> LearningSpec:
        if self.limit < self.threshold:
            raise ValueError(
                f"limit ({self.limit:g}) is under threshold ({self.threshold:g}): every run would "
                "end before anything is selected"
            )
        return self

    def explorations(self, potential: PotentialReference, number: int) -> list[Exploration]:
        """The runs of a round, each with velocities of its own.

        Parameters
        ----------
        number
            Of the round, from 0.
        """
        grade = GradeSettings(every=self.every, select=self.threshold, limit=self.limit, keep=20)
        return [
            Exploration(
                start=start,
                potential=potential,
                md=MDParameters(
                    temperature=temperature,
                    pressure=self.pressure,
                    ensemble="nvt" if self.pressure is None else "npt",
                    seed=self.seed + number,
                    timestep=self.timestep,
                ),
                length=self.length,
                grade=grade,
            )
            for start in self.starts
            for temperature in self.temperatures
        ]
