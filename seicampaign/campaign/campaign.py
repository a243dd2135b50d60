"""The campaign: electrolytes x temperatures x pressures x seeds x sizes, and a potential."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails

from seicampaign.campaign.potential import PotentialSpec, inside, read_potential
from seicampaign.documents import PotentialReference, Sampling, Simulation
from seicampaign.documents.identity import NAME
from seicampaign.errors import CampaignError
from seicampaign.md.parameters import MDParameters
from seicampaign.structures import InterfaceSpec, crystal, record
from seicampaign.structures.library import composition

if TYPE_CHECKING:
    from seicampaign.campaign.launch import LaunchReport
    from seicampaign.campaign.run import Progress
    from seicampaign.campaign.status import CampaignStatus
    from seicampaign.md.potentials import LammpsPotential
    from seicampaign.mtp import Potential
    from seicampaign.store import CampaignStore

FIELDS_OF: dict[str, type[BaseModel]] = {"md": MDParameters, "interface": InterfaceSpec}
"""Keys that hold fields of a model, of which a campaign declares a part."""


class Exemption(BaseModel):
    """Simulations of the matrix that are run otherwise than the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: dict[str, Any] = Field(min_length=1, description="conditions, e.g. {temperature: 400}")
    timestep: PositiveFloat | None = Field(None, description="fs")
    length: PositiveFloat | None = Field(None, description="ps")

    @field_validator("where")
    @classmethod
    def _known_conditions(cls, where: dict[str, Any]) -> dict[str, Any]:
        from seicampaign.errors import unknown

        known = ("electrolyte", "anode", "supercell", "temperature", "pressure", "seed")
        for name in where:
            if name not in known:
                raise ValueError(unknown("condition", name, known))
        return where

    def matches(self, conditions: dict[str, Any]) -> bool:
        """Whether a simulation's conditions are those named."""
        return all(conditions[name] == value for name, value in self.where.items())


class Campaign(BaseModel):
    """A study, declared.

    Every combination of electrolyte, supercell, temperature, pressure and seed is a simulation.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    description: str = ""
    electrolytes: list[str | dict[str, Any]] = Field(
        min_length=1, description="names, CIF files, or mappings of InterfaceSpec fields"
    )
    anode: str = "Li"
    supercells: list[tuple[int, int]] = Field([(1, 1)], min_length=1)
    temperatures: list[PositiveFloat] = Field(min_length=1, description="K")
    pressures: list[float | None] = Field([1.0], min_length=1, description="bar; null is NVT")
    seeds: list[int] = Field([1], min_length=1)
    length: PositiveFloat = Field(description="ps of each simulation")
    potential: PotentialSpec = "LiPSCl-level8"
    allow_unapproved: bool = Field(
        False, description="run with a potential that has not passed its tests; curves say so"
    )
    interface: dict[str, Any] = Field({}, description="InterfaceSpec fields for all electrolytes")
    md: dict[str, Any] = Field({}, description="MDParameters fields beside T, p, seed")
    sampling: Sampling = Sampling()
    exceptions: list[Exemption] = []

    _folder: Path | None = PrivateAttr(None)

    @field_validator(*FIELDS_OF)
    @classmethod
    def _known_fields(cls, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        known = FIELDS_OF[str(info.field_name)].model_fields
        wrong = [
            InitErrorDetails(type="extra_forbidden", loc=(key,), input=value)
            for key, value in given.items()
            if key not in known
        ]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return given

    @classmethod
    def from_file(cls, path: str | Path) -> Campaign:
        """Read a campaign from a YAML file.

        Raises
        ------
        CampaignError
            If the file cannot be read or holds a wrong key or value; with its line.
        """
        from seicampaign.campaign.read import read_campaign

        campaign = read_campaign(cls, Path(path))
        campaign._folder = Path(path).resolve().parent
        campaign.simulations()
        return campaign

    def load_potential(self) -> Potential | LammpsPotential:
        """The potential; a relative path counts from the campaign's file."""
        return read_potential(self.potential, self._folder)

    def simulations(self) -> list[Simulation]:
        """Every simulation of the matrix, each once.

        Raises
        ------
        CampaignError
            If a combination cannot be simulated as asked.
        """
        return [simulation for simulation, _ in self._expand()]

    def lengths(self) -> dict[str, int]:
        """The planned steps of each simulation, by its id."""
        return {simulation.id: simulation.md.steps(ps) for simulation, ps in self._expand()}

    def _expand(self) -> list[tuple[Simulation, float]]:
        potential = self.load_potential()
        reference = PotentialReference(name=potential.name, hash=potential.hash)
        found: dict[str, tuple[Simulation, float]] = {}
        try:
            for interface in self._interfaces():
                for conditions in self._conditions():
                    simulation, length = self._one(interface, conditions, reference)
                    found.setdefault(simulation.id, (simulation, length))
        except ValidationError as error:
            from seicampaign.campaign.read import explain

            raise CampaignError(f"Campaign {self.name!r}: {explain(error, MDParameters)}") from None
        interfaces = [simulation.interface for simulation, _ in found.values()]
        for name in {part for spec in interfaces for part in (spec.electrolyte, spec.anode)}:
            elements = _elements(name)
            potential.require(elements)
            if "Li" not in elements:
                raise CampaignError(
                    f"Campaign {self.name!r}: {name} holds no Li, only {', '.join(elements)}. Both "
                    "the electrolyte and the anode of an interphase of lithium do: is it the right "
                    "file?"
                )
        return list(found.values())

    def _interfaces(self) -> list[InterfaceSpec]:
        specs = []
        for entry in self.electrolytes:
            fields = {"electrolyte": entry} if isinstance(entry, str) else entry
            for supercell in self.supercells:
                common = {"anode": self.anode, "supercell": supercell, **self.interface}
                specs.append(InterfaceSpec(**self._located(common | fields)))
        return specs

    def _located(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Relative CIF files count from the campaign's own file."""
        if self._folder is None:
            return fields
        for part in ("electrolyte", "anode"):
            name = str(fields.get(part, ""))
            if name.lower().endswith(".cif"):
                fields[part] = str(inside(self._folder, Path(name)))
        return fields

    def _conditions(self) -> list[dict[str, Any]]:
        return [
            {"temperature": temperature, "pressure": pressure, "seed": seed}
            for temperature in self.temperatures
            for pressure in self.pressures
            for seed in self.seeds
        ]

    def _one(
        self,
        interface: InterfaceSpec,
        conditions: dict[str, Any],
        reference: PotentialReference,
    ) -> tuple[Simulation, float]:
        ensemble = "nvt" if conditions["pressure"] is None else "npt"
        fields = {"ensemble": ensemble} | self.md | conditions
        length = self.length
        everything = {
            "electrolyte": interface.electrolyte,
            "anode": interface.anode,
            "supercell": list(interface.supercell),
            **conditions,
        }
        for exception in self.exceptions:
            if exception.matches(everything):
                length = exception.length or length
                if exception.timestep is not None:
                    fields["timestep"] = exception.timestep
        md = MDParameters.model_validate(fields)
        return Simulation(interface=interface, potential=reference, md=md), length

    def launch(self, store: CampaignStore) -> LaunchReport:
        """Put what is missing into the LaunchPad.

        Returns
        -------
        LaunchReport
            How many simulations were new, extended and unchanged.

        Raises
        ------
        CampaignError
            If the potential is not approved and `allow_unapproved` is not set.
        """
        from seicampaign.campaign.launch import launch

        with store.explained("written"):
            return launch(self, store)

    def run(
        self, store: CampaignStore, *, workers: int | None = None, progress: Progress | None = None
    ) -> CampaignStatus:
        """Launch, and work it off on this machine.

        Parameters
        ----------
        workers
            Simulations at a time. Default: one per processor core and MPI rank.
        progress
            Called about once a second with the campaign's status. Default: a display on a
            terminal, nothing elsewhere.
        """
        from seicampaign.campaign.run import run

        return run(self, store, workers=workers, progress=progress)

    def status(self, store: CampaignStore) -> CampaignStatus:
        """How far each simulation of the campaign is."""
        from seicampaign.campaign.status import campaign_status

        with store.explained("read"):
            return campaign_status(store, self.name)


def _elements(name: str) -> list[str]:
    """The elements of a crystal; one of the user's is built, to see at once whether it can be."""
    if name.lower().endswith(".cif"):
        return sorted(set(crystal(name).symbols))
    return sorted(composition(record(name).formula))
