"""Faster or not: only where the seeds say so."""

import pytest

from seicampaign.compare.electrolytes import Estimate
from seicampaign.compare.ranking import RANKED, rank, rank_documents
from seicampaign.errors import CampaignError


def test_far_apart_seeds_decide():
    places = rank(
        {"slow": Estimate.of([900.0, 940.0, 960.0]), "fast": Estimate.of([100.0, 120.0, 110.0])}
    )
    assert [p.name for p in places] == ["fast", "slow"]
    assert places[0].below == ("slow",)
    assert places[1].below == () and places[1].undecided == ()


def test_overlapping_seeds_do_not():
    places = rank({"a": Estimate.of([100.0, 400.0]), "b": Estimate.of([200.0, 450.0])})
    assert [p.name for p in places] == ["a", "b"]
    assert places[0].below == ()
    assert places[0].undecided == ("b",)


def test_one_seed_decides_nothing_however_far():
    places = rank({"a": Estimate.of([1.0]), "b": Estimate.of([1000.0, 1001.0])})
    assert places[0].estimate.low is None
    assert places[0].undecided == ("b",)


def test_what_was_not_reached_comes_last():
    places = rank({"never": Estimate.of([None, None]), "a": Estimate.of([5.0, 6.0])})
    assert [p.name for p in places] == ["a", "never"]
    assert places[1].estimate.missing == 2


def test_an_unknown_quantity_gets_the_nearest():
    assert "half_reduction" in RANKED
    with pytest.raises(CampaignError, match="half_reduction"):
        rank_documents([], "half_reductoin")
