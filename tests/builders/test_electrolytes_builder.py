"""One document per electrolyte and condition, summarised again only when something has grown."""

import numpy as np
import pytest
from maggma.cli.serial import serial

from seicampaign.builders import ElectrolyteBuilder
from seicampaign.campaign import Campaign
from seicampaign.documents import Sampling
from seicampaign.store import simulations

CAMPAIGN = """\
name: pair
electrolytes: [Li6PS5Cl, beta-Li3PS4]
temperatures: [400]
seeds: [1, 2]
length: 100
"""


@pytest.fixture
def runs(store, tmp_path):
    """Two electrolytes, two seeds each, registered as a launch does."""
    (tmp_path / "pair.yaml").write_text(CAMPAIGN)
    found = Campaign.from_file(tmp_path / "pair.yaml").simulations()
    lengths = {s.id: s.md.steps(100.0) for s in found}
    simulations.register(store, "pair", found, lengths, Sampling())
    return found


def grow(store, simulation, frames, rate, analysis="analysis"):
    """Curves up to a frame; a second call goes on where the first ended."""
    times = np.arange(frames, dtype=float)
    rng = np.random.default_rng(simulation.seed)
    reduced = rate * np.log1p(times) + 0.002 * rng.normal(size=frames)
    curves = {
        "reduction_degree": reduced,
        "crystalline_fraction": np.zeros(frames),
        "residual_electrolyte": 1 - reduced,
        "residual_metal": 0.5 - 0.1 * reduced,
        "sei_thickness": np.sqrt(times + 0.1),
    }
    store.append_curves(simulation.id, curves, (times * 1000).astype(int), times, analysis)


def build(store):
    """Run the builder as mrun does, and say how many documents it wrote."""
    before = {d["_id"]: d["last_updated"] for d in store.database.electrolytes.find()}
    serial(ElectrolyteBuilder(store.uri, store.name), no_bars=True)
    after = {d["_id"]: d["last_updated"] for d in store.database.electrolytes.find()}
    return sum(before.get(key) != time for key, time in after.items())


def test_seeds_are_taken_together_and_a_second_run_does_nothing(store, runs):
    for simulation in runs:
        grow(store, simulation, 60, 0.2 if simulation.electrolyte == "Li6PS5Cl" else 0.1)
    assert build(store) == 2
    assert build(store) == 0
    found = store.electrolytes.query_one({"electrolyte": "Li6PS5Cl"})
    assert found["seeds"] == [1, 2]
    assert found["campaigns"] == ["pair"]
    assert found["ns_planned"] == pytest.approx(0.2)
    half = found["summary"]["half_reduction"]
    assert half["mean"] == pytest.approx(np.exp(0.5 / 0.2) - 1, rel=0.1)
    assert half["low"] < half["mean"] < half["high"]


def test_only_the_group_that_has_grown_is_summarised_again(store, runs):
    for simulation in runs:
        grow(store, simulation, 40, 0.1)
    build(store)
    grow(store, runs[0], 50, 0.1)
    assert build(store) == 1


def test_runs_without_curves_are_named_and_not_summarised(store, runs):
    assert build(store) == 2
    found = store.electrolytes.query_one({"electrolyte": "beta-Li3PS4"})
    assert found["summary"] is None
    assert found["seeds"] == []
    assert len(found["simulations"]) == 2
    assert found["completeness"] == 0.0


def test_seeds_of_another_analysis_are_counted_and_left_out(store, runs):
    first, second = (s for s in runs if s.electrolyte == "Li6PS5Cl")
    grow(store, first, 40, 0.1, "older")
    grow(store, second, 40, 0.1, "newer")
    build(store)
    found = store.electrolytes.query_one({"electrolyte": "Li6PS5Cl"})
    assert len(found["seeds"]) == 1
    assert found["other_analyses"] == 1
    grow(store, first, 40, 0.1, "newer")
    build(store)
    found = store.electrolytes.query_one({"electrolyte": "Li6PS5Cl"})
    assert found["seeds"] == [1, 2]
    assert (found["analysis"], found["other_analyses"]) == ("newer", 0)
