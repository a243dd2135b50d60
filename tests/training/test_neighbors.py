"""Neighbour lists against ASE's."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from seicampaign.training.neighbors import neighbors


def primitive() -> Atoms:
    return bulk("Li", "bcc", a=3.4)


def sheared() -> Atoms:
    atoms = bulk("Cu", "fcc", a=4.0, cubic=True) * (2, 1, 1)
    atoms.set_cell(atoms.cell.array @ [[1, 0, 0], [0.4, 1, 0], [-0.3, 0.2, 1]], scale_atoms=True)
    atoms.positions += 50.0  # outside the cell
    atoms.rattle(0.2, seed=1)
    return atoms


def slab() -> Atoms:
    atoms = sheared()
    atoms.pbc = (True, False, True)
    return atoms


def molecule() -> Atoms:
    return Atoms("H2O", [[0, 0, 0.1], [0, 0.8, -0.5], [0, -0.8, -0.5]])


@pytest.mark.parametrize("make", [primitive, sheared, slab, molecule])
def test_pairs_are_those_of_ase(make):
    atoms, cutoff = make(), 5.0
    order = np.array(atoms.numbers, dtype=np.int32)
    found = neighbors(atoms, cutoff, order)
    i, vectors = neighbor_list("iD", atoms, cutoff)
    assert (np.bincount(found.centers) == np.bincount(i)).all()

    def sort(centers, rows):
        return np.array(sorted(np.round(np.c_[centers, rows], 9).tolist()))

    np.testing.assert_allclose(sort(found.centers, found.vectors), sort(i, vectors), atol=1e-8)


def test_neighbors_of_an_atom_are_sorted_by_the_order_given():
    atoms = sheared()
    order = np.arange(len(atoms), dtype=np.int32)[::-1].copy()
    found = neighbors(atoms, 5.0, order)
    assert (np.diff(found.centers) >= 0).all()
    for center in range(len(atoms)):
        assert (np.diff(order[found.neighbors[found.centers == center]]) >= 0).all()
