"""The training kernel: what it predicts, and its gradient against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from mtp_cases import SYMBOLS, disordered, random_mtp

from seicampaign.mtp.calculator import evaluate
from seicampaign.training.loss import LabelledSet, Weights, parameters, with_parameters

VOIGT = [0, 4, 8, 5, 2, 1]


def labelled(atoms: Atoms, seed: int, stress: bool = True) -> Atoms:
    """The same atoms with labels drawn at random."""
    rng = np.random.default_rng(seed)
    results = {"energy": rng.normal(), "forces": rng.normal(size=(len(atoms), 3))}
    if stress:
        results["stress"] = rng.normal(size=6) / 100
    atoms = atoms.copy()
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def data_set(species: int) -> list[Atoms]:
    """A large cell, one of two atoms that is smaller than the cutoff, and a free cluster."""
    cluster = disordered((2, 2, 1), species, seed=4)
    cluster.pbc = False
    return [
        labelled(disordered((2, 2, 2), species), 1),
        labelled(disordered((1, 1, 1), species, seed=2), 2),
        labelled(cluster, 3, stress=False),
    ]


@pytest.mark.parametrize(("level", "species"), [(2, 1), (6, 2), (10, 3), (16, 4)])
def test_predictions_are_those_of_the_calculator(level, species):
    images, mtp, symbols = data_set(species), random_mtp(level, species), SYMBOLS[:species]
    found = LabelledSet(images, symbols, cutoff=5.0).predict(mtp)
    expected = evaluate(mtp, symbols, images)
    np.testing.assert_allclose(found.energies, [e.energy for e in expected], rtol=1e-12)
    forces = np.concatenate([e.forces for e in expected])
    np.testing.assert_allclose(found.forces, forces, atol=1e-12 * np.abs(forces).max())
    virials = np.array([-e.virial.ravel()[VOIGT] for e in expected])
    np.testing.assert_allclose(found.virials, virials, atol=1e-12 * np.abs(virials).max())


def test_loss_and_gradient_are_those_of_motep(tmp_path):
    losses = pytest.importorskip("motep.loss")
    from motep.io.mlip.mtp import read_mtp as motep_read

    from seicampaign.mtp import write_mtp

    images, mtp = data_set(4)[:2], random_mtp(10)
    for atoms in images:
        atoms.info["weight"] = 1 / len(atoms)  # which motep gives to all terms
    write_mtp(tmp_path / "a.mtp", mtp)
    theirs = motep_read(tmp_path / "a.mtp")
    theirs.species = np.array([3, 15, 16, 17])
    function = losses.LossFunction(images, theirs, losses.LossSetting())
    expected = function(theirs.parameters), function.jac(theirs.parameters)

    weights = Weights(energy=1.0, forces=0.01, stress=0.001, shear=0.001)
    ours = LabelledSet(images, SYMBOLS[:4], cutoff=5.0, weights=weights)
    predictions, gradient = ours.loss_and_gradient(mtp)
    radial, species, moment = np.split(
        gradient, [mtp.radial_coeffs.size, mtp.radial_coeffs.size + 4]
    )
    assert predictions.loss == pytest.approx(expected[0], rel=1e-11)
    np.testing.assert_allclose(
        np.r_[moment, species, radial], expected[1], atol=1e-11 * np.abs(gradient).max()
    )


@pytest.mark.parametrize(
    ("level", "species", "size"), [(2, 1, 4), (8, 4, 8), (12, 2, 9), (16, 4, 8)]
)
def test_gradient_is_that_of_finite_differences(level, species, size):
    data = LabelledSet(
        data_set(species), SYMBOLS[:species], cutoff=5.0, weights=Weights(1.0, 0.3, 0.2, 0.1)
    )
    mtp = random_mtp(level, species, size=size)
    start = parameters(mtp)
    _, gradient = data.loss_and_gradient(mtp)
    rng = np.random.default_rng(level)

    def loss(step, direction):
        return data.predict(with_parameters(mtp, start + step * direction)).loss

    for _ in range(4):
        direction = rng.normal(size=len(start)) * np.abs(start)
        near, far = ((loss(h, direction) - loss(-h, direction)) / (2 * h) for h in (1e-4, 2e-4))
        assert (4 * near - far) / 3 == pytest.approx(gradient @ direction, rel=1e-7)
    for place in rng.integers(len(start), size=12):
        direction = np.eye(len(start))[place]
        near, far = ((loss(h, direction) - loss(-h, direction)) / (2 * h) for h in (1e-3, 2e-3))
        scale = np.abs(gradient).max()
        assert (4 * near - far) / 3 == pytest.approx(gradient[place], rel=1e-6, abs=1e-8 * scale)


def test_each_term_has_its_weight():
    images, mtp = data_set(2), random_mtp(6, 2)
    n, volume = len(images[0]), images[0].get_volume()
    (expected,) = evaluate(mtp, SYMBOLS[:2], images[:1])
    labels = images[0].calc.results
    stress = -expected.virial.ravel()[VOIGT] / volume - labels["stress"]
    terms = {
        "energy": (expected.energy - labels["energy"]) ** 2 / n,
        "forces": ((expected.forces - labels["forces"]) ** 2).sum(),
        "stress": volume**2 * (stress[:3] ** 2).sum() / n,
        "shear": 2 * volume**2 * (stress[3:] ** 2).sum() / n,
    }
    for name, term in terms.items():
        weights = dict.fromkeys(terms, 0.0) | {name: 0.7}
        data = LabelledSet(images, SYMBOLS[:2], cutoff=5.0, weights=Weights(**weights))
        assert data.predict(mtp).losses[0] * len(images) == pytest.approx(0.7 * term, rel=1e-10)


def test_weights_of_a_configuration_and_of_its_kind_multiply():
    image = labelled(disordered((1, 1, 1), 2), 1)
    image.info = {"kind": "metal", "weight": 2.0, "forces_weight": 5.0}
    weights = Weights(energy=1.0, forces=0.01, stress=0.001, kinds={"metal": 3.0}).of(image)
    np.testing.assert_allclose(weights, [6 / 2, 0.3, 0.006 / 2, 0.0006 / 2])


def test_result_does_not_depend_on_the_number_of_threads():
    images = [labelled(disordered((1, 1, 2), 3, seed=s), s) for s in range(70)]
    data = LabelledSet(images, SYMBOLS[:3], cutoff=5.0)
    mtp = random_mtp(8, 3)
    results = [data.loss_and_gradient(mtp, threads=n) for n in (1, 2, 5)]
    for predictions, gradient in results[1:]:
        assert predictions.loss == results[0][0].loss
        np.testing.assert_array_equal(gradient, results[0][1])


@pytest.mark.parametrize("level", [2, 10])
def test_design_matrix_gives_the_predictions(level):
    images, mtp = data_set(3), random_mtp(level, 3)
    data = LabelledSet(images, SYMBOLS[:3], cutoff=5.0)
    predictions = data.predict(mtp)
    for place in range(len(images)):
        values = data.design(mtp, place) @ np.r_[mtp.species_coeffs, mtp.moment_coeffs]
        first, end = data.first_atom[place : place + 2]
        assert values[0] == pytest.approx(predictions.energies[place], rel=1e-12)
        expected = predictions.forces[first:end].ravel()
        np.testing.assert_allclose(values[1:-6], expected, atol=1e-12 * np.abs(expected).max())
        scale = np.abs(predictions.virials[place]).max()
        np.testing.assert_allclose(values[-6:], predictions.virials[place], atol=1e-12 * scale)


def test_isolated_atoms_have_the_energy_of_their_species():
    atom = Atoms("Li", cell=[20, 20, 20], pbc=True)
    mtp = replace(random_mtp(8, 1), species_coeffs=np.array([-1.5]))
    data = LabelledSet([labelled(atom, 1)], ["Li"], cutoff=5.0)
    predictions, gradient = data.loss_and_gradient(mtp)
    assert predictions.energies[0] == -1.5
    assert np.count_nonzero(gradient) == 1
