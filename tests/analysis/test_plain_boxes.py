"""Ideal crystals that are shaken, in random packing: `plain_boxes` says how."""

import pytest
from plain_boxes import build, drawn

from seicampaign.analysis import Phase, classify_frame

LITHIUM = 3
KINDS = ["two of 13 A", "grains at the faces", "three layers of metal", "one cell of electrolyte"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_put_there_is_found(kind, seed):
    box = build(drawn(kind, seed))
    truth, phase, anion = box.arrays["truth"], classify_frame(box).phase, box.numbers != LITHIUM
    crystal, called = ((p == Phase.CRYSTALLINE) & anion for p in (truth, phase))
    assert (crystal & called).sum() >= 0.9 * called.sum()
    assert (crystal & called).sum() >= 0.9 * crystal.sum()
    assert not (called & (truth == Phase.ELECTROLYTE)).any()
    for region in (Phase.ANODE, Phase.ELECTROLYTE):
        there = (truth == region) & ~anion
        assert (phase == region)[there].mean() >= 0.97


def test_metal_that_is_gone_is_not_found():
    found = classify_frame(build(drawn("no metal", 1)))
    assert found.residual_metal == 0


def test_electrolyte_that_is_gone_is_not_found():
    found = classify_frame(build(drawn("no electrolyte", 1)))
    assert found.residual_electrolyte == 0
