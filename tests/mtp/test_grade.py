"""Extrapolation grades: right derivatives, MaxVol, and the same numbers in Python and LAMMPS."""

import dataclasses

import numpy as np
import pytest
from mtp_cases import SYMBOLS, disordered, random_mtp

from seicampaign.errors import PotentialError, TrainingError
from seicampaign.mtp.calculator import evaluate
from seicampaign.mtp.grade import ActiveSet, active_set, basis_vectors, own_size, parameter_count

SPECIES = SYMBOLS[:4]


@pytest.fixture(scope="module")
def mtp():
    return random_mtp(8)


@pytest.fixture(scope="module")
def images():
    return [disordered((2, 2, 2), seed=s) for s in range(40)]


@pytest.fixture(scope="module")
def chosen(mtp, images):
    return active_set(mtp, SPECIES, images)


def test_basis_times_coefficients_is_the_energy(mtp, images):
    result = evaluate(mtp, SPECIES, images[:1])[0]
    basis = basis_vectors(mtp, SPECIES, images[0])
    moments = mtp.alpha_scalar_moments
    alone = [mtp.species_coeffs[SPECIES.index(s)] for s in images[0].symbols]
    np.testing.assert_allclose(basis[:, :moments] @ mtp.moment_coeffs + alone, result.energies)


def test_radial_columns_are_derivatives(mtp, images):
    step, basis = 1e-6, basis_vectors(mtp, SPECIES, images[0])
    for i, j, mu, k in [(0, 0, 0, 0), (1, 3, 1, 5), (3, 2, 0, 7)]:
        sides = []
        for sign in (1, -1):
            radial = mtp.radial_coeffs.copy()
            radial[i, j, mu, k] += sign * step
            changed = dataclasses.replace(mtp, radial_coeffs=radial)
            sides.append(evaluate(changed, SPECIES, images[:1])[0].energies)
        own = 1 + (j * mtp.radial_funcs_count + mu) * mtp.radial_basis_size + k
        column = basis[:, mtp.alpha_scalar_moments + i * own_size(mtp) + own]
        np.testing.assert_allclose(column, (sides[0] - sides[1]) / (2 * step), atol=1e-8)


def test_what_was_trained_on_has_a_grade_of_one_at_most(chosen, images):
    grades = np.concatenate([chosen.grades(atoms) for atoms in images])
    assert grades.max() <= 1.0 + 2e-3


def test_atoms_of_the_set_have_a_grade_of_exactly_one(chosen, images):
    for image, atom in chosen.origins[chosen.origins[:, 0] >= 0][:20]:
        assert chosen.grades(images[image])[atom] == pytest.approx(1.0, abs=1e-8)


def squeezed(seed):
    atoms = disordered((2, 2, 2), seed=seed)
    atoms.set_cell(atoms.cell * 0.8, scale_atoms=True)
    return atoms


def of_two_elements(seed):
    atoms = disordered((2, 2, 2), seed=seed)
    atoms.symbols = ["Cl", "P"] * (len(atoms) // 2)
    return atoms


@pytest.mark.parametrize(
    "atoms",
    [disordered((3, 2, 2), seed=99), squeezed(3), of_two_elements(5)],
    ids=["alike", "squeezed", "of two elements"],
)
def test_the_fast_way_is_the_definition(mtp, chosen, atoms):
    by_definition = np.abs(basis_vectors(mtp, SPECIES, atoms) @ chosen.inverse).max(axis=1)
    np.testing.assert_allclose(chosen.grades(atoms), by_definition, rtol=1e-8)


def test_the_fast_way_is_the_definition_where_most_rows_cannot_matter():
    """Many scalars and few species: whole tiles of other species are ruled out by their norms."""
    mtp, species = random_mtp(14, 2), SYMBOLS[:2]
    chosen = active_set(mtp, species, [disordered((2, 2, 2), 2, seed=s) for s in range(30)])
    atoms = disordered((3, 2, 2), 2, seed=99)
    by_definition = np.abs(basis_vectors(mtp, species, atoms) @ chosen.inverse).max(axis=1)
    np.testing.assert_allclose(chosen.grades(atoms), by_definition, rtol=1e-8)


def test_neighbourhoods_that_the_set_never_saw_are_graded_alike(mtp, images):
    few = [image.copy() for image in images[:6]]
    for image in few:
        image.symbols = np.where(image.symbols == "Cl", "S", image.symbols)
    chosen = active_set(mtp, SPECIES, few)  # of three elements: the fourth has rows of START
    atoms = disordered((3, 2, 2), seed=99)
    by_definition = np.abs(basis_vectors(mtp, SPECIES, atoms) @ chosen.inverse).max(axis=1)
    assert by_definition.max() > 1e3
    np.testing.assert_allclose(chosen.grades(atoms), by_definition, rtol=1e-8)


def test_no_exchange_would_enlarge_the_volume(mtp, chosen, images):
    rows = np.concatenate([basis_vectors(mtp, SPECIES, atoms) for atoms in images])
    assert np.abs(rows @ chosen.inverse).max() <= 1.0 + 2e-3


def test_a_strange_neighbourhood_stands_out(chosen):
    assert chosen.grades(squeezed(3)).max() > 10


def test_a_pair_never_seen_stands_out(mtp, images):
    """No training atom of species 0 has a neighbour of species 3: nothing is known of that pair."""
    without = []
    for atoms in images:
        atoms = atoms.copy()
        atoms.symbols[[s == "Cl" for s in atoms.symbols]] = "S"
        without.append(atoms)
    chosen = active_set(mtp, SPECIES, without)
    assert chosen.grades(without[0]).max() <= 1.0 + 2e-3
    assert chosen.grades(images[0]).max() > 1000


def test_saved_and_loaded(chosen, images, tmp_path):
    chosen.save(tmp_path / "set.npz")
    again = ActiveSet.load(tmp_path / "set.npz", chosen.mtp)
    np.testing.assert_array_equal(again.grades(images[0]), chosen.grades(images[0]))
    assert again.configurations() == chosen.configurations()


def test_the_set_of_another_potential_is_refused(chosen, tmp_path):
    chosen.save(tmp_path / "set.npz")
    with pytest.raises(PotentialError, match="another potential"):
        ActiveSet.load(tmp_path / "set.npz", random_mtp(8, seed=1))


def test_a_file_that_is_no_set_is_refused(mtp, tmp_path):
    (tmp_path / "set.npz").write_text("nothing")
    with pytest.raises(PotentialError, match="not an active set"):
        ActiveSet.load(tmp_path / "set.npz", mtp)


def test_no_configurations_are_refused(mtp):
    with pytest.raises(TrainingError, match="at least one"):
        active_set(mtp, SPECIES, [])


def test_agrees_with_motep_on_the_derivatives(images, tmp_path):
    pytest.importorskip("motep")
    from ase import Atoms
    from motep.calculator import MTP
    from motep.io.mlip.mtp import read_mtp

    from seicampaign.mtp import write_mtp

    mtp = random_mtp(6, 2)
    write_mtp(tmp_path / "random.mtp", mtp)
    data = read_mtp(tmp_path / "random.mtp")
    data.species = Atoms("LiP").numbers
    atoms = disordered((2, 2, 2), 2)
    atoms.calc = MTP(data, engine="cext", mode="train")
    atoms.get_potential_energy()
    theirs = atoms.calc.engine.jac_energies(atoms)
    ours = basis_vectors(mtp, SYMBOLS[:2], atoms)
    assert ours.shape == (len(atoms), parameter_count(mtp))
    moments = mtp.alpha_scalar_moments
    np.testing.assert_allclose(ours[:, :moments], theirs.moment_coeffs.T, atol=1e-12)
    for t in range(2):
        begin = moments + t * own_size(mtp) + 1
        mine = ours[:, begin : begin + own_size(mtp) - 1].T
        wanted = theirs.radial_coeffs[t].reshape(len(mine), -1)
        np.testing.assert_allclose(mine, wanted, atol=1e-12)
