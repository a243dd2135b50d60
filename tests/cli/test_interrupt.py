"""Ctrl-C during `seicampaign run`, and what the next run makes of it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seicampaign import Campaign
from seicampaign.analysis import classify_frame
from seicampaign.structures import InterfaceSpec, build_interface

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("seicampaign")
CAMPAIGN = """\
name: interrupted
electrolytes: [Li6PS5Cl]
temperatures: [300]
length: {length}
allow_unapproved: true
interface: {{electrolyte_thickness: 25, anode_thickness: 25}}
sampling: {{frame_interval: 0.1, segment: 5000, restart_interval: 0.5}}
"""


def frames(store, simulation_id):
    found = store.database["trajectories"].find_one({"_id": simulation_id})
    return found["n_frames"] if found else 0


@pytest.fixture
def compiled():
    """The analysis compiles on its first frame, for longer than this simulation takes."""
    classify_frame(build_interface(InterfaceSpec(electrolyte="Li6PS5Cl")))


def test_ctrl_c_keeps_what_was_stored_and_run_continues(store, compiled, tmp_path, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", store.name)
    file = tmp_path / "interrupted.yaml"
    file.write_text(CAMPAIGN.format(length=5000))  # hours: it cannot end first
    (simulation,) = Campaign.from_file(file).simulations()
    running = subprocess.Popen(
        [COMMAND, "run", file], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 240
    while frames(store, simulation.id) < 10 and time.monotonic() < deadline:
        assert running.poll() is None, running.communicate()
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"`seicampaign run {file}` continues" in said

    assert store.trajectory(simulation.id).n_frames >= 10
    stopped = store.simulations.query_one({"simulation_id": simulation.id})
    assert stopped["state"] == "interrupted"
    assert stopped["steps_done"] < 5_000_000

    picoseconds = stopped["steps_done"] // 1000 + 2
    file.write_text(CAMPAIGN.format(length=picoseconds))
    store.database.simulations.update_one(
        {"_id": simulation.id}, {"$set": {"planned_steps": picoseconds * 1000}}
    )
    again = subprocess.run([COMMAND, "run", file], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    steps = store.trajectory(simulation.id).steps.tolist()
    assert steps == list(range(0, picoseconds * 1000 + 1, 100))
