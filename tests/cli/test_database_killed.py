"""mongod is killed under `seicampaign run`: the run goes on, or says how it will."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from seicampaign import Campaign
from seicampaign.store import connect, embedded, simulations
from seicampaign.store.mongod import find_mongod

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("seicampaign")
CAMPAIGN = """\
name: killed
electrolytes: [Li6PS5Cl]
temperatures: [300]
length: {length}
allow_unapproved: true
interface: {{electrolyte_thickness: 25, anode_thickness: 25}}
sampling: {{frame_interval: 0.1, segment: 1, restart_interval: 0.2}}
"""


@pytest.fixture
def home(monkeypatch):
    """A database of its own, which may be killed, and the mongod that it is started with."""
    with tempfile.TemporaryDirectory(prefix="sei-") as folder:
        path = Path(folder) / "db"
        (Path(folder) / "mongod").symlink_to(find_mongod())
        monkeypatch.setenv("SEICAMPAIGN_MONGOD", str(Path(folder) / "mongod"))
        monkeypatch.setenv("SEICAMPAIGN_HOME", str(path))
        yield path
        embedded.stop(path)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "killed.yaml"
    path.write_text(CAMPAIGN.format(length=5000))  # hours: it cannot end first
    return path


@pytest.fixture
def running(home, file):
    """`seicampaign run`, once it has a restart point."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([COMMAND, "run", file], stdout=pipe, stderr=pipe, text=True)
    wait_for(lambda: steps_done(file) > 0, process)
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate()


def identity(file):
    (simulation,) = Campaign.from_file(file).simulations()
    return simulation.id


def steps_done(file):
    with connect() as store:
        found = store.database["simulations"].find_one({"_id": identity(file)})
    return found["steps_done"] if found else 0


def end_soon(file):
    """Let the simulation end two segments further on; returns its steps."""
    steps = steps_done(file) + 2000
    with connect() as store:
        planned = {"$set": {"planned_steps": steps}}
        store.database["simulations"].update_one({"_id": identity(file)}, planned)
    return steps


def wait_for(condition, process):
    end = time.monotonic() + 600
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


def is_whole(file, steps):
    """Whether every frame and every point of a curve is there once."""
    with connect() as store:
        assert simulations.get(store, identity(file))["state"] == "completed"
        assert store.trajectory(identity(file)).steps.tolist() == list(range(0, steps + 1, 100))
        assert store.curve(identity(file), "reduction_degree").steps[-1] == steps
    return True


def test_a_run_starts_mongod_again_and_goes_on(home, file, running):
    killed = embedded.status(home).pid
    os.kill(killed, signal.SIGKILL)
    # Not steps_done() at once: to connect would start mongod, and the run is to do that.
    wait_for(lambda: embedded.status(home).pid not in (None, killed), running)
    before = steps_done(file)
    wait_for(lambda: steps_done(file) > before, running)
    steps = end_soon(file)
    _, said = running.communicate(timeout=600)
    assert running.returncode == 0, said
    assert "cannot be" in said
    assert "It answers: 'killed' goes on." in said
    assert is_whole(file, steps)


def test_where_mongod_does_not_start_again_a_run_ends_and_the_next_goes_on(home, file, running):
    mongod = Path(os.environ["SEICAMPAIGN_MONGOD"])
    real = mongod.readlink()
    mongod.unlink()
    os.kill(embedded.status(home).pid, signal.SIGKILL)
    _, said = running.communicate(timeout=600)
    assert running.returncode == 1
    assert f"SEICAMPAIGN_MONGOD names {mongod}, which is not a file" in said
    assert f"What was stored stays; `seicampaign run {file}` continues." in said
    assert "Traceback" not in said

    mongod.symlink_to(real)
    steps = end_soon(file)
    file.write_text(CAMPAIGN.format(length=steps / 1000))
    again = subprocess.run([COMMAND, "run", file], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert is_whole(file, steps)
