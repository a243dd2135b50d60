"""Trainers that are programs: a start, labels, a command, and distrust of what it leaves.

The start is our own first guess: radial functions from the seed, linear coefficients solved for.
So the seed decides the same in every backend, and a program that did nothing is found out.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from seicampaign.errors import PotentialError, TrainingError
from seicampaign.mtp import read_mtp, write_cfg, write_mtp
from seicampaign.mtp.model import MTP
from seicampaign.training.backends.base import FitSettings
from seicampaign.training.backends.native import fitted
from seicampaign.training.loss import LabelledSet, Weights

START, FITTED, TRAINING, LOG = "start.mtp", "fitted.mtp", "training.cfg", "training.log"
_TAIL = 15


def prepare(
    training: Sequence[Atoms], settings: FitSettings, directory: Path, threads: int | None
) -> MTP:
    """Write the start and the labels; what was fitted before is removed.

    Raises
    ------
    TrainingError
        If the labels cannot be used, or the settings ask for what only our trainer has.
    """
    if settings.weights.kinds or settings.weights.typical_force is not None:
        raise TrainingError(
            f"The backend {settings.backend!r} knows no weights of configurations. Leave "
            "weights.kinds and weights.typical_force out, or use the backend 'native'."
        )
    labels = [plain(atoms) for atoms in training]
    start = fitted(labels, [], settings, threads, max_iterations=1).mtp
    write_mtp(directory / START, start)
    write_cfg(directory / TRAINING, labels, settings.species)
    (directory / FITTED).unlink(missing_ok=True)
    return start


def plain(atoms: Atoms) -> Atoms:
    """The configuration without what no trainer reads."""
    bare = atoms.copy()
    bare.info = {}
    bare.calc = atoms.calc
    return bare


def notes(training: Sequence[Atoms]) -> list[str]:
    """What of the labels these programs do not use."""
    weighed = sum("weight" in atoms.info for atoms in training)
    return [f"the weights of {weighed} configurations were left out"] if weighed else []


def run(command: Sequence[str], directory: Path, log: str = LOG) -> int:
    """Run a program in a directory, its output in a log there; return its exit status.

    Raises
    ------
    TrainingError
        If it cannot be started.
    """
    try:
        with (directory / log).open("w") as stream:
            done = subprocess.run(
                command, cwd=directory, stdout=stream, stderr=subprocess.STDOUT, check=False
            )
    except OSError as error:
        raise TrainingError(f"{command[0]} cannot be started: {error.strerror}.") from error
    return done.returncode


def failure(what: str, command: Sequence[str], status: int, directory: Path, log: str = LOG) -> str:
    """A sentence on a program that failed, and the end of what it said."""
    said = (directory / log).read_text(errors="replace").strip().splitlines()[-_TAIL:]
    text = "\n".join(said) or "(nothing)"
    return (
        f"{' '.join(command[:2])} {what} (exit status {status}, in {directory}). The end of its "
        f"output:\n{text}"
    )


def read_fitted(
    command: Sequence[str],
    status: int,
    start: MTP,
    training: Sequence[Atoms],
    settings: FitSettings,
    directory: Path,
) -> MTP:
    """The potential that a program wrote, if it is one and better than the start.

    Raises
    ------
    TrainingError
        If the file is missing, broken, untrained, not finite, of another form, not changed, or
        worse on the training labels than what it started from.
    """

    def refusal(what: str) -> TrainingError:
        return TrainingError(failure(what, command, status, directory))

    if status != 0:
        raise refusal("failed")
    if not (directory / FITTED).is_file():
        raise refusal("wrote no potential")
    try:
        mtp = read_mtp(directory / FITTED)
    except PotentialError as error:
        raise refusal(f"wrote a potential that cannot be used: {error}") from None
    if not mtp.trained:
        raise refusal("wrote an untrained potential")
    if not _same_form(mtp, start):
        raise refusal("wrote a potential of another form than the one it was given")
    if mtp.hash == start.hash:
        raise refusal("wrote the potential it started from: it did nothing")
    before, after = _loss(start, training, settings), _loss(mtp, training, settings)
    if not after < before:
        raise refusal(
            f"wrote a potential with a loss of {after:.4g} on its training labels; it started "
            f"from {before:.4g}"
        )
    return mtp


def _same_form(one: MTP, other: MTP) -> bool:
    """Whether two potentials have the same terms; a trainer may update `min_dist`."""
    numbers = ("species_count", "max_dist", "radial_basis_size", "radial_funcs_count")
    tables = ("alpha_index_basic", "alpha_index_times", "alpha_moment_mapping")
    return all(getattr(one, n) == getattr(other, n) for n in numbers) and all(
        np.array_equal(getattr(one, t), getattr(other, t)) for t in tables
    )


def _loss(mtp: MTP, training: Sequence[Atoms], settings: FitSettings) -> float:
    """As these programs have it: one weight for the whole of the stress, none of their own for
    configurations."""
    w = settings.weights
    weights = Weights(energy=w.energy, forces=w.forces, stress=w.stress, shear=w.stress)
    labels = [plain(atoms) for atoms in training]
    labelled = LabelledSet(labels, settings.species, cutoff=settings.cutoff, weights=weights)
    return labelled.predict(mtp).loss
