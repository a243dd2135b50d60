import numpy as np
import pytest

from seicampaign.analysis.summary import growth_to_plateau, summarise

TIMES = np.linspace(0, 1000, 501)


def curves(**changed):
    rng = np.random.default_rng(0)
    crystal = 0.7 * (1 - np.exp(-((TIMES / 250) ** 2)))
    reduced = np.maximum(crystal, np.clip(0.11 * np.log(np.maximum(TIMES, 1)), 0, 1))
    values = {
        "reduction_degree": reduced + 1e-3 * rng.normal(size=len(TIMES)),
        "crystalline_fraction": crystal,
        "residual_electrolyte": 1 - reduced,
        "residual_metal": np.full(len(TIMES), 0.4),
        "way_lower": (TIMES < 400).astype(float),
        "way_upper": np.ones(len(TIMES)),
    } | changed
    return {name: (TIMES, y) for name, y in values.items()}


def test_a_simulation_in_a_few_numbers():
    found = summarise(curves())
    assert (found.frames, found.time) == (501, 1000.0)
    assert found.closed_lower == pytest.approx(400, abs=3)
    assert found.closed_upper is None
    assert found.stages.stalled_for == "neither"
    assert found.stages.nucleation < found.stages.amorphous_maximum < found.stages.stall
    assert found.growth["reduction_degree"].laws == ("log",)
    assert found.last["residual_metal"] == pytest.approx(0.4)


def test_the_window_of_a_law_ends_before_the_plateau():
    y = np.minimum(1e-3 * TIMES, 0.5)
    window = growth_to_plateau(TIMES, y + 1e-4 * np.sin(TIMES)).window
    assert window[1] == pytest.approx(0.85 * 500, abs=3)


def test_a_run_too_short_to_judge_is_not_judged():
    short = {name: (t[:8], y[:8]) for name, (t, y) in curves().items()}
    found = summarise(short)
    assert found.frames == 8
    assert found.stages is None
    assert found.growth == {}


def test_no_growth_has_no_law():
    assert growth_to_plateau(TIMES, np.zeros(501)) is None
