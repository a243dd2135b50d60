"""Two workers on one simulation: the database lets one of them write, and tells the other."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seicampaign.errors import SEICampaignError, StoreError, TakenOverError
from seicampaign.jobs.fencing import held
from seicampaign.jobs.segment import advance
from seicampaign.store import connect, fences, restarts, simulations
from seicampaign.store.fences import Fence
from seicampaign.store.trajectories import chunks_of

CELL = np.eye(3) * 10


@pytest.fixture
def simulation(store):
    store.database["simulations"].insert_one(
        {"_id": "a", "simulation_id": "a", "steps_done": 0, "restarts": []}
    )
    return "a"


@pytest.fixture
def other(store):
    """The store as another process has it."""
    with connect(store.uri, database=store.name) as opened:
        yield opened


def fall_silent(store, simulation):
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    store.database["simulations"].update_one(
        {"_id": simulation}, {"$set": {"worker.heartbeat": long_ago}}
    )


def test_a_simulation_has_one_worker(store, other, simulation):
    first = Fence.take(store, simulation)
    with pytest.raises(TakenOverError, match=f"process {os.getpid()}"):
        Fence.take(other, simulation)
    first.release()
    assert Fence.take(other, simulation).number == first.number + 1


def test_a_worker_that_has_died_is_replaced_at_once(store, simulation):
    code = "import sys; from seicampaign.store import connect; from seicampaign.store.fences "
    code += "import Fence; Fence.take(connect(sys.argv[1], database=sys.argv[2]), 'a')"
    subprocess.run([sys.executable, "-c", code, store.uri, store.name], check=True)
    assert Fence.take(store, simulation).number == 2


def test_what_a_lost_worker_writes_is_refused_by_the_database(store, other, simulation, tmp_path):
    Fence.take(other, simulation)
    writer = other.trajectory_writer(simulation, [3, 3])
    writer.append(0, 0.0, np.zeros((2, 3)), CELL)
    writer.commit()
    other.append_curves(simulation, {"x": [1.0]}, [0], [0.0], "t")
    restart = tmp_path / "restart"
    restart.write_bytes(b"from the lost worker")
    stale = chunks_of(other, simulation)
    fall_silent(store, simulation)
    Fence.take(store, simulation)
    with store.trajectory_writer(simulation, [3, 3]) as ours:
        writer.append(1, 0.1, np.zeros((2, 3)), CELL)
        with pytest.raises(SEICampaignError):
            writer.commit()
        from seicampaign.trajectory import keys

        with pytest.raises(TakenOverError):  # even a write that was under way
            keys.put_attributes(stale, "", {})
        keys.delete_tree(stale, "")
        for late in (
            lambda: other.append_curves(simulation, {"x": [2.0]}, [1], [0.1], "t"),
            lambda: other.truncate_curves(simulation, -1),
            lambda: restarts.save(other, simulation, 5, restart),
            lambda: simulations.record(other, simulation, state="failed"),
            lambda: fences.put(other, simulation, "segments", {"_id": "a-0"}),
        ):
            store.append_curves(simulation, {"x": [1.0]}, [0], [0.0], "t")
            store.database["segments"].replace_one(
                {"_id": "a-0"}, {"segment_id": "a-0", "fence": 2}, upsert=True
            )
            with pytest.raises(StoreError):
                late()
        ours.append(2, 0.2, np.ones((2, 3)), CELL)
    assert store.trajectory(simulation).steps.tolist() == [0, 2]
    assert store.curve(simulation, "x").values.tolist() == [1.0]
    document = simulations.get(store, simulation)
    assert (document["steps_done"], document.get("state")) == (0, None)
    assert store.database["restarts.files"].count_documents({}) == 0


def test_a_curve_that_a_lost_worker_begins_too_late_is_replaced(store, other, simulation):
    Fence.take(other, simulation)
    fall_silent(store, simulation)
    Fence.take(store, simulation)
    other.append_curves(simulation, {"x": [7.0, 7.0]}, [0, 1], [0.0, 0.1], "t")
    store.append_curves(simulation, {"x": [1.0]}, [0], [0.0], "t")
    assert store.curve(simulation, "x").values.tolist() == [1.0]


def test_a_worker_whose_clock_is_wrong_takes_nothing_over(store, other, simulation, monkeypatch):
    Fence.take(store, simulation)
    monkeypatch.setattr(time, "time", lambda: datetime.now(UTC).timestamp() + 3600)
    monkeypatch.setattr("seicampaign.store.fences.is_dead", lambda worker: False)
    with pytest.raises(TakenOverError):
        Fence.take(other, simulation)


def test_the_heartbeat_shows_life_and_hears_a_pause(store, simulation, monkeypatch):
    monkeypatch.setattr(fences, "BEAT_SECONDS", 0.05)
    with held(store, simulation) as hold:
        fall_silent(store, simulation)
        wait_for(lambda: fence_age(store, simulation) < 60)
        assert not hold.asked_to_stop
        simulations.record(store, simulation, control="pause")
        wait_for(lambda: hold.asked_to_stop)
    assert simulations.get(store, simulation)["worker"] is None


def fence_age(store, simulation):
    beat = simulations.get(store, simulation)["worker"]["heartbeat"]
    return (datetime.now(UTC) - beat.replace(tzinfo=UTC)).total_seconds()


@pytest.mark.slow
def test_a_stopped_worker_that_comes_back_does_no_harm(store, launched, folder):
    """With the real LAMMPS: one process is stopped, another does its segment, the first wakes."""
    simulation = launched(length=2, sampling={"segment": 2})
    code = (
        "import sys; from pathlib import Path; from seicampaign.store import connect;"
        "from seicampaign.jobs import recorder, segment; from seicampaign.jobs.fencing import held;"
        "recorder.COMMIT_SECONDS = 0; s = connect(sys.argv[1], database=sys.argv[2]);\n"
        "with held(s, sys.argv[3]): segment.advance(s, sys.argv[3], Path(sys.argv[4]))"
    )
    arguments = [store.uri, store.name, simulation, str(folder())]
    lost = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE)
    wait_for(lambda: simulations.get(store, simulation)["steps_done"] > 0, 300)
    lost.send_signal(signal.SIGSTOP)
    fall_silent(store, simulation)
    with held(store, simulation):
        outcome = advance(store, simulation, folder())
        lost.send_signal(signal.SIGCONT)
        said = lost.communicate(timeout=300)[1].decode()
    assert lost.returncode != 0
    assert "another" in said.splitlines()[-1]
    assert outcome["steps_left"] == 0
    assert store.trajectory(simulation).steps.tolist() == list(range(0, 2001, 50))
    assert store.curve(simulation, "temperature").steps.tolist() == list(range(0, 2001, 20))
    document = simulations.get(store, simulation)
    assert (document["steps_done"], document["error"]) == (2000, None)
    (segment,) = store.database["segments"].find()
    assert segment["fence"] == document["fence"]


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
