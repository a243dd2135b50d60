"""The neighbour search against ASE's, in boxes of any shape and size."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
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


def test_counting_is_finding_and_forgetting(box):
    inside = contents(box)
    everyone = np.arange(len(box))
    for targets in (inside.lithium, everyone):
        within = inside.nearest(everyone, targets, 4.0, 1).within
        assert inside.count(everyone, targets, 4.0).tolist() == within.tolist()


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


def test_neighbours_as_near_are_all_found_once():
    """A perfect crystal: 12 at one distance, and 6 at the next."""
    box = bulk("S", "fcc", a=4.0, cubic=True).repeat(4)
    box.numbers[0] = 15
    everyone = np.arange(len(box))
    found = contents(box).nearest(everyone, everyone, 4.1, 20)
    assert (found.within == 18).all()
    assert (
        np.sort(found.which[:, :18], axis=1)[:, 1:] > np.sort(found.which[:, :18])[:, :-1]
    ).all()
    assert found.distance[:, :12] == pytest.approx(np.sqrt(8))
    assert found.distance[:, 12:18] == pytest.approx(4.0)
    assert (found.which[:, 18:] == -1).all()


@pytest.mark.parametrize("many", [30, 300])
def test_in_a_crowd_too_the_nearest_come_first(many):
    rng = np.random.default_rng(many)
    box = Atoms(f"S{many}", positions=rng.random((many, 3)) * 5 + 5, cell=[30] * 3, pbc=True)
    apart = box.get_all_distances()
    everyone = np.arange(many)
    found = contents(box).nearest(everyone, everyone, 9.0, 12)
    assert (found.within == many - 1).all()
    assert found.which.tolist() == np.argsort(apart, axis=1)[:, 1:13].tolist()
