"""Boxes made by scripts/make-truth-boxes, in which no threshold was chosen.

Grains of 12 and 15 A in glass that was quenched, or packed and relaxed, electrolyte and metal, all
brought to 300 K with the shipped potential.
"""

from pathlib import Path

import numpy as np
import pytest

from seicampaign.analysis import Phase, classify

LITHIUM = 3


@pytest.fixture(scope="module", params=["300 K", "packed 300 K"])
def judged(request):
    """Numbers, truth and what was found."""
    with np.load(Path(__file__).with_name("relaxed_boxes.npz")) as file:
        numbers, positions, cell, truth = (
            file[f"{request.param}/{name}"] for name in ("numbers", "positions", "cell", "truth")
        )
    return numbers, truth, classify(positions * 1e-3, cell, numbers).phase


def test_the_crystal_is_found_and_nothing_else(judged):
    numbers, truth, phase = judged
    anion = numbers != LITHIUM
    crystal, called = ((p == Phase.CRYSTALLINE) & anion for p in (truth, phase))
    assert (crystal & called).sum() / called.sum() >= 0.90
    assert (crystal & called).sum() / crystal.sum() >= 0.90
    assert called.sum() / crystal.sum() == pytest.approx(1, abs=0.05)
    assert not (called & (truth == Phase.ELECTROLYTE)).any()


def test_lithium_is_where_it_was_put(judged):
    numbers, truth, phase = judged
    lithium = numbers == LITHIUM
    for region, share in ((Phase.ANODE, 0.98), (Phase.ELECTROLYTE, 0.99)):
        assert (phase == region)[(truth == region) & lithium].mean() >= share
