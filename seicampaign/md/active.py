"""The active set of a potential: chosen once from the configurations it was trained on."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from seicampaign.errors import PotentialError
from seicampaign.mtp.build import has_compiler
from seicampaign.settings import settings
from seicampaign.trajectory.sources import iread_atoms

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.mtp import Potential
    from seicampaign.mtp.grade import ActiveSet


def training_file(potential: Potential) -> Path | None:
    """The configurations a potential was trained on, where its metadata names a file of them.

    A file that is missing, or is not what it was when the potential was trained, gives a warning
    and None: grades against other configurations would mislead, and MD goes without.
    """
    data = potential.metadata.get("data", {})
    name = data.get("file")
    if name is None:
        return None
    path, wanted = potential.path.parent / name, data.get("sha256")
    if not path.is_file():
        said = "it is not there"
    elif wanted is not None and _digest(path) != wanted:
        said = f"its SHA-256 is {_digest(path)}, not {wanted}"
    else:
        return path
    warnings.warn(
        f"Potential {potential.name!r} was trained on {path}, but {said}: no extrapolation grades.",
        stacklevel=2,
    )
    return None


def training_active_set(potential: Potential) -> ActiveSet | None:
    """The active set of the configurations a potential was trained on.

    It is chosen once on a machine and kept in its cache.

    Returns
    -------
    ActiveSet or None
        None if there is no such file: see `training_file`. None, with a warning, where there is
        no compiler for the kernel that grades.

    Raises
    ------
    PotentialError
        If the file cannot be read.
    """
    from seicampaign.mtp.grade import ActiveSet, active_set

    path = training_file(potential)
    if path is None:
        return None
    if not has_compiler():
        warnings.warn(
            f"There is no C++ compiler ({settings().cxx}): no extrapolation grades with potential "
            f"{potential.name!r} until it is used where there is one.",
            stacklevel=2,
        )
        return None
    kept = settings().cache / "active-sets" / f"{potential.hash}-{_digest(path)[:20]}.npz"
    if kept.is_file():
        return ActiveSet.load(kept, potential.mtp)
    chosen = active_set(potential.mtp, potential.species, read_configurations(path, potential))
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}")
    chosen.save(partial)
    partial.replace(kept)
    return chosen


def read_configurations(path: Path, potential: Potential) -> list[Atoms]:
    """Configurations of an MLIP-2 ``.cfg`` file, or of any file that ASE reads.

    Raises
    ------
    PotentialError
        If it cannot be read.
    """
    from seicampaign.mtp.cfg import read_cfg

    if path.suffix == ".cfg":
        return list(read_cfg(path, potential.species))
    try:
        return list(iread_atoms(path))
    except Exception as error:  # whatever ASE's many readers raise
        raise PotentialError(
            f"The training configurations {path} cannot be read: {error}"
        ) from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
