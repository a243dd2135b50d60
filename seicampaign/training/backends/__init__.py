"""Ways to fit a potential, behind one interface: our trainer, motep, MLIP-2's `mlp`."""

from __future__ import annotations

from seicampaign.errors import TrainingError, unknown
from seicampaign.training.backends.base import FitBackend, FitSettings, Fitted, LossWeights
from seicampaign.training.backends.mlip2 import MLIP2Backend
from seicampaign.training.backends.motep import MotepBackend
from seicampaign.training.backends.native import NativeBackend

__all__ = ["BACKENDS", "FitBackend", "FitSettings", "Fitted", "LossWeights", "backend"]

BACKENDS: dict[str, FitBackend] = {
    "native": NativeBackend(),
    "motep": MotepBackend(),
    "mlip2": MLIP2Backend(),
}


def backend(name: str) -> FitBackend:
    """A backend by its name.

    Raises
    ------
    TrainingError
        If there is none of that name.
    """
    if name not in BACKENDS:
        raise TrainingError(unknown("fit backend", name, BACKENDS))
    return BACKENDS[name]
