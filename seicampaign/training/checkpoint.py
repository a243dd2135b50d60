"""The state of a fit, and the file it is kept in."""

from __future__ import annotations

import os
import time
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from seicampaign.errors import TrainingError
from seicampaign.mtp.model import FloatArray

INTERVAL = 30.0
"""Seconds between two writes."""


@dataclass
class State:
    """What a fit needs to go on.

    Parameters
    ----------
    current
        Parameters now.
    best, best_loss, best_iteration
        Those of the lowest loss that decides, which is the held-out part's if there is one.
    iteration, seconds
        What was done and how long it took.
    rounds, round_loss
        Rounds that were finished, and the loss at the end of the last.
    start, start_iteration
        Parameters and iteration that the round at hand began with.
    summed, matrix, vector
        Configurations in the round's normal equations, and the equations so far.
    losses, gradients
        Every loss and gradient of the round, in order. A fit that goes on takes them from here, so
        that it goes the same way to the last bit.
    """

    current: FloatArray
    best: FloatArray = field(default_factory=lambda: np.zeros(0))
    best_loss: float = np.inf
    best_iteration: int = 0
    iteration: int = 0
    seconds: float = 0.0
    rounds: int = 0
    round_loss: float = np.inf
    start: FloatArray = field(default_factory=lambda: np.zeros(0))
    start_iteration: int = 0
    summed: int = 0
    matrix: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    vector: FloatArray = field(default_factory=lambda: np.zeros(0))
    losses: list[float] = field(default_factory=list)
    gradients: list[FloatArray] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.best.size:
            self.best = self.current
        if not self.start.size:
            self.start = self.current
        self.losses, self.gradients = list(self.losses), list(self.gradients)

    def next_round(self, loss: float) -> None:
        """End a round with this loss."""
        self.rounds, self.round_loss = self.rounds + 1, loss
        self.start, self.start_iteration, self.summed = self.current, self.iteration, 0
        self.losses, self.gradients = [], []

    def step(self, values: FloatArray, loss: float, seconds: float) -> None:
        """Take note of an iteration."""
        self.iteration += 1
        self.current, self.seconds = values, seconds
        if loss < self.best_loss:
            self.best, self.best_loss, self.best_iteration = values, loss, self.iteration


class Checkpoint:
    """A file with a `State`, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._saved = time.monotonic()
        if not path.parent.is_dir():
            raise TrainingError(f"The directory of the checkpoint {path} does not exist")

    def due(self) -> bool:
        return time.monotonic() - self._saved >= INTERVAL

    def save(self, fingerprint: str, state: State) -> None:
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        values = {f.name: getattr(state, f.name) for f in fields(State)}
        with unfinished.open("wb") as handle:
            np.savez(handle, fingerprint=np.array(fingerprint), **values)
        unfinished.replace(self.path)
        self._saved = time.monotonic()

    def resume(self, fingerprint: str, fresh: State) -> State:
        """The state in the file, or `fresh` where there is no file.

        Raises
        ------
        TrainingError
            If the file is no checkpoint, or one of another fit.
        """
        if not self.path.exists():
            return fresh
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                values = {name: stored[name] for name in stored.files}
            found = str(values.pop("fingerprint"))
            state = State(**{n: v if v.ndim else v.item() for n, v in values.items()})
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise TrainingError(f"{self.path} is no checkpoint of a fit: {error}") from error
        if found != fingerprint:
            raise TrainingError(
                f"The checkpoint {self.path} is of a fit with other labels, weights or settings. "
                "Delete it or name another file."
            )
        return state
