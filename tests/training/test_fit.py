"""Fits of a small potential: what is learnt, kept, continued and refused."""

from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from labels import morse_labels

from seicampaign.errors import TrainingError
from seicampaign.mtp.calculator import evaluate
from seicampaign.training import LabelledSet, Weights, errors_by_kind, fit
from seicampaign.training.fit import _Search
from seicampaign.training.linear import LinearSolution, Ridge, normal_equations, radial_powers
from seicampaign.training.loss import parameters, with_parameters

SPECIES = ("Ar", "Ne")


@pytest.fixture(scope="module")
def images():
    return morse_labels(20)


@pytest.fixture(scope="module")
def result(images):
    return fit(images, level=8, species=SPECIES, max_iterations=400, threads=2, validation=0.2)


def test_a_morse_potential_is_learnt(images, result):
    assert result.errors_validation.energy < 2.0  # of 300 meV and bonds of 0.3 eV
    assert result.errors_validation.forces < 0.05
    spread = np.concatenate([a.get_forces() for a in images]).std()
    assert result.errors_validation.forces < 0.1 * spread
    assert result.mtp.trained and result.mtp.level == 8
    assert result.species == SPECIES


def test_loss_falls_and_history_says_so(result):
    losses = [p.loss for p in result.history]
    assert losses[-1] < 0.05 * losses[0]
    assert [p.iteration for p in result.history] == list(range(1, len(losses) + 1))
    assert result.history[-1].seconds_left >= 0


def test_the_potential_kept_is_the_best_on_the_held_out_part(images, result):
    held = [images[i] for i in result.validation]
    assert errors_by_kind(result.mtp, SPECIES, held)["all"] == result.errors_validation
    best = min(p.loss_validation for p in result.history)
    assert LabelledSet(held, SPECIES, cutoff=5.0).predict(result.mtp).loss == pytest.approx(best)


def test_errors_by_kind_are_those_of_the_calculator(images, result):
    errors = errors_by_kind(result.mtp, SPECIES, images)
    assert list(errors) == ["liquid", "solid", "all"]
    solid = [a for a in images if a.info["kind"] == "solid"]
    found = evaluate(result.mtp, SPECIES, solid)
    energy = [
        (e.energy - a.get_potential_energy()) / len(a) for e, a in zip(found, solid, strict=True)
    ]
    forces = [e.forces - a.get_forces() for e, a in zip(found, solid, strict=True)]
    assert errors["solid"].energy == pytest.approx(1000 * np.sqrt(np.mean(np.square(energy))))
    assert errors["solid"].forces == pytest.approx(np.sqrt(np.mean(np.square(forces))))
    assert errors["all"].configurations == 20


def test_each_round_of_a_fresh_fit_finds_its_normal_equations_once(images, monkeypatch):
    found = []
    design = LabelledSet.design
    monkeypatch.setattr(LabelledSet, "design", lambda *a: found.append(a[2]) or design(*a))
    done = fit(images, level=6, species=SPECIES, threads=1, max_iterations=26)
    assert sorted(found) == sorted(2 * list(range(len(done.training))))  # the second round begins


def test_a_fit_does_not_depend_on_the_number_of_threads_but_on_the_seed(images):
    fits = [
        fit(images, level=4, species=SPECIES, max_iterations=20, threads=threads, seed=seed)
        for threads, seed in ((1, 0), (2, 0), (2, 1))
    ]
    assert fits[0].mtp == fits[1].mtp
    assert fits[0].mtp != fits[2].mtp


def test_linear_coefficients_are_at_the_minimum(images, result):
    data = LabelledSet(images, SPECIES, cutoff=5.0)
    start = replace(result.mtp, moment_coeffs=result.mtp.moment_coeffs * 1.01)
    equations = normal_equations(data, start, threads=2)
    mtp = LinearSolution(equations, Ridge(equations, start, 1e-12), start).solved()
    predictions, gradient = data.loss_and_gradient(mtp)
    assert predictions.loss < data.predict(start).loss
    linear = slice(mtp.radial_coeffs.size, None)
    _, before = data.loss_and_gradient(start)
    assert np.abs(gradient[linear]).max() < 1e-6 * np.abs(before[linear]).max()


def test_steps_of_the_linear_coefficients_see_a_round_loss(images, result):
    data = LabelledSet(images, SPECIES, cutoff=5.0)
    equations = normal_equations(data, result.mtp)
    ridge = Ridge(equations, result.mtp, 0.01)
    solution = LinearSolution(equations, ridge, result.mtp)
    units = np.eye(len(equations.vector))
    moves = np.array([solution.spread(u) for u in units])
    strengths = ridge.strengths(result.mtp.radial_coeffs)
    curvature = 2 * moves @ (equations.matrix + np.diag(strengths)) @ moves.T
    np.testing.assert_allclose(curvature, units, atol=1e-9)
    gradient = np.arange(len(units), dtype=float)
    np.testing.assert_allclose(solution.gather(gradient), moves @ gradient, atol=1e-9)


def test_the_ridge_does_not_pull_at_the_energies_of_free_atoms(images, result):
    of_atom = np.array([-1000.0, -200.0])
    coefficients = []
    for labels in (images, [shift(atoms, of_atom) for atoms in images]):
        equations = normal_equations(LabelledSet(labels, SPECIES, cutoff=5.0), result.mtp)
        ridge = Ridge(equations, result.mtp, 1e-3)
        coefficients.append(LinearSolution(equations, ridge, result.mtp).coefficients)
    species, moments = np.split(coefficients[1] - coefficients[0], [2])
    counts = [list(images[0].symbols).count(s) for s in SPECIES]  # the same in all
    assert species @ counts == pytest.approx(of_atom @ counts, rel=1e-9)
    assert np.abs(moments).max() < 1e-6 * np.abs(coefficients[0][2:]).max()


def test_the_ridge_does_not_see_the_size_of_radial_functions(images, result):
    """Twice the function and the coefficients less in proportion are the same potential."""
    equations = normal_equations(LabelledSet(images, SPECIES, cutoff=5.0), result.mtp)
    ridge = Ridge(equations, result.mtp, 1e-3)
    factors = 1.0 + 0.5 * np.arange(result.mtp.radial_funcs_count)
    other = replace(
        result.mtp,
        radial_coeffs=result.mtp.radial_coeffs * factors[:, None],
        moment_coeffs=result.mtp.moment_coeffs / np.prod(factors ** radial_powers(result.mtp), 1),
    )
    assert ridge(other)[0] == pytest.approx(ridge(result.mtp)[0])
    data = LabelledSet(images, SPECIES, cutoff=5.0)
    assert data.predict(other).loss == pytest.approx(data.predict(result.mtp).loss)


def test_the_gradient_of_the_ridge_is_its_slope(images, result):
    equations = normal_equations(LabelledSet(images, SPECIES, cutoff=5.0), result.mtp)
    ridge = Ridge(equations, result.mtp, 1e-3)
    values = parameters(result.mtp)
    step = np.random.default_rng(0).normal(size=len(values)) * 1e-5 * np.abs(values)
    up, down = (with_parameters(result.mtp, values + sign * step) for sign in (1, -1))
    difference = ridge(up)[0] - ridge(down)[0]
    assert ridge(result.mtp)[1] @ step == pytest.approx(difference / 2, rel=1e-6)


def shift(atoms, of_atom):
    """The same label with more energy per atom of each species."""
    counts = [list(atoms.symbols).count(s) for s in SPECIES]
    other = atoms.copy()
    energy = atoms.get_potential_energy() + np.dot(counts, of_atom)
    other.calc = SinglePointCalculator(other, **(atoms.calc.results | {"energy": energy}))
    return other


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    ("function", "calls"),
    [("report", 40), ("loss_and_gradient", 5), ("loss_and_gradient", 70), ("save_if_due", 3)],
)
def test_a_killed_fit_goes_on_where_it_was(images, tmp_path, function, calls):
    """In an iteration, among the probes of curvature, in the normal equations of a round."""
    arguments = {"level": 6, "species": SPECIES, "threads": 1, "checkpoint": tmp_path / "fit.npz"}
    whole, count = getattr(_Search, function), 0

    def kill(self, *values):
        nonlocal count
        count += 1
        if count == calls:
            raise Killed
        return whole(self, *values)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr("seicampaign.training.checkpoint.INTERVAL", 0.0)
        patch.setattr(_Search, function, kill)
        fit(images, max_iterations=60, **arguments)
    assert (tmp_path / "fit.npz").exists()
    resumed = fit(images, max_iterations=60, **arguments)
    straight = fit(images, max_iterations=60, **arguments | {"checkpoint": None})
    assert resumed.mtp == straight.mtp
    assert resumed.history[-1].loss == straight.history[-1].loss
    assert resumed.iterations == straight.iterations == len(straight.history)


def test_what_was_worked_out_before_the_kill_is_not_again(images, tmp_path):
    arguments = {"level": 6, "species": SPECIES, "threads": 1, "checkpoint": tmp_path / "fit.npz"}
    fit(images, max_iterations=40, **arguments)
    evaluated = []
    with pytest.MonkeyPatch.context() as patch:
        kernel = LabelledSet.loss_and_gradient
        patch.setattr(
            LabelledSet,
            "loss_and_gradient",
            lambda *a, **k: evaluated.append(1) or kernel(*a, **k),
        )
        resumed = fit(images, max_iterations=42, **arguments)
    assert resumed.history[0].iteration == 41
    assert resumed.mtp == fit(images, max_iterations=42, **arguments | {"checkpoint": None}).mtp
    assert len(evaluated) < 10, "two iterations, though a round began 15 before"


def test_a_checkpoint_of_another_fit_is_refused(images, tmp_path):
    arguments = {"level": 6, "species": SPECIES, "threads": 1, "checkpoint": tmp_path / "fit.npz"}
    done = fit(images, max_iterations=5, **arguments)
    assert fit(images, max_iterations=5, **arguments).mtp == done.mtp
    with pytest.raises(TrainingError, match="other labels, weights or settings"):
        fit(images, max_iterations=5, weights=Weights(forces=1.0), **arguments)
    (tmp_path / "fit.npz").write_bytes(b"PK torn")
    with pytest.raises(TrainingError, match="is no checkpoint"):
        fit(images, max_iterations=5, **arguments)


def test_a_callback_can_end_a_fit(images):
    def stop(progress):
        if progress.iteration == 7:
            raise StopIteration

    ended = fit(images, level=4, species=SPECIES, callback=stop)
    assert len(ended.history) == 7
    assert ended.stopped == "the callback asked for it"


def test_a_fit_can_start_from_another(images, result):
    again = fit(images, level=8, species=SPECIES, start=result.mtp, max_iterations=1, validation=0)
    assert again.mtp.min_dist == result.mtp.min_dist
    assert again.history[0].loss < 2 * result.history[-1].loss
    with pytest.raises(TrainingError, match="start has"):
        fit(images, level=6, species=SPECIES, start=result.mtp)


def test_a_start_may_get_more_radial_polynomials(images, result):
    settings = {"level": 8, "species": SPECIES, "start": result.mtp, "validation": 0}
    same = fit(images, **settings, radial_basis_size=4, max_iterations=1)
    assert same.mtp.radial_basis_size == result.mtp.radial_basis_size == 8
    wider = fit(images, **settings, radial_basis_size=10, max_iterations=20)
    assert wider.mtp.radial_basis_size == 10
    assert wider.history[0].loss == pytest.approx(same.history[0].loss, rel=0.1)
    assert wider.history[-1].loss < wider.history[0].loss
    assert wider.mtp.radial_coeffs[..., 8:].any()


def test_species_that_never_meet_have_no_radial_functions(images):
    ended = fit(
        images, level=4, species=(*SPECIES, "Kr"), max_iterations=2, validation=0, threads=1
    )
    assert not ended.mtp.radial_coeffs[2].any() and not ended.mtp.radial_coeffs[:, 2].any()
    assert ended.mtp.radial_coeffs[:2, :2].all()
    assert np.isfinite(parameters(ended.mtp)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"min_dist": 3.0},
            r"Configuration \d+ .* has atoms \d\.\d+ A apart, closer than min_dist",
        ),
        ({"cutoff": 1.0}, "No two atoms of the data set are within the cutoff"),
        ({"level": 28, "validation": 0}, "has .* parameters, the 20 configurations only .* labels"),
        ({"species": ("Ar",)}, "has Ne, the potential is for Ar"),
        ({"validation": [99]}, "validation names configuration 99 of 20"),
        ({"validation": [1, 1]}, "names a configuration twice"),
        ({"validation": range(20)}, "none is left to fit"),
        ({"checkpoint": "/nowhere/fit.npz"}, "The directory of the checkpoint"),
    ],
)
def test_what_makes_no_sense_is_refused(images, arguments, message, monkeypatch):
    if arguments.get("level") == 28:  # its tables take minutes: as many parameters with level 16
        arguments = arguments | {"level": 16, "radial_basis_size": 200}
    with pytest.raises(TrainingError, match=message):
        fit(images, **({"level": 4, "species": SPECIES, "max_iterations": 1} | arguments))
