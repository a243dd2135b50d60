"""motep, as a program of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from ase import Atoms

from seicampaign.errors import TrainingError
from seicampaign.training.backends import program
from seicampaign.training.backends.base import FitSettings, Fitted
from seicampaign.training.fit import Progress

SETTING = "motep.toml"


class MotepBackend:
    """``motep train`` with BFGS, on one core."""

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
        if find_spec("motep") is None:
            raise TrainingError(
                "motep is not installed here. Install it with `pip install 'seicampaign[train]'`, "
                "or use the backend 'native'."
            )
        start = program.prepare(training, settings, directory, threads)
        (directory / SETTING).write_text(_setting(settings))
        command = [sys.executable, "-m", "motep", "train", SETTING]
        status = program.run(command, directory)
        mtp = program.read_fitted(command, status, start, training, settings, directory)
        return Fitted(
            mtp, None, f"{settings.max_iterations} iterations or less", program.notes(training)
        )


def _setting(settings: FitSettings) -> str:
    weights = settings.weights
    return f"""\
[common]
species = {list(range(len(settings.species)))}
seed = {settings.seed + 1}

[configurations]
training = ["{program.TRAINING}"]

[potentials]
initial = "{program.START}"
final = "{program.FITTED}"

[loss]
energy_weight = {weights.energy}
forces_weight = {weights.forces}
stress_weight = {weights.stress}

[[steps]]
method = "minimize"
[steps.kwargs]
method = "BFGS"
[steps.kwargs.options]
maxiter = {settings.max_iterations}
"""
