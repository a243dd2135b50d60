"""MLIP-2's own `mlp`, which the user brings.

Its exit status says nothing: it is 0 after an unknown command, too few arguments, an empty training
set or an untrained potential. So the potential that it writes is checked, and `mlp` is asked for
the energies of the training set with it: they must be as many as the configurations, and those that
our own kernel gives.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from seicampaign.errors import SEICampaignError, TrainingError
from seicampaign.mtp import read_cfg, write_cfg
from seicampaign.mtp.model import MTP
from seicampaign.settings import settings as machine
from seicampaign.training.backends import program
from seicampaign.training.backends.base import FitSettings, Fitted
from seicampaign.training.fit import Progress
from seicampaign.training.loss import LabelledSet

VALIDATION, CHECK, CHECK_LOG = "validation.cfg", "check.cfg", "check.log"
SAME_ENERGY = 1e-5
"""eV/atom between `mlp` and us, with the six decimals that it writes."""


class MLIP2Backend:
    """``mlp train``, then ``mlp calc-efs`` on what it was trained on."""

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
        start = program.prepare(training, settings, directory, threads)
        command = _command(settings)
        if validation:
            bare = [program.plain(atoms) for atoms in validation]
            write_cfg(directory / VALIDATION, bare, settings.species)
            command.append(f"--valid-cfgs={VALIDATION}")
        status = program.run(command, directory)
        mtp = program.read_fitted(command, status, start, training, settings, directory)
        _check_energies(mtp, training, settings, directory)
        return Fitted(
            mtp, None, f"{settings.max_iterations} iterations or less", program.notes(training)
        )


def _command(settings: FitSettings) -> list[str]:
    weights = settings.weights
    return [
        *shlex.split(machine().mlp),
        "train",
        program.START,
        program.TRAINING,
        f"--trained-pot-name={program.FITTED}",
        f"--max-iter={settings.max_iterations}",
        f"--energy-weight={weights.energy:g}",
        f"--force-weight={weights.forces:g}",
        f"--stress-weight={weights.stress:g}",
    ]


def _check_energies(
    mtp: MTP, training: Sequence[Atoms], settings: FitSettings, directory: Path
) -> None:
    """Ask `mlp` for the energies of the training set; a wrong answer is an error."""
    (directory / CHECK).unlink(missing_ok=True)
    files = [program.FITTED, program.TRAINING, CHECK]
    command = [*shlex.split(machine().mlp), "calc-efs", *files]
    status = program.run(command, directory, CHECK_LOG)

    def refusal(what: str) -> TrainingError:
        return TrainingError(program.failure(what, command, status, directory, CHECK_LOG))

    if status != 0 or not (directory / CHECK).is_file():
        raise refusal("wrote no energies")
    try:
        found = read_cfg(directory / CHECK, settings.species)
    except SEICampaignError as error:
        raise refusal(f"wrote configurations that cannot be used: {error}") from None
    if len(found) != len(training):
        raise refusal(f"wrote {len(found)} configurations of {len(training)}")
    if any("energy" not in (atoms.calc.results if atoms.calc else {}) for atoms in found):
        raise refusal("left energies out")
    labels = [program.plain(atoms) for atoms in training]
    ours = LabelledSet(labels, settings.species, cutoff=settings.cutoff).predict(mtp).energies
    theirs = np.array([atoms.calc.results["energy"] for atoms in found])
    apart = float(np.abs((theirs - ours) / [len(atoms) for atoms in training]).max())
    if apart > SAME_ENERGY:
        raise refusal(
            f"gives energies that are up to {1000 * apart:.3g} meV/atom away from those of the "
            "same file here; is it MLIP-2?"
        )
