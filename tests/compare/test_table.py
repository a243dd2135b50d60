"""The comparison table on curves whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from seicampaign.compare import comparison_table, default_times


def simulation(key, electrolyte="Li6PS5Cl", seed=1, temperature=400.0):
    return {
        "simulation_id": key,
        "electrolyte": electrolyte,
        "anode": "Li",
        "supercell": [1, 1],
        "temperature": temperature,
        "pressure": 1.0,
        "seed": seed,
        "n_atoms": 884,
        "steps_done": 100_000,
        "timestep": 1.0,
    }


def curves(rate, end=100.0):
    times = np.linspace(0, end, 101)
    curve = SimpleNamespace(times=times, values=np.minimum(1, rate * times))
    return {name: curve for name in ("reduction_degree", "crystalline_fraction", "sei_thickness")}


def test_seeds_share_a_row_and_electrolytes_do_not():
    table = comparison_table(
        [simulation("a"), simulation("b", seed=2), simulation("c", "beta-Li3PS4")],
        {"a": curves(0.01), "b": curves(0.02), "c": curves(0.004)},
        times=[50],
    )
    assert table["electrolyte"].tolist() == ["Li6PS5Cl", "beta-Li3PS4"]
    assert table["seeds"].tolist() == [2, 1]
    np.testing.assert_allclose(table["reduced@50ps"], [0.75, 0.2])
    np.testing.assert_allclose(table["half_reduction_ps"], [37.5, np.nan])
    np.testing.assert_allclose(
        table["half_reduction_ps_spread"], [np.std([25, 50], ddof=1), np.nan]
    )
    np.testing.assert_allclose(table["ns"], 0.1)


def test_a_time_that_was_not_reached_is_not_made_up():
    table = comparison_table([simulation("a")], {"a": curves(0.01)}, times=[50, 200])
    assert table["reduced@50ps"][0] == pytest.approx(0.5)
    assert np.isnan(table["reduced@200ps"][0])


def test_default_times_lie_within_the_shortest_run():
    assert default_times({"a": curves(0.1, end=100), "b": curves(0.1, end=19.96)}) == [4.9, 9.9, 19]
    assert default_times({}) == []


def test_what_has_no_curves_yet_is_left_out():
    assert comparison_table([simulation("a"), simulation("b")], {"a": {}}).empty
