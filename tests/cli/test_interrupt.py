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
length: 60
allow_unapproved: true
interface: {electrolyte_thickness: 25, anode_thickness: 25}
sampling: {frame_interval: 0.1, segment: 60, restart_interval: 0.5}
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
    file.write_text(CAMPAIGN)
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

    kept = store.trajectory(simulation.id)
    assert 10 <= kept.n_frames < 601
    assert store.simulations.query_one({"simulation_id": simulation.id})["state"] == "interrupted"

    again = subprocess.run([COMMAND, "run", file], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert store.trajectory(simulation.id).steps.tolist() == list(range(0, 60001, 100))
