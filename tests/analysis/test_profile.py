import numpy as np
import pytest
from truth_boxes import antifluorite, argyrodite, shaken

from seicampaign.analysis import Phase, classify_frame
from seicampaign.analysis.profile import normal_axis, profiles, sei_thickness


def test_shares_add_up_and_begin_in_the_metal(box):
    found = classify_frame(box)
    profile = profiles(found.contents, found.phase, 1.0)
    assert profile.phases.sum(axis=1) == pytest.approx(1)
    assert sum(profile.elements.values()) == pytest.approx(1)
    assert profile.atoms.sum() == len(box)
    assert profile.edges[-1] == pytest.approx(box.cell[2, 2])
    assert profile.phases[0, Phase.ANODE] == 1
    assert profile.phases[-1, Phase.ANODE] == 1
    middle = int(profile.axis.electrolyte * len(profile.atoms))
    assert profile.phases[middle, Phase.ELECTROLYTE] > 0.9
    assert profile.elements[15][0] == 0


def test_the_thickness_does_not_depend_on_the_bins(box):
    found = classify_frame(box)
    by_width = [sei_thickness(found.contents, found.phase, width) for width in (0.5, 1.0, 2.0, 3.0)]
    assert np.ptp([t.lower for t in by_width]) < 1.5
    assert np.ptp([t.mean for t in by_width]) < 0.75


def test_both_interfaces_are_measured(box):
    """The box and its mirror image, one on the other: electrolyte between two reacted layers."""
    mirror = box.copy()
    mirror.positions[:, 2] = 2 * box.cell[2, 2] - mirror.positions[:, 2]
    both = box + mirror
    both.cell[2, 2] *= 2
    one, two = classify_frame(box).thickness, classify_frame(both).thickness
    assert two.lower == pytest.approx(one.lower, abs=2.0)
    assert two.upper == pytest.approx(one.lower, abs=2.0)


def test_without_an_anode_the_axis_begins_opposite_the_electrolyte():
    electrolyte = argyrodite().repeat((2, 2, 1))
    electrolyte.cell[2, 2] += 20
    found = classify_frame(electrolyte)
    axis = normal_axis(found.contents, found.phase)
    assert axis.electrolyte == pytest.approx(0.5, abs=0.02)
    assert found.sei_thickness == pytest.approx(0, abs=0.1)


def test_a_box_that_has_all_reacted_is_half_a_layer_for_each_interface():
    product = shaken(antifluorite(4), 300)
    thickness = classify_frame(product).thickness
    assert thickness.lower == pytest.approx(product.cell[2, 2] / 2)
    assert thickness.upper == pytest.approx(product.cell[2, 2] / 2)
