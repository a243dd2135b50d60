import numpy as np
import pytest

from seicampaign.analysis.stages import StageRules, find_stages, time_of_closure
from seicampaign.errors import AnalysisError

TIMES = np.linspace(0, 10_000, 1001)


def run(crystal_limit=0.76, electrolyte_left=0.0, metal_left=0.4, noise=0.003):
    """Curves like those at 400 K: alpha first, the crystal from 50 ps on."""
    rng = np.random.default_rng(0)
    reached = 1 - electrolyte_left
    alpha = reached * (1 - np.exp(-TIMES / 400))
    crystal = crystal_limit * np.clip(1 - np.exp(-(TIMES - 50) / 1000), 0, None)
    jitter = noise * rng.normal(size=(2, len(TIMES)))
    return {
        "times": TIMES,
        "reduced": alpha + jitter[0],
        "crystalline": np.clip(crystal + jitter[1], 0, None),
        "residual_electrolyte": 1 - alpha,
        "residual_metal": 1 - (1 - metal_left) * alpha / reached,
    }


def test_the_stages_of_a_run_to_the_end():
    stages = find_stages(**run())
    assert stages.nucleation == pytest.approx(65, abs=60)
    exact = TIMES[np.argmax(1 - np.exp(-TIMES / 400) - 0.76 * (1 - np.exp(-(TIMES - 50) / 1000)))]
    assert stages.amorphous_maximum == pytest.approx(exact, abs=150)
    assert 3000 < stages.stall < 4500
    assert stages.stalled_for == "electrolyte"
    assert stages.metal_depleted is None


def test_a_stall_with_electrolyte_and_metal_left_is_one_of_kinetics():
    stages = find_stages(**run(crystal_limit=0.4, electrolyte_left=0.4))
    assert stages.stalled_for == "neither"
    assert stages.electrolyte_depleted is None


def test_a_stall_for_want_of_metal_says_so():
    stages = find_stages(**run(crystal_limit=0.4, electrolyte_left=0.4, metal_left=0.0))
    assert stages.stalled_for == "metal"
    assert stages.metal_depleted == pytest.approx(-400 * np.log(0.02), abs=20)


def test_a_small_crystal_that_grows_has_not_stalled():
    curves = run()
    curves["crystalline"] = 0.04 * np.sqrt(TIMES / TIMES[-1])
    assert find_stages(**curves).stall is None
    assert find_stages(**curves, rules=StageRules(still_part=1)).stall is not None


def test_what_has_not_happened_has_no_time():
    curves = {name: values[:6] for name, values in run().items()}
    with pytest.raises(AnalysisError, match="10 frames"):
        find_stages(**curves)
    young = {name: values[:100] for name, values in run().items()}
    stages = find_stages(**young)
    assert stages.stall is None and stages.stalled_for is None
    unreacted = dict.fromkeys(young, np.zeros(100)) | {"times": TIMES[:100]}
    unreacted["residual_electrolyte"] = unreacted["residual_metal"] = np.ones(100)
    assert find_stages(**unreacted) == (None,) * 6


def test_the_rules_can_be_stated_otherwise():
    strict = find_stages(**run(), rules=StageRules(nucleus=0.1))
    assert strict.nucleation > find_stages(**run()).nucleation


def test_a_way_is_closed_when_it_opens_no_more():
    assert time_of_closure([0, 1, 2, 3, 4], [1, 0, 1, 0, 0]) == 3.0
    assert time_of_closure([0, 1, 2], [0, 0, 1]) is None
    assert time_of_closure([5, 6], [0, 0]) == 5.0
