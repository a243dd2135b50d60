import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from seicampaign.structures.neighbours import neighbour_pairs


@pytest.mark.parametrize("cutoff", [2.0, 4.5, 9.0])
def test_pairs_are_those_of_ase_in_a_small_skewed_cell(cutoff):
    atoms = bulk("LiCl", "rocksalt", a=5.14).repeat((1, 2, 1))
    atoms.rattle(0.3, seed=1)
    atoms.positions += 7.3
    i, j, d = neighbour_pairs(atoms, cutoff)
    k, m, e = neighbor_list("ijd", atoms, cutoff)
    ours, theirs = np.lexsort((d, j, i)), np.lexsort((e, m, k))
    assert np.array_equal(i[ours], k[theirs])
    assert np.array_equal(j[ours], m[theirs])
    assert d[ours] == pytest.approx(e[theirs])


def test_masks_choose_both_ends():
    atoms = bulk("LiCl", "rocksalt", a=5.14)
    i, j, d = neighbour_pairs(atoms, 2.6, atoms.numbers == 3, atoms.numbers == 17)
    assert set(i) == {0} and set(j) == {1}
    assert d == pytest.approx(np.full(6, 2.57))
