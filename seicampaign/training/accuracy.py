"""Errors of a potential on labelled configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from ase import Atoms, units

from seicampaign.mtp.model import MTP
from seicampaign.training.loss import LabelledSet, Predictions


@dataclass(frozen=True)
class Errors:
    """Root mean square errors over some configurations.

    Parameters
    ----------
    configurations, atoms
        How many.
    energy
        Of the energy per atom, meV/atom.
    forces
        Of a component, eV/Angstrom.
    stress
        Of the components xx, yy, zz, GPa; NaN where no configuration has a stress.
    shear
        Of the components yz, xz, xy, GPa.
    """

    configurations: int
    atoms: int
    energy: float
    forces: float
    stress: float
    shear: float

    def as_dict(self) -> dict[str, float]:
        """The errors by name, in the units of the class."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.energy:.2f} meV/atom, {self.forces:.4f} eV/A, {self.stress:.3f} GPa "
            f"({self.configurations} configurations)"
        )


def errors_of(
    labelled: LabelledSet, predictions: Predictions, configurations: Sequence[int] | None = None
) -> Errors:
    """Errors of predictions, over all or some of the configurations of a set."""
    chosen = np.arange(len(labelled)) if configurations is None else np.asarray(configurations)
    energy = (predictions.energies - labelled.energies) / labelled.sizes
    of_atom = np.repeat(np.arange(len(labelled)), labelled.sizes)
    forces = (predictions.forces - labelled.forces)[np.isin(of_atom, chosen)]
    with_stress = chosen[labelled.has_stress[chosen]]
    stress = (predictions.virials - labelled.virials)[with_stress]
    stress = stress / labelled.volumes[with_stress, None] / units.GPa
    return Errors(
        configurations=len(chosen),
        atoms=int(labelled.sizes[chosen].sum()),
        energy=1000 * _rms(energy[chosen]),
        forces=_rms(forces),
        stress=_rms(stress[:, :3]),
        shear=_rms(stress[:, 3:]),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")


def errors_by_kind(
    mtp: MTP, species: Sequence[str], configurations: Sequence[Atoms], *, threads: int = 1
) -> dict[str, Errors]:
    """Errors of a potential for each ``info["kind"]``, and for ``"all"``.

    Parameters
    ----------
    mtp
        A trained potential.
    species
        Its elements, in order.
    configurations
        Labelled configurations, best those it was not trained on.
    threads
        Threads of the kernel.

    Raises
    ------
    TrainingError
        If a configuration cannot be used, with its index and the reason.
    """
    labelled = LabelledSet(configurations, species, cutoff=mtp.max_dist)
    predictions = labelled.predict(mtp, threads=threads)
    kinds = [str(atoms.info.get("kind", "unknown")) for atoms in configurations]
    errors = {
        kind: errors_of(labelled, predictions, [i for i, k in enumerate(kinds) if k == kind])
        for kind in sorted(set(kinds))
    }
    return errors | {"all": errors_of(labelled, predictions)}
