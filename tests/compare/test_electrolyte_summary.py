"""The summary of one electrolyte over its seeds, on curves whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from seicampaign.compare.electrolytes import Estimate, summarise

TIMES = np.arange(0.0, 2001.0)


def curve(values):
    return SimpleNamespace(times=TIMES, values=np.asarray(values))


def seed(number, rate=0.08, nucleation=100.0):
    """Reduced as ln t; crystal as sqrt(t - nucleation); lower way closes at 500 ps."""
    rng = np.random.default_rng(number)
    noise = 0.002 * rng.normal(size=(2, len(TIMES)))
    reduced = rate * np.log(np.maximum(TIMES, 1.0)) + 0.1 + noise[0]
    grown = 0.008 * np.sqrt(np.clip(TIMES - nucleation, 0, None))
    crystal = np.where(nucleation < TIMES, grown + noise[1], 0.0)
    return {
        "reduction_degree": curve(reduced),
        "crystalline_fraction": curve(crystal),
        "amorphous_fraction": curve(reduced - crystal),
        "residual_electrolyte": curve(1 - reduced),
        "residual_metal": curve(0.5 - 0.1 * reduced),
        "sei_thickness": curve(0.7 * np.maximum(TIMES, 0.1) ** 0.4),
        "way_lower": curve(TIMES < 500),
        "way_upper": curve(np.ones_like(TIMES)),
        "grade_max": curve(np.full(len(TIMES), 1.5 + number)),
    }


@pytest.fixture(scope="module")
def summary():
    return summarise([seed(0), seed(1), seed(2, nucleation=120.0)])


def test_laws_are_found_over_all_seeds(summary):
    assert summary.reduction_law.laws == ("log",)
    assert summary.reduction_law.parameters["b"].mean == pytest.approx(0.08, rel=0.02)
    assert summary.crystal_law.laws == ("sqrt",)
    assert summary.crystal_law.parameters["b"].mean == pytest.approx(0.008, rel=0.05)
    assert not summary.reduction_law.doubtful
    assert summary.reduction_law.rms.mean == pytest.approx(0.002, rel=0.1)


def test_a_law_that_misses_the_shape_of_one_seed_is_doubtful():
    odd = seed(3)
    fast_then_slow = 0.15 * (1 - np.exp(-TIMES / 40)) + 0.3 * (TIMES / 2000) ** 0.6
    odd["reduction_degree"].values[:] = fast_then_slow
    law = summarise([seed(0), odd]).reduction_law
    assert law.doubtful
    assert law.rms.values[1] > law.rms.values[0]


def test_times_have_intervals_over_seeds(summary):
    half = summary.half_reduction
    assert half.mean == pytest.approx(np.exp(0.4 / 0.08), rel=0.05)
    assert half.low < half.mean < half.high
    assert len(half.values) == 3
    assert summary.nucleation.mean == pytest.approx(106.7, abs=2)


def test_what_was_not_reached_is_said(summary):
    assert summary.ninety_percent_reduction.mean is None
    assert summary.ninety_percent_reduction.missing == 3
    assert summary.crystalline_at["10000"].missing == 3
    assert summary.closure_lower.mean == pytest.approx(500.0)
    assert summary.closure_upper.missing == 3


def test_thickness_grows_with_its_exponent(summary):
    assert summary.sei_growth_exponent.mean == pytest.approx(0.4, abs=0.02)
    assert summary.grade_max.values == (1.5, 2.5, 3.5)


def test_one_seed_has_no_interval():
    alone = Estimate.of([3.0])
    assert (alone.mean, alone.low, alone.high) == (3.0, None, None)


def test_few_frames_give_no_law_and_no_error():
    short = {
        name: SimpleNamespace(times=c.times[:5], values=c.values[:5]) for name, c in seed(0).items()
    }
    summary = summarise([short])
    assert summary.reduction_law.laws == ()
    assert summary.sei_growth_exponent.missing == 1
