import numpy as np
import pytest

from seicampaign.analysis.growth import fit, growth_law, seed_interval
from seicampaign.analysis.laws import LAWS, butler_volmer, jmak
from seicampaign.errors import AnalysisError

TIMES = np.linspace(0, 1000, 501)
TRUTH = {
    "log": lambda t: 0.1 + 0.1 * np.log(np.maximum(t, 0.5)),
    "sqrt": lambda t: 0.02 + 0.022 * np.sqrt(t),
    "linear": lambda t: 0.01 + 7e-4 * t,
    "power": lambda t: 0.002 * t**0.75,
    "butler-volmer": lambda t: butler_volmer(t, 0.9, 0.0004, 6.0),
    "jmak": lambda t: jmak(t, 0.8, 1 / 300, 2.0, 20.0),
}


def noise(seed, memory=0.9, size=0.01):
    """Noise that remembers a share `memory` of itself from frame to frame."""
    rng = np.random.default_rng(seed)
    x = np.zeros(len(TIMES))
    for i in range(1, len(x)):
        x[i] = memory * x[i - 1] + np.sqrt(1 - memory**2) * rng.normal()
    return size * x


@pytest.mark.parametrize("law", TRUTH)
def test_the_law_behind_a_noisy_curve_is_found(law):
    verdicts = [growth_law(TIMES, TRUTH[law](TIMES) + noise(seed), start=2.0) for seed in range(3)]
    assert [v.laws for v in verdicts].count((law,)) >= 2


def test_a_window_too_short_to_tell_is_a_tie():
    verdict = growth_law(
        TIMES, TRUTH["sqrt"](TIMES) + noise(0), start=800, laws=("log", "sqrt", "linear")
    )
    assert verdict.tie
    assert "sqrt" in verdict.laws
    assert verdict.window == (800.0, 1000.0)


def test_a_law_that_noise_hides_is_a_rival_at_least():
    """A power of 0.75 under much noise: a simpler law will do, but power is not ruled out."""
    for seed in range(3):
        y = TRUTH["power"](TIMES) + noise(seed, memory=0.97, size=0.02)
        verdict = growth_law(TIMES, y, start=2.0)
        assert "power" in verdict.laws + verdict.rivals


def test_the_noise_is_measured_with_the_law():
    found = fit("linear", TIMES[1:], TRUTH["linear"](TIMES[1:]) + noise(3)[1:])
    assert found.parameters["b"] == pytest.approx(7e-4, rel=0.1)
    assert found.tau == pytest.approx(-2.0 / np.log(0.9), rel=0.5)
    assert found.sigma == pytest.approx(0.01, rel=0.3)
    assert found.rms == pytest.approx(0.01, rel=0.5) and not found.lasting
    assert found.value([0.0, 500.0]) == pytest.approx([0.01, 0.36], abs=0.03)


def test_a_law_is_doubtful_where_the_curve_has_another_shape():
    """A fast reaction and then a slow one, as a short run of a contact shows them: no law here."""
    twice = 0.15 * (1 - np.exp(-TIMES / 20)) + 0.3 * (TIMES / 1000) ** 0.6
    assert growth_law(TIMES, twice + noise(0, size=0.002), start=2.0).doubtful
    assert not growth_law(TIMES, TRUTH["log"](TIMES) + noise(0), start=2.0).doubtful


def test_the_exponent_has_an_interval_over_seeds():
    exponents = [
        fit("power", TIMES, TRUTH["power"](TIMES) + noise(seed)).parameters["n"]
        for seed in range(4)
    ]
    interval = seed_interval(exponents)
    assert interval.low < 0.75 < interval.high
    assert interval.high - interval.low < 0.3
    assert np.isinf(seed_interval([0.5]).high)


def test_butler_volmer_solves_its_equation():
    t = np.linspace(1, 500, 20001)
    y = butler_volmer(t, 0.9, 0.0004, 6.0)
    rate = np.gradient(y, t)
    assert rate[1:-1] == pytest.approx(2 * 0.0004 * np.sinh(6 * (0.9 - y[1:-1])), rel=1e-4)
    assert butler_volmer(np.array([0.0]), 0.9, 0.0004, 6.0) == pytest.approx(0, abs=1e-9)


def test_jmak_waits_and_saturates():
    y = LAWS["jmak"].value(np.array([10.0, 5000.0]), 0.8, 1 / 300, 2.0, 20.0)
    assert y == pytest.approx([0, 0.8], abs=1e-9)


def test_too_few_points_and_strange_names_are_refused():
    with pytest.raises(AnalysisError, match="at least 20 points"):
        growth_law(TIMES[:10], TIMES[:10])
    with pytest.raises(AnalysisError, match="'sqrt'"):
        fit("sqr", TIMES, TIMES)
