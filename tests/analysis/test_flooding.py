import numpy as np
import pytest
from ase.build import bulk
from truth_boxes import antifluorite, argyrodite, repeated, with_units

from seicampaign.analysis import classify_frame
from seicampaign.analysis.flooding import find_ways, passable


def sandwich(hole):
    """Metal | crystal with a hole of radius `hole` through it | electrolyte | metal."""
    product = antifluorite(5, vacancies=0)
    width = product.cell[0, 0]
    across = product.positions[:, :2] - width / 2
    product = product[np.hypot(*across.T) > hole]
    electrolyte = repeated(with_units(argyrodite(width / 3)), (3, 3, 2))
    metal = bulk("Li", "bcc", a=width / 8, cubic=True) * (8, 8, 6)
    height = 0.0
    box = product[:0]
    for part in (metal, product, electrolyte):
        part = part.copy()
        part.positions[:, 2] += height + 1.5
        height += part.cell[2, 2] + 1.5
        box += part
    box.cell[2, 2] = height
    return box


@pytest.mark.parametrize(("hole", "is_open"), [(0.0, False), (7.0, True)])
def test_a_slab_is_closed_and_a_pore_is_open(hole, is_open):
    ways = find_ways(classify_frame(sandwich(hole)))
    assert ways.lower == is_open
    assert ways.upper
    assert ways.curve_values() == {"way_lower": float(is_open), "way_upper": 1.0}


def test_the_box_may_begin_anywhere():
    box = sandwich(0.0)
    for shift in (10.0, 40.0, 70.0):
        box.positions[:, 2] += shift
        assert find_ways(classify_frame(box)) == (False, True)


def test_a_way_may_lead_through_the_side_of_the_box_but_not_through_its_ends():
    free = np.zeros((4, 4, 6), bool)
    free[0, 0, :3] = True
    free[3, 0, 2:] = True
    assert passable(~free)
    free[:, :, 2] = False
    assert not passable(~free)
    assert not passable(np.ones((2, 2, 2), bool))


def test_a_way_may_wind_back_on_itself():
    free = np.zeros((5, 5, 7), bool)
    free[2, 2, :5] = free[2, 3, 4] = free[2, 4, 4] = True
    free[2, 4, 1:5] = free[2, 4, 1] = free[3, 4, 1] = free[4, 4, 1] = True
    assert not passable(~free)
    free[4, 4, 1:] = True
    assert passable(~free)
