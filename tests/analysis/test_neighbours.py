"""The neighbour search against ASE's, in boxes of any shape and size."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from seicampaign.analysis.contents import Contents

CELLS = {
    "cubic": np.eye(3) * 12.0,
    "flat": np.diag([4.1, 4.6, 30.0]),
    "tiny": np.diag([3.0, 3.2, 2.9]),
    "skew": np.array([[10.0, 0, 0], [-6.0, 9.0, 0], [4.0, 5.0, 11.0]]),
    "left-handed": np.array([[0, 9.0, 0], [9.0, 0, 0], [0, 3.0, 9.0]]),
}


@pytest.fixture(params=CELLS)
def box(request):
    """Random Li, P and S, some of them outside the cell."""
    rng = np.random.default_rng(0)
    cell = CELLS[request.param]
    n = max(8, round(0.05 * abs(np.linalg.det(cell))))
    positions = (rng.random((n, 3)) * 3 - 1) @ cell
    return Atoms(rng.choice([3, 15, 16], n), positions=positions, cell=cell, pbc=True)


def contents(box):
    box.numbers[0] = 15
    return Contents.checked(box.positions, box.cell.array, box.numbers)


@pytest.mark.parametrize("cutoff", [2.5, 5.8])
def test_the_same_neighbours_as_ase(box, cutoff):
    inside = contents(box)
    sulfur, lithium = np.flatnonzero(box.numbers == 16), inside.lithium
    i, j, d = neighbor_list("ijd", box, cutoff)
    for queries, targets in ((sulfur, lithium), (lithium, lithium)):
        found = inside.nearest(queries, targets, cutoff, 5, vectors=True)
        for n, q in enumerate(queries):
            mine = (i == q) & np.isin(j, targets)
            assert found.within[n] == mine.sum()
            nearest = np.argsort(d[mine])[:5]
            assert found.distance[n, : len(nearest)] == pytest.approx(d[mine][nearest])
            vector = found.vector[n, : len(nearest)]
            assert np.linalg.norm(vector, axis=1) == pytest.approx(d[mine][nearest])
            to = targets[found.which[n, : len(nearest)]]
            images = (box.positions[to] - box.positions[q] - vector) @ np.linalg.inv(box.cell)
            assert images == pytest.approx(np.rint(images), abs=1e-9)
            assert (found.which[n, len(nearest) :] == -1).all()
            assert np.isinf(found.distance[n, len(nearest) :]).all()


def test_counting_stops_when_there_are_enough(box):
    inside = contents(box)
    everyone = np.arange(len(box))
    within = inside.nearest(everyone, inside.lithium, 4.0, 1).within
    for number in (np.zeros_like(within), np.full_like(within, 4), everyone % 5):
        enough = inside.at_least(number, everyone, inside.lithium, 4.0)
        assert enough.tolist() == (within >= number).tolist()


@pytest.mark.parametrize("size", [2, 5, 9])
def test_pieces_are_what_hangs_together(size):
    rng = np.random.default_rng(size)
    box = Atoms("Li80", positions=rng.random((80, 3)) * 20, cell=[20] * 3, pbc=True)
    i, j = neighbor_list("ij", box, 3.0)
    links = coo_matrix((np.ones(len(i)), (i, j)), shape=(80, 80))
    piece = connected_components(links, directed=False)[1]
    box += Atoms("P")
    found = contents(box).in_pieces(np.arange(80), size, 3.0)
    assert found.tolist() == (np.bincount(piece)[piece] >= size).tolist()
    assert 0 < found.sum() < 80


def test_small_boxes_are_repeated_to_see_what_hangs_together():
    """A sheet of Li in the plane of a box 3 A wide, and the same with gaps."""
    sheet = Atoms("PLi", positions=[[0, 0, 15], [1, 1, 1]], cell=[3, 3, 30], pbc=True)
    for box in (sheet, sheet * (2, 2, 1), sheet * (5, 5, 1)):
        inside = contents(box)
        assert inside.in_pieces(inside.lithium, 20, 3.5).all()
        assert not inside.in_pieces(inside.lithium, 2, 2.9).any()


def test_nobody_has_no_neighbours(box):
    inside = contents(box)
    nobody = np.zeros(0, np.int64)
    assert inside.nearest(inside.lithium, nobody, 3.0, 2).within.sum() == 0
    assert len(inside.nearest(nobody, inside.lithium, 3.0, 2).within) == 0
    assert len(inside.in_pieces(nobody, 2, 3.0)) == 0
