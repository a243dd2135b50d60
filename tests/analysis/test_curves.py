import numpy as np
import pytest

from seicampaign.analysis import seed_spread, spread_by_size, time_to_value, values_at
from seicampaign.analysis.curves import spread_exponent
from seicampaign.errors import AnalysisError

TIMES = [0.0, 10.0, 20.0, 40.0]
ALPHA = [0.0, 0.2, 0.6, 0.8]


def test_half_reduction_is_interpolated():
    assert time_to_value(TIMES, ALPHA, 0.5) == pytest.approx(17.5)


def test_what_is_not_reached_has_no_time():
    assert time_to_value(TIMES, ALPHA, 0.9) is None
    assert time_to_value([], [], 0.5) is None


def test_what_is_there_from_the_start_is_there_at_the_first_frame():
    assert time_to_value([5.0, 6.0], [0.7, 0.8], 0.5) == 5.0


def test_a_curve_has_no_value_outside_its_frames():
    at = values_at(TIMES, ALPHA, [-1.0, 5.0, 40.0, 41.0])
    assert np.isnan(at[[0, 3]]).all()
    assert at[1:3] == pytest.approx([0.1, 0.8])


def test_points_that_are_not_numbers_are_left_out():
    assert values_at([0, 1, 2], [0.0, np.nan, 2.0], [1.0]) == pytest.approx([1.0])


def test_seeds_give_a_mean_and_a_spread_where_all_have_come():
    spread = seed_spread([([0, 10], [0.0, 1.0]), ([0, 20], [0.2, 2.2])], [0.0, 10.0, 20.0])
    assert spread.mean[:2] == pytest.approx([0.1, 1.1])
    assert spread.std[0] == pytest.approx(np.std([0, 0.2], ddof=1))
    assert np.isnan(spread.mean[2])
    assert spread.n_seeds == 2


def test_one_seed_has_no_spread():
    spread = seed_spread([(TIMES, ALPHA)], [10.0])
    assert spread.mean == pytest.approx([0.2])
    assert np.isnan(spread.std).all()


def test_time_that_jumps_back_is_refused():
    with pytest.raises(AnalysisError, match="do not increase"):
        time_to_value([0, 2, 1], [0, 1, 2], 0.5)
    with pytest.raises(AnalysisError, match="not one curve"):
        values_at([0, 1], [0], [0.5])


def test_noise_that_averages_out_falls_as_the_root_of_the_size():
    assert spread_exponent([884, 7956, 31824], [0.06, 0.02, 0.01]) == pytest.approx(-0.5, abs=0.01)
    with pytest.raises(AnalysisError, match="two sizes"):
        spread_exponent([884, 884], [0.1, 0.2])


def test_the_spread_over_seeds_is_held_against_the_size():
    rng = np.random.default_rng(2)
    systems = {
        size: [(TIMES, ALPHA + rng.normal() * 2 / np.sqrt(size)) for _ in range(20)]
        for size in (31824, 884, 7956)
    }
    systems[100] = [(TIMES, ALPHA)]
    found = spread_by_size(systems, [5.0, 10.0])
    assert found.sizes.tolist() == [884, 7956, 31824]
    assert found.seeds.tolist() == [20, 20, 20]
    assert found.exponent == pytest.approx(-0.5, abs=0.2)
    truth = 2 / np.sqrt(found.sizes)
    assert ((found.low < truth) & (truth < found.high)).all()
    two = spread_by_size(
        {n: [(TIMES, ALPHA), (TIMES, np.add(ALPHA, 0.1))] for n in (10, 20)}, [5.0]
    )
    assert two.high[0] / two.low[0] > 60
    with pytest.raises(AnalysisError, match="two sizes"):
        spread_by_size({884: systems[884]}, [5.0])
