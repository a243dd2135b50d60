"""Segments of a real interface with the shipped potential: LAMMPS in, MongoDB out."""

import signal
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from seicampaign import Campaign
from seicampaign.analysis import Thresholds
from seicampaign.errors import SimulationError
from seicampaign.jobs.segment import SegmentRecorder, advance
from seicampaign.md import Batch
from seicampaign.store import analyses
from seicampaign.store.fences import Fence

pytestmark = pytest.mark.slow


def campaign(**changes):
    fields = dict(
        name="short",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300],
        length=0.4,
        allow_unapproved=True,
        interface={"electrolyte_thickness": 25, "anode_thickness": 25},
        sampling={
            "frame_interval": 0.05,
            "thermo_interval": 0.02,
            "restart_interval": 0.1,
            "segment": 0.2,
        },
    )
    return Campaign(**(fields | changes))


def test_segments_join_without_gap_or_double_frame(store, launched, tmp_path):
    simulation = launched(campaign())
    first = advance(store, simulation.id, directory(tmp_path, "1"))
    second = advance(store, simulation.id, directory(tmp_path, "2"))
    assert (first["first_step"], first["last_step"], first["steps_left"]) == (0, 200, 200)
    assert (second["first_step"], second["last_step"], second["steps_left"]) == (200, 400, 0)
    assert store.trajectory(simulation.id).steps.tolist() == list(range(0, 401, 50))
    curves = store.curves_of(simulation.id)
    assert curves["reduction_degree"].steps.tolist() == list(range(0, 401, 50))
    assert curves["temperature"].steps.tolist() == list(range(0, 401, 20))
    assert store.segments.count() == 2


def test_status_knows_the_rate_of_the_first_segment_while_it_runs(
    store, launched, tmp_path, monkeypatch
):
    declared = campaign()
    simulation = launched(declared)
    receive, seen = SegmentRecorder.receive, []

    def watched(self, batch):
        for row in batch.thermo:  # a short segment may come in one batch
            receive(self, Batch(thermo=row[None]))
        receive(self, replace(batch, thermo=batch.thermo[:0]))
        seen.append(declared.status(store))

    monkeypatch.setattr(SegmentRecorder, "receive", watched)
    worker = Fence.take(store, simulation.id)
    advance(store, simulation.id, directory(tmp_path, "1"))
    worker.release()
    last = seen[-1]
    assert last.simulations[0].ns_per_day > 0 and last.core_hours == 0  # it has not ended
    assert 0 < last.core_hours_left < 1 and last.hours_left == last.core_hours_left
    assert declared.status(store).hours_left is None  # nobody works on it


def test_two_segments_are_one_run(store, launched, tmp_path):
    """Positions after 200 + 200 steps are those after 400, to the precision they are kept at."""
    parted = launched(campaign())
    advance(store, parted.id, directory(tmp_path, "1"))
    advance(store, parted.id, directory(tmp_path, "2"))
    end = store.trajectory(parted.id).positions[-1]
    whole = campaign(name="whole", sampling={"frame_interval": 0.05, "segment": 1.0})
    store.delete_trajectory(parted.id)
    for collection in ("simulations", "curves", "restarts.files", "restarts.chunks"):
        store.database[collection].delete_many({})
    launched(whole)
    advance(store, parted.id, directory(tmp_path, "3"))
    np.testing.assert_allclose(store.trajectory(parted.id).positions[-1], end, atol=2e-3)


def test_a_finished_simulation_is_left_alone(store, launched, tmp_path):
    simulation = launched(campaign(length=0.1))
    advance(store, simulation.id, directory(tmp_path, "1"))
    again = advance(store, simulation.id, directory(tmp_path, "2"))
    assert (again["segment_id"], again["steps_left"]) == (None, 0)


def test_a_longer_campaign_continues_where_the_shorter_ended(store, launched, tmp_path):
    simulation = launched(campaign(length=0.1))
    advance(store, simulation.id, directory(tmp_path, "1"))
    report = campaign(length=0.2).launch(store)
    assert (report.new, report.extended) == (0, 1)
    more = advance(store, simulation.id, directory(tmp_path, "2"))
    assert (more["first_step"], more["last_step"]) == (100, 200)


def test_md_goes_on_where_the_census_cannot_count(store, launched, tmp_path):
    """Li2S holds no P: there is no reduction degree, but a trajectory and a reason."""
    thin = {"electrolyte_thickness": 12, "anode_thickness": 12}
    simulation = launched(campaign(electrolytes=["Li2S"], length=0.1, interface=thin))
    assert advance(store, simulation.id, directory(tmp_path, "1"))["steps_left"] == 0
    assert store.trajectory(simulation.id).steps.tolist() == [0, 50, 100]
    assert set(store.curves_of(simulation.id)) >= {"temperature", "volume"}
    assert "no P in the box" in analyses.failure(store, simulation.id, Thresholds())


def test_a_failed_run_leaves_a_reason_and_nothing_half_stored(store, launched, tmp_path):
    absurd = {"timestep": 10, "thermostat_damping": 1000, "relax_steps": 0}
    ungraded = {"frame_interval": 0.1, "segment": 40, "grade": None}  # else a grade ends it first
    simulation = launched(campaign(temperatures=[5000], length=40, md=absurd, sampling=ungraded))
    with pytest.raises(SimulationError, match=r"(?s)The end of its log.*"):
        advance(store, simulation.id, directory(tmp_path, "1"))
    document = store.simulations.query_one({"simulation_id": simulation.id})
    assert document["state"] == "failed"
    assert "end of its log" in document["error"]
    last = store.trajectory(simulation.id).last_step
    assert last is None or last <= document["steps_done"]


@pytest.mark.parametrize(
    ("number", "follows"),
    [(signal.SIGINT, pytest.raises(KeyboardInterrupt)), (signal.SIGTERM, nullcontext())],
)
def test_a_signal_ends_a_segment_early_and_whole(
    store, launched, tmp_path, monkeypatch, number, follows
):
    long = {"frame_interval": 0.05, "segment": 1000.0}  # minutes: it cannot end first
    simulation = launched(campaign(length=1000.0, sampling=long))
    receive = SegmentRecorder.receive

    def signalled(self, batch):
        receive(self, batch)
        if (self.writer.last_step or 0) >= 200:
            signal.raise_signal(number)

    with monkeypatch.context() as patch, follows:
        patch.setattr(SegmentRecorder, "receive", signalled)
        advance(store, simulation.id, directory(tmp_path, "1"))
    document = store.simulations.query_one({"simulation_id": simulation.id})
    kept = store.trajectory(simulation.id)
    assert document["state"] == "interrupted"
    assert 200 <= kept.last_step <= document["steps_done"] < 1_000_000
    end = document["steps_done"] // 50 * 50 + 200
    store.database.simulations.update_one({"_id": simulation.id}, {"$set": {"planned_steps": end}})
    advance(store, simulation.id, directory(tmp_path, "2"))
    assert store.trajectory(simulation.id).steps.tolist() == list(range(0, end + 1, 50))


def directory(parent, name):
    path = parent / name
    path.mkdir()
    return path
