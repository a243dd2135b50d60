"""What interface to build: everything that decides its atoms, and nothing else."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from seicampaign.errors import StructureError, unknown
from seicampaign.structures.library import Vector

Lattice = PositiveFloat | tuple[PositiveFloat, PositiveFloat, PositiveFloat]


class InterfaceSpec(BaseModel):
    """An electrolyte between two faces of an anode, periodic in all directions, without vacuum.

    The defaults with ``supercell=(3, 3)`` are Model I of Chaney et al. (2024), with ``(6, 6)``
    Model II. Lengths are in Angstrom.

    Raises
    ------
    StructureError
        If a field is unknown or a value cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    electrolyte: str = Field("Li6PS5Cl", description="A crystal of the library, or a CIF file.")
    anode: str = Field("Li", description="A crystal of the library, or a CIF file.")
    supercell: tuple[PositiveInt, PositiveInt] = Field(
        (1, 1), description="Repeats of the common in-plane cell along x and y."
    )
    electrolyte_thickness: PositiveFloat = Field(
        55.0, description="Thickness of the electrolyte, rounded to whole layers."
    )
    anode_thickness: PositiveFloat = Field(
        63.0, description="Thickness of the anode, rounded to whole layers."
    )
    electrolyte_layers: PositiveInt | None = Field(
        None, description="Repeats of the plane spacing, in place of electrolyte_thickness."
    )
    anode_layers: PositiveInt | None = Field(
        None, description="Repeats of the plane spacing, in place of anode_thickness."
    )
    electrolyte_plane: Vector | None = Field(
        None, description="Miller indices. Default: the known contact's, else searched."
    )
    anode_plane: Vector | None = Field(None, description="Miller indices of the anode's face.")
    electrolyte_lattice: Lattice | None = Field(
        None, description="a, or a, b, c, in place of the library's."
    )
    anode_lattice: Lattice | None = Field(None, description="The same for the anode.")
    gap: PositiveFloat | None = Field(
        None,
        description="Distance between the outermost atomic planes of the two parts. Default: the "
        "smallest at which no two atoms are closer than 1.05 times their covalent radii.",
    )
    max_strain: PositiveFloat = Field(
        0.06, lt=0.2, description="Largest strain of the anode, which alone is strained."
    )
    max_area: PositiveFloat = Field(
        260.0, description="Largest common in-plane cell, square Angstrom, before `supercell`."
    )
    min_width: PositiveFloat = Field(
        9.2, description="Smallest width of the common cell, before `supercell`."
    )
    seed: int = Field(0, ge=0, description="Seed of the disorder; an ordered crystal has none.")

    @field_validator("electrolyte_plane", "anode_plane")
    @classmethod
    def _names_a_plane(cls, plane: Vector | None) -> Vector | None:
        if plane is not None and not any(plane):
            raise ValueError("Miller indices (0, 0, 0) name no plane")
        return plane

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise StructureError(_readable(error)) from None


def _readable(error: ValidationError) -> str:
    """One sentence for each field that cannot be used."""
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if problem["type"] == "extra_forbidden":
            lines.append(unknown("field of an interface", name, InterfaceSpec.model_fields))
        else:
            lines.append(f"{name}: {problem['msg']}, not {problem['input']!r}.")
    return "The interface cannot be built as asked. " + " ".join(lines)
