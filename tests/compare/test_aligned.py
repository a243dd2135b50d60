"""Curves on one grid, and conditions that are values and nothing else."""

from types import SimpleNamespace

import numpy as np
import pytest

from seicampaign.compare import aligned_curves, comparison_table, plain_conditions
from seicampaign.errors import CampaignError


def simulation(name, seed, electrolyte="Li6PS5Cl", potential="a" * 8):
    return {
        "simulation_id": name,
        "electrolyte": electrolyte,
        "anode": "Li",
        "supercell": [1, 1],
        "temperature": 400.0,
        "pressure": 1.0,
        "seed": seed,
        "n_atoms": 884,
        "steps_done": 1000,
        "timestep": 1.0,
        "potential": {"name": "LiPSCl", "hash": potential},
        "approved": True,
    }


def line(slope, end):
    times = np.linspace(0, end, 11)
    return SimpleNamespace(times=times, values=slope * times)


def test_seeds_meet_on_one_grid_up_to_the_shortest_of_them():
    runs = [simulation("a", 1), simulation("b", 2), simulation("c", 1, "Li7PS6")]
    curves = {
        "a": {"reduction_degree": line(0.01, 10)},
        "b": {"reduction_degree": line(0.03, 20)},
        "c": {"reduction_degree": line(0.02, 30)},
    }
    table = aligned_curves(runs, curves, "reduction_degree", [5, 10, 15])
    two = table[table.electrolyte == "Li6PS5Cl"]
    assert two["mean"].tolist()[:2] == pytest.approx([0.1, 0.2])
    assert np.isnan(two["mean"].tolist()[2])
    assert two["spread"].tolist()[1] == pytest.approx(np.std([0.1, 0.3], ddof=1))
    one = table[table.electrolyte == "Li7PS6"]
    assert one["mean"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert one["spread"].isna().all()


def test_two_potentials_of_one_name_are_not_mixed():
    runs = [simulation("a", 1), simulation("b", 1, potential="b" * 8)]
    names = ("reduction_degree", "crystalline_fraction", "sei_thickness")
    curves = {key: {name: line(0.01, 10) for name in names} for key in "ab"}
    table = comparison_table(runs, curves)
    assert table["potential"].tolist() == ["LiPSCl aaaaaa", "LiPSCl bbbbbb"]
    assert table["seeds"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "condition",
    [{"temperature": {"$gt": 0}}, {"$where": "sleep(1000)"}, {"electrolyte": [{"$ne": 1}]}],
)
def test_operators_are_refused(condition):
    with pytest.raises(CampaignError, match="no plain value"):
        plain_conditions(condition)


def test_lists_choose():
    assert plain_conditions({"electrolyte": ["A", "B"], "temperature": 400}) == {
        "electrolyte": {"$in": ["A", "B"]},
        "temperature": {"$eq": 400},
    }
