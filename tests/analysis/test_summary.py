import numpy as np
import pytest

from seicampaign.analysis.summary import crystal_window, reduction_window, summarise

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


def test_the_window_of_reduction_ends_where_the_curve_flattens_out():
    early, late = (
        reduction_window(TIMES, np.minimum(slope * TIMES, 0.5)) for slope in (2e-3, 6e-4)
    )
    assert early[0][-1] == pytest.approx(0.85 * 250, abs=3)
    assert late[0][-1] == 1000


def test_the_window_of_the_crystal_begins_at_nucleation_and_ends_at_the_stall():
    found = summarise(curves())
    times, values = crystal_window(*curves()["crystalline_fraction"], found.stages)
    assert times[0] == pytest.approx(2)
    assert times[-1] == pytest.approx(found.stages.stall - found.stages.nucleation, abs=2)
    assert values[0] < 0.02


def test_a_run_too_short_to_judge_is_not_judged():
    short = {name: (t[:8], y[:8]) for name, (t, y) in curves().items()}
    found = summarise(short)
    assert found.frames == 8
    assert found.stages is None
    assert found.growth == {}


def test_no_growth_has_no_law():
    none = np.zeros(501)
    assert summarise(curves(reduction_degree=none, crystalline_fraction=none)).growth == {}
