"""Rounds of `tend` on a real database: what each finds, and that doing it twice is harmless."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from seicampaign.recovery import tend, watch
from seicampaign.store import fences, simulations


@pytest.fixture
def simulation(store, declare):
    """A launched simulation."""
    campaign = declare()
    campaign.launch(store)
    return campaign.simulations()[0].id


@pytest.fixture
def later(store):
    """Let time pass for whatever is being watched."""

    def pass_time(hours=3):
        shift = timedelta(hours=hours)
        for found in store.database[watch.COLLECTION].find({"since": {"$exists": True}}):
            store.database[watch.COLLECTION].update_one(
                {"_id": found["_id"]}, {"$set": {"since": found["since"] - shift}}
            )

    return pass_time


def states(store, simulation):
    found = store.database["fireworks"].find({"spec.simulation": simulation})
    return [job["state"] for job in found.sort("fw_id")]


def check_out(store):
    """Take the next job as a worker does, and go no further."""
    from fireworks import FWorker

    return store.launchpad().checkout_fw(FWorker(), "/nowhere", host="elsewhere")


def fail(store, error):
    """Take the next job and let it fail."""
    from fireworks import FWAction

    _, launch = check_out(store)
    action = FWAction(stored_data={"_exception": {"_stacktrace": error}}, exit=True)
    store.launchpad().complete_launch(launch, action, "FIZZLED")


def test_nothing_is_done_where_all_is_well(store, simulation):
    assert tend(store).actions == []
    check_out(store)
    assert tend(store).actions == []


def test_a_job_whose_worker_is_silent_is_run_again(store, simulation, later):
    check_out(store)
    tend(store)
    later()
    (action,) = tend(store).actions
    assert (action.found, action.done) == ("worker lost", "run again")
    assert states(store, simulation) == ["READY", "WAITING", "WAITING"]
    assert tend(store).actions == []


def test_what_a_replaced_worker_reports_late_is_left_aside(store, simulation, later):
    """Its launch is archived: the workflow counts the other one's, and gets no job twice."""
    from fireworks import Firework, FWAction, PyTask

    _, early = check_out(store)
    tend(store)
    later()
    tend(store)
    _, other = check_out(store)
    store.launchpad().complete_launch(other, FWAction())
    after = states(store, simulation)
    late = FWAction(detours=[Firework(PyTask(func="print"), spec={"simulation": simulation})])
    store.launchpad().complete_launch(early, late)
    assert states(store, simulation) == after == ["COMPLETED", "READY", "WAITING"]


def test_a_worker_whose_clock_is_an_hour_behind_is_not_taken_for_lost(store, simulation, later):
    from fireworks import FWorker

    pad = store.launchpad()
    _, launch = pad.checkout_fw(FWorker(), "/nowhere")
    behind = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for minute in range(3):
        ping = f"{behind[:-2]}{minute:02d}"
        pad.launches.update_one(
            {"launch_id": launch}, {"$set": {"state_history.0.updated_on": ping}}
        )
        assert tend(store).actions == []
        later(0.02)


def test_a_dead_worker_of_this_machine_is_found_at_once(store, simulation):
    fw, _ = check_out(store)
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    fences.Fence.take(store, simulation, fw_id=fw.fw_id)
    dead = {"worker.pid": int(process.stdout), "worker.born": 1}
    simulations.record(store, simulation, **dead)
    assert [action.found for action in tend(store).actions] == ["worker lost"]


def test_a_taken_job_without_a_launch_is_freed(store, simulation, later):
    store.database["fireworks"].update_one(
        {"state": "READY"}, {"$set": {"state": "RESERVED", "updated_on": datetime.now(UTC)}}
    )
    tend(store)
    later()
    assert [action.found for action in tend(store).actions] == ["worker lost"]
    assert states(store, simulation)[0] == "READY"


def test_a_lock_that_nobody_holds_is_opened(store, simulation, later):
    store.database["workflows"].update_one({}, {"$set": {"locked": True}})
    tend(store)
    later()
    assert [action.done for action in tend(store).actions] == ["unlocked"]
    assert not store.database["workflows"].count_documents({"locked": True})


def test_a_job_that_ended_unnoticed_is_noticed(store, simulation, later):
    from fireworks import FWAction

    _, launch = check_out(store)
    ended = {"state": "COMPLETED", "action": FWAction().to_dict()}
    store.database["launches"].update_one({"launch_id": launch}, {"$set": ended})
    tend(store)
    later()
    assert [action.done for action in tend(store).actions] == ["refreshed"]
    assert states(store, simulation) == ["COMPLETED", "READY", "WAITING"]


def test_a_job_outside_every_workflow_is_removed(store, simulation, later):
    stray = store.database["fireworks"].find_one({"state": "READY"}, {"_id": 0}) | {"fw_id": 99}
    store.database["fireworks"].insert_one(stray)
    tend(store)
    later()
    assert [action.found for action in tend(store).actions] == ["job without a workflow"]
    assert len(states(store, simulation)) == 3


def test_a_simulation_without_jobs_gets_a_workflow(store, simulation, later):
    for name in ("fireworks", "workflows"):
        store.database[name].delete_many({})
    tend(store)
    later()
    assert [action.found for action in tend(store).actions] == ["no job works on it"]
    assert states(store, simulation) == ["READY", "WAITING", "WAITING"]
    assert tend(store).actions == []


def test_a_failure_is_tried_again_a_bounded_number_of_times(store, simulation):
    for _ in range(2):
        fail(store, "ValueError: something that nobody has seen before")
        report = tend(store)
    (action,) = report.actions
    assert action.person
    document = simulations.get(store, simulation)
    assert len(document["failures"]) == 1
    assert "seicampaign why" in document["needs"]
    assert states(store, simulation)[0] == "FIZZLED"
    assert tend(store).actions == [action]


def test_a_round_that_was_broken_off_counts_no_try_twice(store, simulation, monkeypatch):
    from seicampaign.recovery import workflows

    fail(store, "KeyError: 'x'")
    monkeypatch.setattr(workflows, "rerun", lambda store, fw_id: None)
    tend(store)
    monkeypatch.undo()
    (action,) = tend(store).actions
    assert (action.done, action.person) == ("run again", False)
    assert [f["name"] for f in simulations.get(store, simulation)["failures"]] == ["unknown"]


def test_a_failed_job_of_a_locked_workflow_is_left_until_it_is_opened(store, simulation, later):
    fail(store, "KeyError: 'x'")
    store.database["workflows"].update_one({}, {"$set": {"locked": True}})
    assert tend(store).actions == []
    later()
    assert [a.done for a in tend(store).actions] == ["unlocked", "run again"]


def test_a_job_called_failed_while_a_worker_has_it(store, simulation, later):
    """What a rerun leaves that lost its database in between."""
    check_out(store)
    store.database["fireworks"].update_one({"state": "RUNNING"}, {"$set": {"state": "FIZZLED"}})
    assert tend(store).actions == []
    later()
    (action,) = tend(store).actions
    assert (action.found, action.done) == ("worker lost", "run again")


def test_tries_count_from_the_last_step_forward(store, simulation):
    fail(store, "ValueError: something")
    tend(store)
    simulations.record(store, simulation, steps_done=100)
    fail(store, "ValueError: something")
    (action,) = tend(store).actions
    assert not action.person


def test_lost_atoms_lead_to_half_the_timestep_and_then_to_an_older_restart(store, simulation):
    points = [{"step": 200}, {"step": 100}]
    simulations.record(store, simulation, restarts=points, steps_done=200)
    fail(store, "SimulationError: LAMMPS ended with status 1\nERROR: Lost atoms: original 400")
    tend(store)
    document = simulations.get(store, simulation)
    assert (document["substeps"], document["restarts"]) == (2, points)
    assert document["remedies"][0]["remedy"] == "timestep 0.5 fs from here on"
    assert simulations.specification(document).id == simulation
    fail(store, "SimulationError: LAMMPS ended with status 1\nERROR: Lost atoms: original 400")
    tend(store)
    assert simulations.get(store, simulation)["restarts"] == points[1:]


def test_what_takes_time_to_pass_is_waited_for(store, simulation, later):
    fail(store, "SimulationError: LAMMPS ended. The disk of /scratch is full (0 MB free)")
    report = tend(store)
    (action,) = report.actions
    assert action.done == "waits 600 s"
    assert str(report) == "0 mended, 1 left for now, 0 for a person"
    later()
    assert [action.done for action in tend(store).actions] == ["run again"]


def test_a_simulation_that_gets_nowhere_is_taken_from_its_worker(store, simulation, later):
    check_out(store)
    held = fences.Fence.take(store, simulation)
    simulations.record(store, simulation, state="running", step_now=10)
    tend(store)
    later()
    launch = store.database["launches"].find_one()["launch_id"]
    store.database[watch.COLLECTION].delete_one({"_id": f"launch/{launch}"})  # it pings
    assert [action.found for action in tend(store).actions] == ["stuck"]
    assert held.beat() is None


def test_two_at_once_are_one(store, simulation):
    with watch.alone(store) as mine:
        assert mine
        assert tend(store).busy
    assert not tend(store).busy


def test_a_simulation_that_a_person_holds_is_left_alone(store, simulation):
    simulations.record(store, simulation, control="pause")
    fail(store, "ValueError: something")
    (action,) = tend(store).actions
    assert action.done == "left alone: pause"


def test_what_fireworks_cannot_rerun_is_replaced(store, simulation, later):
    fail(store, "ValueError: something")
    store.database["workflows"].update_one({}, {"$set": {"links": {"1": [77]}}})
    tend(store)
    assert states(store, simulation) == []
    tend(store)
    later()
    tend(store)
    assert states(store, simulation) == ["READY", "WAITING", "WAITING"]


def test_a_job_that_was_not_told_of_the_one_before_is_freed(store, simulation, later):
    from fireworks import FWAction

    _, launch = check_out(store)
    store.launchpad().complete_launch(launch, FWAction(), "COMPLETED")
    store.database["fireworks"].update_one({"state": "READY"}, {"$set": {"state": "WAITING"}})
    tend(store)
    later()
    assert [action.done for action in tend(store).actions] == ["refreshed"]
    assert states(store, simulation) == ["COMPLETED", "READY", "WAITING"]
    assert tend(store).actions == []
