"""How a campaign names its potential, and where the files it names may be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from seicampaign.errors import CampaignError, PotentialError

if TYPE_CHECKING:
    from seicampaign.md.potentials import LammpsPotential
    from seicampaign.mtp import Potential


class PotentialFile(BaseModel):
    """A potential of the user's own, run by the native kernel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    species: list[str] | None = Field(None, description="in the order of the file's types")
    training: Path | None = Field(
        None, description="what it was trained on (.cfg, .extxyz), for extrapolation grades"
    )


class MlipFile(BaseModel):
    """A potential run by MLIP-2's or MLIP-3's own pair style."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mlip: Path
    species: list[str] = Field(min_length=1, description="in the order of the file's types")
    version: Literal[2, 3] = 2
    name: str | None = None


class LammpsLines(BaseModel):
    """Any pair style, as its LAMMPS lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lines: list[str] = Field(min_length=1, description="pair_style and pair_coeff lines")
    elements: list[str] = Field(min_length=1, description="the elements it knows")
    files: list[Path] = Field([], description="files that the lines name by their last part")
    grade: str | None = Field(
        None, description="what `fix pair` takes for a grade: `pace/extrapolation gamma 1`"
    )
    name: str = "lammps"


def _kind(value: Any) -> str:
    """Which of the ways a value is written in: by the key that only that one has."""
    if isinstance(value, dict):
        return next((tag for key, tag in _KEYS.items() if key in value), "PotentialFile")
    return "str" if isinstance(value, str) else type(value).__name__


_KEYS = {"lines": "LammpsLines", "mlip": "MlipFile", "file": "PotentialFile"}

PotentialSpec = Annotated[
    Annotated[str, Tag("str")]
    | Annotated[PotentialFile, Tag("PotentialFile")]
    | Annotated[MlipFile, Tag("MlipFile")]
    | Annotated[LammpsLines, Tag("LammpsLines")],
    Discriminator(
        _kind,
        custom_error_type="potential",
        custom_error_message="should be a name, or a mapping with `file`, `mlip` or `lines`",
    ),
]


def read_potential(spec: PotentialSpec, folder: Path | None) -> Potential | LammpsPotential:
    """The potential that a campaign names.

    Parameters
    ----------
    folder
        The directory of the campaign's file, from which paths count and which they may not
        leave; None for a campaign made in Python, whose paths are its author's business.

    Raises
    ------
    PotentialError
        If there is no such potential, or it cannot be used.
    CampaignError
        If a path leaves the directory of the campaign's file.
    """
    from seicampaign.md.potentials import LammpsPotential, mlip_potential, read_file
    from seicampaign.mtp import load_potential

    if isinstance(spec, str):
        own = spec.endswith(".mtp") or len(Path(spec).parts) > 1
        return load_potential(inside(folder, Path(spec)) if own else spec)
    if isinstance(spec, MlipFile):
        path = inside(folder, spec.mlip)
        return mlip_potential(path, spec.species, version=spec.version, name=spec.name)
    if isinstance(spec, PotentialFile):
        potential = load_potential(inside(folder, spec.file), species=spec.species)
        if spec.training is None:
            return potential
        training = inside(folder, spec.training).resolve()
        if not training.is_file():
            raise PotentialError(
                f"What {potential.name!r} was trained on is not at {training} (`training`)."
            )
        data = {"file": str(training)}
        return replace(potential, metadata={**potential.metadata, "data": data})
    paths = [inside(folder, path) for path in spec.files]
    files = {path.name: read_file(path) for path in paths}
    if len(files) < len(paths):
        raise PotentialError(
            f"Potential {spec.name!r}: two of its files have one name. They are put into one "
            "directory for LAMMPS: rename one."
        )
    lines, elements = tuple(spec.lines), tuple(spec.elements)
    return LammpsPotential(spec.name, lines, elements, files, grade=spec.grade)


def inside(folder: Path | None, path: Path) -> Path:
    """A path of a campaign file, counted from the file's directory.

    Raises
    ------
    CampaignError
        If it leads out of that directory.
    """
    if folder is None:
        return Path.cwd() / path.expanduser()
    found = folder / path
    if not found.resolve().is_relative_to(folder.resolve()):
        raise CampaignError(
            f"{path} leads out of {folder}, the directory of the campaign's file. A campaign "
            "names only files in its own directory: copy it there."
        )
    return found
