import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation
from truth_boxes import antifluorite, grain, shaken

from seicampaign.analysis import Phase, classify_frame
from seicampaign.analysis.grains import (
    crystal_clusters,
    find_grains,
    misorientation,
    orientation,
)


@pytest.fixture(scope="module")
def three_grains():
    """Balls of 12, 11 and 9 A in vacuum, far apart, at 300 K."""
    box = Atoms(cell=[60, 60, 60], pbc=True)
    for n, (radius, centre) in enumerate([(12, 15), (11, 43), (9, 60)]):
        box += shaken(grain(radius, np.array([centre, centre, 15 + 28 * (n % 2)]), seed=n), 300, n)
    return box


def test_grains_are_counted_and_measured(three_grains):
    found = classify_frame(three_grains)
    grains = find_grains(found)
    assert len(grains.size) == 3
    assert grains.size.sum() == (found.phase[found.anions.atoms] == Phase.CRYSTALLINE).sum()
    assert (np.diff(grains.size) <= 0).all()
    values = grains.curve_values()
    assert values["grains"] == 3
    assert values["largest_grain"] == grains.size[0]
    assert grains.size[2] < values["mean_grain"] < grains.size[0]


def test_two_grains_that_touch_are_two_by_their_orientation():
    box = Atoms(cell=[60, 40, 40], pbc=True)
    for n in range(2):
        half = grain(14.0, np.array([20.0, 20.0, 20.0]), seed=n)
        half = half[half.positions[:, 0] < 19.0]
        if n:
            half.positions[:, 0] = 40.0 - half.positions[:, 0]
        box += half
    found = classify_frame(box)
    assert len(crystal_clusters(found).size) == 1
    assert (find_grains(found).size > 40).sum() == 2


def test_a_grain_says_how_it_is_turned():
    turn = Rotation.from_euler("xyz", [20, 35, -50], degrees=True)
    block = shaken(antifluorite(4), 300)
    block.positions = turn.apply(block.positions)
    block.cell = turn.apply(block.cell.array)
    found = classify_frame(block)
    measured = orientation(found, find_grains(found), 0)
    assert misorientation(measured, turn) < 2.0


def test_turning_a_cube_by_its_own_symmetry_is_no_turn():
    one = Rotation.from_euler("z", 10, degrees=True)
    assert misorientation(one, one * Rotation.from_euler("z", 90, degrees=True)) < 1e-5
    assert misorientation(one, Rotation.from_euler("z", 40, degrees=True)) == pytest.approx(30)


def test_a_crystal_that_fills_the_box_wraps_all_ways():
    clusters = crystal_clusters(classify_frame(shaken(antifluorite(4), 300)))
    assert len(clusters.size) == 1
    assert clusters.rank(0) == 3


def test_a_slab_wraps_in_its_plane():
    slab = shaken(antifluorite(4), 300)
    slab.cell[2, 2] += 12
    clusters = crystal_clusters(classify_frame(slab))
    assert clusters.rank(0) == 2
    assert (clusters.windings[0][:, 2] == 0).all()


def test_where_nothing_is_crystalline_there_are_no_grains():
    found = classify_frame(
        Atoms("PS4", positions=np.arange(5)[:, None] * [6, 0, 0], cell=[30] * 3, pbc=True)
    )
    grains = find_grains(found)
    assert len(grains.size) == 0
    assert grains.curve_values() == {"grains": 0.0, "largest_grain": 0.0, "mean_grain": 0.0}
