"""The trainer of this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ase import Atoms

from seicampaign.mtp.model import MTP
from seicampaign.training.backends.base import FitSettings, Fitted, LossWeights
from seicampaign.training.fit import FitResult, Progress, fit
from seicampaign.training.loss import Weights


class NativeBackend:
    """`seicampaign.training.fit`."""

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
        result = fitted(training, validation, settings, threads, checkpoint, callback)
        return Fitted(result.mtp, result.iterations, result.stopped)


def fitted(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: FitSettings,
    threads: int | None = None,
    checkpoint: Path | None = None,
    callback: Callable[[Progress], object] | None = None,
    max_iterations: int | None = None,
    start: MTP | None = None,
) -> FitResult:
    """The result of a native fit with settings."""
    return fit(
        [_weighed(atoms, settings.weights) for atoms in (*training, *validation)],
        level=settings.level,
        species=settings.species,
        cutoff=settings.cutoff,
        min_dist=settings.min_dist,
        radial_basis_size=settings.radial_basis_size,
        seed=settings.seed,
        validation=range(len(training), len(training) + len(validation)),
        max_iterations=max_iterations or settings.max_iterations,
        patience=settings.patience,
        tolerance=settings.tolerance,
        weights=Weights(**settings.weights.model_dump(exclude={"typical_force", "most"})),
        ridge=settings.ridge,
        threads=threads,
        checkpoint=checkpoint,
        callback=callback,
        start=start,
    )


def _weighed(atoms: Atoms, weights: LossWeights) -> Atoms:
    """The configuration with the weight that its forces give it, times the one it has."""
    if weights.typical_force is None:
        return atoms
    other = atoms.copy()
    other.calc = atoms.calc
    other.info["weight"] = weights.of(atoms) * atoms.info.get("weight", 1.0)
    return other
