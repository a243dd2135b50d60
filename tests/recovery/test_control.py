"""Pause, resume, cancel, priority and status, on a real database with real jobs."""

import subprocess
import sys

import pytest

from seicampaign.campaign.status import campaign_status
from seicampaign.errors import CampaignError, StoreError
from seicampaign.recovery import control
from seicampaign.store import fences, simulations


@pytest.fixture
def two(store, declare):
    """Two launched simulations, at 300 and 400 K."""
    campaign = declare(temperatures=[300, 400])
    campaign.launch(store)
    return [simulation.id for simulation in campaign.simulations()]


def ready(store):
    """The simulations whose jobs a worker could take, the first first."""
    from fireworks import FWorker

    taken, pad = [], store.launchpad()
    while job := pad._get_a_fw_to_run(FWorker().query):
        taken.append(job.spec["simulation"])
    store.database["fireworks"].update_many({"state": "RESERVED"}, {"$set": {"state": "READY"}})
    return taken


def row(store, key):
    return next(s for s in campaign_status(store, "short").simulations if s.simulation_id == key)


def test_names_ids_and_queries_stand_for_simulations(store, two):
    assert sorted(control.select(store, ["short"])) == sorted(two)
    assert control.select(store, [two[1][:8]]) == [two[1]]
    assert control.select(store, ['{"temperature": 400}']) == [two[1]]
    with pytest.raises(CampaignError, match="Did you mean 'short'"):
        control.select(store, ["shrot"])
    with pytest.raises(CampaignError, match="no JSON"):
        control.select(store, ["{temperature"])
    with pytest.raises(CampaignError, match="code"):
        control.select(store, ['{"$where": "sleep(1000)"}'])


def test_a_paused_simulation_is_not_taken_until_it_is_resumed(store, two):
    assert control.hold(store, two[:1], "pause") == 1
    assert ready(store) == two[1:]
    assert (row(store, two[0]).state, row(store, two[0]).waits_for) == (
        "paused",
        "seicampaign resume",
    )
    assert control.resume(store, two) == 1
    assert sorted(ready(store)) == sorted(two)
    assert row(store, two[0]).state == "waiting"


def test_a_cancelled_simulation_stays_so_when_its_campaign_is_launched_again(store, two, declare):
    control.hold(store, two[:1], "cancel")
    declare(temperatures=[300, 400]).launch(store)
    assert row(store, two[0]).state == "cancelled"
    assert ready(store) == two[1:]


def test_the_higher_priority_comes_first(store, two):
    control.prioritise(store, two[1:], 5)
    assert ready(store)[0] == two[1]
    control.prioritise(store, two[:1], 9)
    assert ready(store)[0] == two[0]


def test_status_says_what_each_waits_for(store, two):
    assert row(store, two[0]).waits_for == "a worker"
    fences.Fence.take(store, two[0])
    simulations.record(store, two[0], state="running", step_now=200, ns_per_day=24.0)
    running = row(store, two[0])
    assert running.waits_for is None
    assert 0 <= running.heartbeat < 60
    assert running.ns_done == pytest.approx(0.0002)
    assert running.hours_left == pytest.approx(0.0002)
    simulations.record(store, two[1], needs="More memory.")
    assert row(store, two[1]).waits_for == "a person: More memory."


def test_status_counts_core_hours(store, two):
    segment = {"simulation_id": two[0], "seconds": 1800, "cores": 4, "segment_id": "x"}
    store.database["segments"].insert_one(segment)
    simulations.record(store, two[0], steps_done=200, ns_per_day=0.0048)
    found = campaign_status(store, "short")
    assert found.core_hours == 2
    assert found.core_hours_left == pytest.approx(4 * 1 + 1 * 2)


def test_titles_are_those_of_the_simulations(store, two, declare):
    titles = {row.title for row in campaign_status(store, "short").simulations}
    assert titles == {s.title for s in declare(temperatures=[300, 400]).simulations()}


@pytest.mark.slow
def test_the_commands_work(store, two, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_MONGO_URI", store.uri)
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", store.name)
    code = "from seicampaign.cli import main; main()"

    def call(*words):
        return subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        ).stdout

    assert "2 waiting" in call("status", "short")
    many = "from seicampaign.cli import status; status.MANY = 1; "
    few = [sys.executable, "-c", many + code, "status", "short"]
    said = subprocess.run(few, capture_output=True, text=True, check=True).stdout
    assert "Campaign short: 2 simulations have no row; `--all` gives each one." in said
    assert "1 paused" in call("pause", two[0][:8])
    assert "paused" in call("status", "short")
    assert "waits for: seicampaign resume" in call("why", two[0])
    assert "1 go on" in call("resume", "short")
    assert "2 simulations have priority 3" in call("priority", "short", "--to", "3")
    assert "0 mended, 0 for a person" in call("tend")


def test_what_the_potential_does_not_know_is_not_gone_on_with(store, two):
    ended = {"state": "extrapolating", "error": "grade 12"}
    store.database.simulations.update_one({"_id": two[0]}, {"$set": ended})
    assert control.hold(store, two, "pause") == 1
    assert control.resume(store, two) == 1
    found = row(store, two[0])
    assert (found.state, found.error, found.waits_for) == ("extrapolating", "grade 12", None)


def test_a_query_that_the_database_does_not_know_is_named(store, two):
    with pytest.raises(StoreError, match="foo"):
        control.select(store, ['{"$foo": 1}'])
