"""The native kernel says what motep's C engine, finite differences and physics say."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from mtp_cases import SYMBOLS, disordered, random_mtp

from seicampaign.errors import PotentialError, StructureError
from seicampaign.mtp import write_mtp
from seicampaign.mtp.calculator import MTPCalculator, evaluate
from seicampaign.mtp.native import plan


def motep_results(mtp, atoms, path):
    calculator = pytest.importorskip("motep.calculator")
    from motep.io.mlip.mtp import read_mtp

    write_mtp(path, mtp)
    data = read_mtp(path)
    data.species = Atoms(SYMBOLS[: mtp.species_count]).numbers
    atoms = atoms.copy()
    atoms.calc = calculator.MTP(data, engine="cext")
    return atoms.get_potential_energies(), atoms.get_forces(), atoms.get_stress()


def assert_close(ours, theirs, relative=1e-10):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=relative * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("level", "species"),
    [(2, 1), (4, 2), (6, 3), (8, 4), (10, 6), (12, 4), (14, 4), (16, 4), (18, 2), (20, 4)],
)
@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_agrees_with_motep(tmp_path, level, species, isa):
    mtp = random_mtp(level, species, seed=level)
    try:
        plan(mtp, isa)
    except PotentialError:
        pytest.skip(f"this processor has no {isa}")
    atoms = disordered((2, 2, 2), species)
    energies, forces, stress = motep_results(mtp, atoms, tmp_path / "random.mtp")
    atoms.calc = MTPCalculator(mtp, SYMBOLS[:species], isa=isa)
    assert_close(atoms.get_potential_energies(), energies)
    assert_close(atoms.get_forces(), forces)
    assert_close(atoms.get_stress(), stress)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_agrees_with_motep_on_fifty_random_potentials(tmp_path, seed):
    rng = np.random.default_rng(seed)
    level = {0: 28, 1: 26}.get(seed, 2 * int(rng.integers(1, 13)))  # the highest take a minute
    species, size = int(rng.integers(1, 7)), int(rng.integers(2, 13))
    mtp = random_mtp(level, species, seed, size)
    atoms = disordered((2, 1, 2), species, seed)
    energies, forces, stress = motep_results(mtp, atoms, tmp_path / "random.mtp")
    atoms.calc = MTPCalculator(mtp, SYMBOLS[:species])
    assert_close(atoms.get_potential_energies(), energies)
    assert_close(atoms.get_forces(), forces)
    assert_close(atoms.get_stress(), stress)


def test_more_species_than_a_vector_has_lanes(tmp_path):
    mtp = random_mtp(8, 10)
    atoms = disordered((2, 2, 2), 10)
    energies, forces, _ = motep_results(mtp, atoms, tmp_path / "random.mtp")
    atoms.calc = MTPCalculator(mtp, SYMBOLS)
    assert_close(atoms.get_potential_energies(), energies)
    assert_close(atoms.get_forces(), forces)


@pytest.mark.parametrize("level", [8, 16])
def test_forces_and_stress_are_derivatives_of_the_energy(level):
    atoms = disordered((2, 2, 2))
    atoms.calc = MTPCalculator(random_mtp(level), SYMBOLS[:4])
    forces, stress = atoms.get_forces(), atoms.get_stress()
    numeric = calculate_numerical_forces(atoms, iatoms=[0, 5], eps=1e-5)
    np.testing.assert_allclose(forces[[0, 5]], numeric, atol=1e-7 * np.abs(forces).max())
    by_strain = calculate_numerical_stress(atoms, eps=1e-6)
    np.testing.assert_allclose(stress, by_strain, atol=1e-6 * np.abs(stress).max())


def test_a_cell_smaller_than_the_cutoff_is_a_part_of_its_supercell():
    small = Atoms("LiPSCl", [[0, 0, 0], [1.6, 1.7, 1.8], [0.2, 1.9, 1.7], [1.8, 0.1, 1.9]])
    small.set_cell([[3.4, 0, 0], [0.7, 3.6, 0], [-0.4, 0.9, 3.7]])
    small.pbc = True
    one, many = evaluate(random_mtp(10), SYMBOLS[:4], [small, small * (3, 2, 2)])
    assert many.energy == pytest.approx(12 * one.energy, rel=1e-12)
    np.testing.assert_allclose(many.forces, np.tile(one.forces, (12, 1)), atol=1e-12)
    np.testing.assert_allclose(many.virial, 12 * one.virial, atol=1e-11)


@pytest.mark.parametrize("pbc", [(0, 0, 0), (1, 0, 0), (0, 1, 1)])
def test_open_directions_have_no_images(pbc):
    mtp = random_mtp(10)
    inside = disordered((2, 2, 2))
    inside.pbc = pbc
    padded = inside.copy()
    for axis in np.flatnonzero(np.logical_not(pbc)):
        padded.cell[axis] *= 4
    padded.pbc = True
    ours, reference = evaluate(mtp, SYMBOLS[:4], [inside, padded])
    np.testing.assert_allclose(ours.energies, reference.energies, atol=1e-12)
    np.testing.assert_allclose(ours.forces, reference.forces, atol=1e-12)


def test_a_molecule_needs_no_cell():
    atoms = molecule("PH3")
    atoms.symbols[:] = "PLi3"
    result = evaluate(random_mtp(8), SYMBOLS[:4], [atoms])[0]
    atoms.set_cell([40, 40, 40])
    atoms.pbc = True
    boxed = evaluate(random_mtp(8), SYMBOLS[:4], [atoms])[0]
    np.testing.assert_allclose(result.forces, boxed.forces, atol=1e-12)


def test_rotation_and_order_of_atoms_change_nothing():
    mtp, atoms = random_mtp(16), disordered((2, 2, 2))
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    swapped = atoms[::-1]
    one, rotated, reverse = evaluate(mtp, SYMBOLS[:4], [atoms, turned, swapped])
    assert rotated.energy == pytest.approx(one.energy, rel=1e-12)
    np.testing.assert_allclose(reverse.forces[::-1], one.forces, atol=1e-12)
    np.testing.assert_allclose(one.forces.sum(axis=0), 0, atol=1e-10)


def test_atoms_beyond_reach_have_the_energy_of_their_species():
    mtp = random_mtp(10)
    lone = Atoms("LiCl", [[0, 0, 0], [7, 0, 0]])
    result = evaluate(mtp, SYMBOLS[:4], [lone])[0]
    at_rest = dataclasses.replace(mtp, species_coeffs=mtp.species_coeffs + 1.0)
    shifted = evaluate(at_rest, SYMBOLS[:4], [lone])[0]
    np.testing.assert_array_equal(result.forces, 0)
    np.testing.assert_allclose(shifted.energies - result.energies, 1.0, rtol=1e-12)


def test_threads_change_nothing():
    images = [disordered((2, 2, 1), seed=s) for s in range(6)]
    one = evaluate(random_mtp(10), SYMBOLS[:4], images)
    two = evaluate(random_mtp(10), SYMBOLS[:4], images, threads=2)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.forces, b.forces)


def test_energy_is_smooth_below_min_dist():
    """Closer than min_dist the polynomials continue, as in MLIP-2: no step, no refusal."""
    mtp = random_mtp(8)
    pairs = [Atoms("LiS", [[0, 0, 0], [mtp.min_dist + x, 0, 0]]) for x in (-1e-6, 0, 1e-6)]
    below, at, above = (r.energy for r in evaluate(mtp, SYMBOLS[:4], pairs))
    assert below - at == pytest.approx(at - above, rel=1e-3)


def test_an_unknown_element_is_refused():
    with pytest.raises(PotentialError, match="not Au"):
        evaluate(random_mtp(8), SYMBOLS[:4], [Atoms("LiAu", [[0, 0, 0], [2, 0, 0]])])


def test_species_must_be_as_many_as_the_potential_has():
    with pytest.raises(PotentialError, match="4 species: 3 elements"):
        MTPCalculator(random_mtp(8), ["Li", "P", "S"])
    with pytest.raises(PotentialError, match="all different"):
        MTPCalculator(random_mtp(8), ["Li", "P", "S", "S"])


@pytest.mark.parametrize(
    ("positions", "reason"),
    [([[0, 0, 0], [0, 0, 0]], "same place"), ([[0, 0, 0], [np.nan, 0, 0]], "not finite")],
)
def test_broken_positions_are_refused(positions, reason):
    with pytest.raises(StructureError, match=reason):
        evaluate(random_mtp(8), SYMBOLS[:4], [Atoms("Li2", positions)])


def test_a_flat_periodic_cell_is_refused():
    atoms = Atoms("Li", cell=[[4, 0, 0], [0, 4, 0], [4, 4, 0]], pbc=True)
    with pytest.raises(StructureError, match="flat"):
        evaluate(random_mtp(8), SYMBOLS[:4], [atoms])
