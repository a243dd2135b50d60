"""Fit a moment tensor potential to labels.

The radial coefficients start at random. Then rounds of two steps: the coefficients that are linear
are solved for, and L-BFGS moves all of them, in variables scaled by the curvature of the loss. The
potential that is best on the held-out part is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms

from seicampaign.errors import TrainingError
from seicampaign.mtp.basis import untrained
from seicampaign.mtp.model import MTP, FloatArray
from seicampaign.training.accuracy import Errors, errors_of
from seicampaign.training.checkpoint import Checkpoint, State
from seicampaign.training.data import check_labels, name_of, split
from seicampaign.training.lbfgs import LBFGS
from seicampaign.training.linear import (
    LinearSolution,
    NormalEquations,
    Ridge,
    normal_equations,
)
from seicampaign.training.loss import LabelledSet, Predictions, Weights, parameters, with_parameters

ROUNDS = (25, 50, 100)
"""Iterations between two solutions of the linear coefficients; the last number repeats."""

_PROBES = 6
_PROBE_STEP = 1e-4


@dataclass(frozen=True)
class Progress:
    """Where a fit stands after an iteration. Errors on the held-out part are None without one."""

    iteration: int
    max_iterations: int
    loss: float
    loss_validation: float | None
    errors_train: Errors
    errors_validation: Errors | None
    seconds: float
    seconds_left: float


@dataclass(frozen=True)
class FitResult:
    """A fitted potential.

    Parameters
    ----------
    mtp
        The potential that was best on the held-out part (on the training part without one).
    species
        Its elements, in order.
    errors_train, errors_validation
        Its errors; None where nothing was held out.
    history
        Loss and errors of every iteration of this process.
    training, validation
        Indices of the configurations in the data set.
    stopped
        Why the fit ended.
    iterations
        How many were made; more than `history` has where the fit went on from a checkpoint.
    """

    mtp: MTP
    species: tuple[str, ...]
    errors_train: Errors
    errors_validation: Errors | None
    history: list[Progress]
    training: list[int]
    validation: list[int]
    stopped: str
    iterations: int


def fit(
    dataset: Sequence[Atoms],
    *,
    level: int,
    species: Sequence[str],
    cutoff: float = 5.0,
    min_dist: float | None = None,
    radial_basis_size: int = 8,
    seed: int = 0,
    validation: float | Sequence[int] = 0.1,
    max_iterations: int = 1000,
    patience: int = 200,
    tolerance: float = 1e-5,
    weights: Weights | None = None,
    ridge: float = 1e-6,
    threads: int | None = None,
    callback: Callable[[Progress], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    start: MTP | None = None,
) -> FitResult:
    """Fit a potential.

    Parameters
    ----------
    dataset
        Labelled configurations, see `seicampaign.training.data`.
    level
        Even, 2 to 28.
    species
        Elements, in the order the potential will have them.
    cutoff, min_dist
        Angstrom. `min_dist` is by default 0.95 of the shortest distance in the data set.
    radial_basis_size
        Chebyshev polynomials of a radial function.
    seed
        Of the first radial coefficients and of the split.
    validation
        Share of the data set that is held out, by whole sources and of every kind, or the indices
        that are. 0 holds nothing out.
    max_iterations
        Iterations of L-BFGS in all.
    patience
        The fit stops after so many iterations without a lower loss on the held-out part.
    tolerance
        It stops, too, when a round lowers the loss by less than this share.
    weights
        Of the loss.
    ridge
        Of the linear coefficients, in units of the effect each has on the labels. A set of less
        than a hundred configurations is served better by 1e-4.
    threads
        By default one for each processor this process may use. The result depends on it in nothing.
    callback
        Is called after each iteration. It may raise StopIteration to end the fit where it is.
    checkpoint
        A file that is written twice a minute, also within an iteration; a fit that finds it goes on
        from there, on the same way to the last bit.
    start
        A trained potential of the same level, species, cutoff and `min_dist` to start from. Where
        it has fewer than `radial_basis_size` polynomials, the others start at zero; it keeps more.

    Raises
    ------
    TrainingError
        If the data set cannot be used (see `check_labels`), has fewer numbers than the potential
        has parameters or atoms closer than `min_dist`, or the checkpoint belongs to another fit.
    PotentialError
        If the level or a distance makes no sense.
    """
    check_labels(dataset, species)
    training, held = _parts(dataset, validation, seed)
    make = _set_maker(dataset, species, cutoff, weights)
    train, kept_out = make(training), make(held) if held else None
    if min_dist is None:
        min_dist = start.min_dist if start else _default_min_dist(train, kept_out)
    mtp = _first_guess(train, level, min_dist, radial_basis_size, seed, start)
    _check_amount(train, mtp)
    search = _Search(
        train=train,
        held=kept_out,
        threads=threads or len(os.sched_getaffinity(0)),
        template=mtp,
        callback=callback,
        max_iterations=max_iterations,
        patience=patience,
        tolerance=tolerance,
        ridge=ridge,
        seed=seed,
        store=Checkpoint(Path(checkpoint)) if checkpoint else None,
    )
    search.check_distances(dataset, training, held)
    best, stopped = search.run()
    return FitResult(
        mtp=best,
        species=tuple(species),
        errors_train=search.errors(train, best),
        errors_validation=search.errors(search.held, best) if search.held else None,
        history=search.history,
        training=training,
        validation=held,
        stopped=stopped,
        iterations=search.state.iteration,
    )


def _parts(
    dataset: Sequence[Atoms], validation: float | Sequence[int], seed: int
) -> tuple[list[int], list[int]]:
    if isinstance(validation, (int, float)):
        return split(dataset, float(validation), seed=seed)
    held = sorted(int(i) for i in validation)
    wrong = [i for i in held if not 0 <= i < len(dataset)]
    if wrong:
        raise TrainingError(f"validation names configuration {wrong[0]} of {len(dataset)}")
    if len(set(held)) != len(held):
        raise TrainingError("validation names a configuration twice")
    training = sorted(set(range(len(dataset))) - set(held))
    if not training:
        raise TrainingError("validation holds every configuration out: none is left to fit")
    return training, held


def _set_maker(
    dataset: Sequence[Atoms], species: Sequence[str], cutoff: float, weights: Weights | None
) -> Callable[[list[int]], LabelledSet]:
    def make(indices: list[int]) -> LabelledSet:
        chosen = [dataset[i] for i in indices]
        return LabelledSet(chosen, species, cutoff=cutoff, weights=weights)

    return make


def _default_min_dist(train: LabelledSet, held: LabelledSet | None) -> float:
    closest, _ = train.closest()
    if not np.isfinite(closest):
        raise TrainingError(f"No two atoms of the data set are within the cutoff {train.cutoff}")
    return round(0.95 * min(closest, held.closest()[0] if held else closest), 2)


def _first_guess(
    train: LabelledSet,
    level: int,
    min_dist: float,
    radial_basis_size: int,
    seed: int,
    start: MTP | None,
) -> MTP:
    """Random radial functions, with `scaling` such that the basic moments are of order one.

    `scaling` only multiplies the radial coefficients, so it is never optimised. Pairs of species
    that never meet have coefficients of zero.
    """
    if start is not None:
        asked = (level, len(train.species), train.cutoff, min_dist, True)
        given = (start.level, start.species_count, start.max_dist, start.min_dist, start.trained)
        if asked != given:
            raise TrainingError(
                f"start has (level, species, cutoff, min_dist, trained) = {given}, the fit {asked}"
            )
        return _widened(start, radial_basis_size)
    template = untrained(
        level,
        len(train.species),
        min_dist=min_dist,
        max_dist=train.cutoff,
        radial_basis_size=radial_basis_size,
    )
    shape = (
        *(template.species_count,) * 2,
        template.radial_funcs_count,
        template.radial_basis_size,
    )
    random = np.random.default_rng(seed).normal(size=shape)
    random *= train.pairs_present()[:, :, None, None]
    strength = ((train.cutoff - train.distances) ** 4).sum() / train.sizes.sum()
    return replace(
        template,
        scaling=float(f"{1 / np.sqrt(strength):.3g}"),
        radial_coeffs=random / (1 + np.arange(radial_basis_size)),
        species_coeffs=np.zeros(template.species_count),
        moment_coeffs=np.zeros(template.alpha_scalar_moments),
    )


def _widened(start: MTP, size: int) -> MTP:
    """The same potential with at least `size` polynomials in each radial function."""
    more = max(0, size - start.radial_basis_size)
    coeffs = np.pad(start.radial_coeffs, [(0, 0)] * 3 + [(0, more)])
    return replace(start, radial_coeffs=coeffs, radial_basis_size=coeffs.shape[-1])


def _check_amount(train: LabelledSet, mtp: MTP) -> None:
    counts = (train.weights > 0) * np.c_[
        np.ones(len(train)), 3 * train.sizes, np.full((len(train), 2), 3)
    ]
    if counts.sum() < len(parameters(mtp)):
        raise TrainingError(
            f"A potential of level {mtp.level} for {mtp.species_count} species has "
            f"{len(parameters(mtp))} parameters, the {len(train)} configurations only "
            f"{int(counts.sum())} labels. Use a lower level or label more."
        )


class _Converged(Exception):
    """Ends a fit; its text says why."""


@dataclass
class _Search:
    """The state of one fit and the steps that move it."""

    train: LabelledSet
    held: LabelledSet | None
    threads: int
    template: MTP
    callback: Callable[[Progress], object] | None
    max_iterations: int
    patience: int
    tolerance: float
    ridge: float
    seed: int
    store: Checkpoint | None

    def __post_init__(self) -> None:
        self.history: list[Progress] = []
        self.latest: Predictions | None = None  # of the last gradient, unless it was replayed
        self.replayed = 0
        self.kept_penalty: Ridge | None = None
        self.state = State(parameters(self.template))
        self.began = time.monotonic()

    def check_distances(
        self, dataset: Sequence[Atoms], training: list[int], held: list[int]
    ) -> None:
        for labelled, indices in ((self.train, training), (self.held, held)):
            if labelled is None:
                continue
            distance, place = labelled.closest()
            if distance < self.template.min_dist:
                raise TrainingError(
                    f"{name_of(dataset, indices[place])} has atoms {distance:.3f} A apart, closer "
                    f"than min_dist {self.template.min_dist} A: lower it or leave it out"
                )

    def errors(self, labelled: LabelledSet, mtp: MTP) -> Errors:
        return errors_of(labelled, labelled.predict(mtp, threads=self.threads))

    def run(self) -> tuple[MTP, str]:
        if self.store:
            self.state = self.store.resume(self.fingerprint(), self.state)
        self.began -= self.state.seconds
        stopped = f"{self.max_iterations} iterations"
        try:
            while self.state.iteration < self.max_iterations:
                self.round()
        except _Converged as reason:
            stopped = str(reason)
        if self.store:
            self.store.save(self.fingerprint(), self.state)
        return with_parameters(self.template, self.state.best), stopped

    def fingerprint(self) -> str:
        held = self.held.fingerprint if self.held else ""
        none = np.zeros(0)
        blank = replace(self.template, radial_coeffs=none, species_coeffs=none, moment_coeffs=none)
        return f"{blank.hash} {self.train.fingerprint} {held} {self.seed} {self.ridge}"

    def round(self) -> None:
        """Solve for what is linear, then move everything for a while."""
        state = self.state
        self.replayed = 0
        mtp = with_parameters(self.template, state.start)
        equations = self.equations(mtp)
        penalty = self.penalty(equations)
        linear = LinearSolution(equations, penalty, mtp)
        mtp = linear.solved()
        before = parameters(mtp)
        scale = self.radial_scale(mtp)

        def moved(z: FloatArray) -> FloatArray:
            return before + np.r_[scale * z[: len(scale)], linear.spread(z[len(scale) :])]

        def loss(z: FloatArray) -> tuple[float, FloatArray]:
            values = moved(z)
            value, gradient = self.loss_and_gradient(values)
            added, slope = penalty(with_parameters(self.template, values))
            radial, coefficients = np.split(gradient + slope, [len(scale)])
            return value + added, np.r_[scale * radial, linear.gather(coefficients)]

        length = ROUNDS[min(state.rounds, len(ROUNDS) - 1)]
        search = LBFGS(loss, np.zeros(len(before)), memory=length)
        for step in range(min(length, self.max_iterations - state.start_iteration)):
            if not search.step():
                raise _Converged("the loss no longer falls")
            if state.start_iteration + step == state.iteration:  # or it was reported before
                self.report(moved(search.point))
        if state.iteration < state.start_iteration + length:
            return  # with more iterations the round goes on
        last = state.round_loss
        state.next_round(search.value)
        if last - search.value < self.tolerance * abs(search.value):
            raise _Converged("the loss no longer falls")

    def penalty(self, equations: NormalEquations) -> Ridge:
        """The same in all rounds: of the first's equations, or found anew by a later round."""
        if self.kept_penalty is None:
            if self.state.rounds:
                equations = normal_equations(self.train, self.template, threads=self.threads)
            self.kept_penalty = Ridge(equations, self.template, self.ridge)
        return self.kept_penalty

    def equations(self, mtp: MTP) -> NormalEquations:
        """The normal equations of the round, or the rest of them."""
        state = self.state
        begun = NormalEquations(state.matrix, state.vector)

        def note(done: int, equations: NormalEquations) -> None:
            state.summed, (state.matrix, state.vector) = done, equations
            self.save_if_due()

        return normal_equations(
            self.train,
            mtp,
            threads=self.threads,
            begun=(state.summed, begun) if state.summed else None,
            note=note,
        )

    def loss_and_gradient(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Without the ridge; from the checkpoint as long as it has one that was not asked for."""
        state = self.state
        self.latest = None
        if self.replayed == len(state.losses):
            mtp = with_parameters(self.template, values)
            self.latest, gradient = self.train.loss_and_gradient(mtp, threads=self.threads)
            state.losses.append(self.latest.loss)
            state.gradients.append(gradient)
            self.save_if_due()
        self.replayed += 1
        return state.losses[self.replayed - 1], state.gradients[self.replayed - 1]

    def save_if_due(self) -> None:
        if self.store and self.store.due():
            self.store.save(self.fingerprint(), self.state)

    def radial_scale(self, mtp: MTP) -> FloatArray:
        """One over the root of the curvature of each radial function, from random directions."""
        size, values = mtp.radial_coeffs.size, parameters(mtp)
        random = np.random.default_rng((self.seed, self.state.start_iteration))
        curvature = np.zeros(size)
        for _ in range(_PROBES):
            step = np.zeros(len(values))
            step[:size] = random.choice([-_PROBE_STEP, _PROBE_STEP], size)
            up, down = (self.loss_and_gradient(values + sign * step)[1][:size] for sign in (1, -1))
            curvature += step[:size] * (up - down) / (2 * _PROBE_STEP**2 * _PROBES)
        functions = np.abs(curvature).reshape(-1, mtp.radial_basis_size).mean(axis=1)
        functions = np.maximum(functions, 1e-6 * functions.max(initial=1e-300))
        return np.repeat(1 / np.sqrt(functions), mtp.radial_basis_size)

    def report(self, values: FloatArray) -> None:
        """After an iteration: judge the held-out part, tell the callback, save now and then."""
        mtp = with_parameters(self.template, values)
        predictions = self.latest or self.train.predict(mtp, threads=self.threads)
        held = self.held.predict(mtp, threads=self.threads) if self.held else None
        state = self.state
        state.step(values, (held or predictions).loss, time.monotonic() - self.began)
        left = self.max_iterations - state.iteration
        progress = Progress(
            iteration=state.iteration,
            max_iterations=self.max_iterations,
            loss=predictions.loss,
            loss_validation=held.loss if held else None,
            errors_train=errors_of(self.train, predictions),
            errors_validation=errors_of(self.held, held) if self.held and held else None,
            seconds=state.seconds,
            seconds_left=left * state.seconds / state.iteration,
        )
        self.history.append(progress)
        self.save_if_due()
        self.tell(progress)
        if self.held and state.iteration - state.best_iteration >= self.patience:
            raise _Converged(f"no better on the held-out part for {self.patience} iterations")

    def tell(self, progress: Progress) -> None:
        if not self.callback:
            return
        try:
            self.callback(progress)
        except StopIteration:
            raise _Converged("the callback asked for it") from None
