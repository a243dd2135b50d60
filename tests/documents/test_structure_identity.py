"""What makes two structures one, and what a stored configuration keeps."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.documents.datasets import atoms_document, atoms_of, label_hash, structure_id


@pytest.fixture
def atoms():
    atoms = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    atoms.rattle(0.1, seed=1)
    forces = np.random.default_rng(2).normal(size=(len(atoms), 3))
    atoms.calc = SinglePointCalculator(atoms, energy=-1 / 3, forces=forces, stress=np.eye(3) / 7)
    return atoms


def relabelled(atoms, order):
    moved = atoms[order]
    moved.calc = SinglePointCalculator(
        moved, **atoms.calc.results | {"forces": atoms.calc.results["forces"][order]}
    )
    return moved


def test_the_identity_is_pinned():
    assert structure_id(bulk("Li", "bcc", a=3.44)) == "a9c97988b7691b2b1ab9"


def test_the_order_of_atoms_does_not_matter(atoms):
    other = relabelled(atoms, np.random.default_rng(3).permutation(len(atoms)))
    assert structure_id(other) == structure_id(atoms)
    assert label_hash(other) == label_hash(atoms)


def test_the_periodic_image_of_an_atom_does_not_matter(atoms):
    moved = atoms.copy()
    moved.positions += np.random.default_rng(4).integers(-3, 4, (len(atoms), 3)) @ atoms.cell.array
    assert structure_id(moved) == structure_id(atoms)


def test_an_atom_on_a_face_is_on_both_faces():
    cell = np.diag([10.123456789, 11.0, 12.0])
    faces = [0.0, -1e-9, 1e-9, 10.123456789, 10.1234567885]
    ids = {structure_id(Atoms("Li", [[x, 5, 5]], cell=cell, pbc=True)) for x in faces}
    assert len(ids) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.positions.__setitem__((0, 0), a.positions[0, 0] + 1e-5),
        lambda a: a.set_cell(a.cell.array * (1 + 1e-5)),
        lambda a: a.symbols.__setitem__(0, "Na"),
        lambda a: a.set_pbc([True, True, False]),
    ],
    ids=["position", "cell", "element", "periodicity"],
)
def test_whatever_a_potential_sees_matters(atoms, change):
    changed = atoms.copy()
    change(changed)
    assert structure_id(changed) != structure_id(atoms)


def test_what_is_stored_has_the_same_identity_whatever_it_was(atoms):
    random = np.random.default_rng(5)
    for _ in range(50):
        moved = atoms.copy()
        moved.set_cell(moved.cell.array + random.normal(scale=0.1, size=(3, 3)))
        moved.positions += random.normal(scale=20.0, size=(len(moved), 3))
        assert structure_id(atoms_of(atoms_document(moved))) == structure_id(moved)


def test_a_stored_configuration_keeps_its_labels(atoms):
    atoms.info |= {"kind": "bulk", "n_scf": np.int64(12), "origin": {"step": 7, "grade": 3.5}}
    back = atoms_of(atoms_document(atoms))
    assert back.calc.results["energy"] == -1 / 3
    np.testing.assert_allclose(back.get_forces(), atoms.get_forces(), rtol=0, atol=1e-8)
    np.testing.assert_allclose(back.get_stress(), atoms.get_stress(), rtol=0, atol=1e-12)
    assert back.info == {"kind": "bulk", "n_scf": 12, "origin": {"step": 7, "grade": 3.5}}
    assert label_hash(back) == label_hash(atoms)
