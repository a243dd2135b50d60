"""Every failure provoked in the real LAMMPS, recognised, and mended."""

import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from seicampaign.errors import EngineError, SEICampaignError, SimulationError
from seicampaign.jobs import md, walltime
from seicampaign.jobs.fencing import held
from seicampaign.jobs.segment import SegmentRecorder, advance
from seicampaign.recovery import diagnose, tend
from seicampaign.store import restarts, simulations

pytestmark = pytest.mark.slow

WHOLE = list(range(0, 401, 50))
ENDLESS = {"length": 1000, "sampling": {"segment": 1000}}  # hours: no machine ends it first


def fail(store, error):
    """Give the error of a real segment to its job."""
    from fireworks import FWAction, FWorker

    pad = store.launchpad()
    _, launch = pad.checkout_fw(FWorker(), "/nowhere")
    action = FWAction(stored_data={"_exception": {"_stacktrace": str(error)}}, exit=True)
    pad.complete_launch(launch, action, "FIZZLED")


def tear(store, point):
    """Cut the stored bytes of a restart file."""
    chunks = store.database["restarts.chunks"]
    chunk = chunks.find_one({"files_id": point["file"]})
    chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": chunk["data"][:-20] + b"x" * 20}})


def rungs(store, key):
    return [entry["rung"] for entry in simulations.get(store, key).get("rungs", [])]


def test_the_ladder_restart_file_older_one_last_frame(store, launched, folder, monkeypatch):
    monkeypatch.setattr("seicampaign.jobs.recorder.COMMIT_SECONDS", 0)
    key = launched()
    advance(store, key, folder())
    newest, older = restarts.points(store, key)
    assert (newest["step"], older["step"]) == (200, 100)

    tear(store, newest)
    second = advance(store, key, folder())
    assert (second["first_step"], rungs(store, key)) == (100, ["older restart file"])
    assert store.trajectory(key).steps.tolist() == WHOLE[:7]

    for point in restarts.points(store, key):
        tear(store, point)
    before = store.trajectory(key).positions[-1]
    third = advance(store, key, folder())
    assert third["first_step"] == 300
    assert rungs(store, key)[1:] == ["last stored frame, new velocities"]
    trajectory = store.trajectory(key)
    assert trajectory.steps.tolist() == WHOLE
    np.testing.assert_array_equal(trajectory.positions[6], before)
    moved = np.abs(trajectory.positions[7] - before)
    assert moved.max() < 2.0  # 0.05 ps: no atom jumps by a box where the run was joined
    assert store.curve(key, "temperature").steps.tolist() == list(range(0, 401, 20))


def test_half_the_timestep_changes_neither_the_steps_nor_the_identity(store, launched, folder):
    key = launched()
    advance(store, key, folder())
    fail(store, SimulationError("LAMMPS ended with status 1. ERROR: Lost atoms: original 392"))
    tend(store)
    work = folder()
    outcome = advance(store, key, work)
    assert (outcome["first_step"], outcome["last_step"], outcome["steps_left"]) == (200, 400, 0)
    assert "timestep 0.0005" in (work / "in.segment").read_text()
    assert store.trajectory(key).steps.tolist() == WHOLE
    assert store.trajectory(key).times[-1] == pytest.approx(0.4)
    assert store.curve(key, "temperature").steps.tolist() == list(range(0, 401, 20))
    timesteps = [s["timestep"] for s in store.database["segments"].find().sort("first_step")]
    assert timesteps == [1.0, 0.5]
    document = simulations.get(store, key)
    assert (simulations.specification(document).id, document["timestep"]) == (key, 1.0)


def test_a_simulation_that_explodes_is_recognised_and_made_finer(store, launched, folder):
    absurd = {"timestep": 10, "thermostat_damping": 1000, "relax_steps": 0}
    key = launched(temperatures=[5000], length=40, md=absurd, sampling={"segment": 40})
    with pytest.raises(SEICampaignError) as caught:
        advance(store, key, folder())
    assert diagnose(str(caught.value)).name in ("lost atoms", "not finite")
    fail(store, caught.value)
    (action,) = tend(store).actions
    assert "timestep 5 fs from here on" in action.done
    assert simulations.get(store, key)["remedies"][0]["step"] % 1 == 0


def test_a_restart_file_that_lammps_cannot_read_is_left_out(store, launched, folder):
    key = launched()
    advance(store, key, folder())
    garbage = folder() / "restart"
    garbage.write_bytes(os.urandom(20000))
    restarts.save(store, key, 201, garbage)
    with pytest.raises(SimulationError) as caught:
        advance(store, key, folder())
    assert diagnose(str(caught.value)).name == "restart file unreadable"
    fail(store, caught.value)
    assert "step 201 is left out" in tend(store).actions[0].done
    advance(store, key, folder())
    assert store.trajectory(key).steps.tolist() == WHOLE


def test_lammps_killed_from_outside(store, launched, folder):
    key, work = launched(**ENDLESS), folder()

    def kill():
        while not simulations.get(store, key)["steps_done"]:
            time.sleep(0.1)
        for pid in lammps_in(work):
            os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(SimulationError) as caught:
        advance(store, key, work)
    assert diagnose(str(caught.value)).name == "killed"
    done = simulations.get(store, key)["steps_done"]
    assert done > 0
    assert store.trajectory(key).steps[-1] <= done


def test_a_disk_that_is_full(store, launched, folder):
    key, work = launched(length=20, sampling={"segment": 20}), folder()
    with small_disk(work, "size=300k"), pytest.raises((SEICampaignError, OSError)) as caught:
        advance(store, key, work)
    assert diagnose(repr(caught.value)).name == "disk full"


def test_a_directory_that_cannot_be_written(store, launched, folder):
    key, work = launched(), folder()
    with small_disk(work, "size=300k,ro"), pytest.raises((SEICampaignError, OSError)) as caught:
        advance(store, key, work)
    assert diagnose(repr(caught.value)).name == "scratch not writable"


def test_a_worker_without_lammps(store, launched, folder, monkeypatch):
    key = launched()
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", "/no/such/lmp")
    with pytest.raises(EngineError) as caught:
        advance(store, key, folder())
    assert diagnose(repr(caught.value)).name == "engine"


def test_a_walltime_shorter_than_the_start_ends_in_an_error(store, launched, folder, monkeypatch):
    key = launched()
    monkeypatch.chdir(folder())
    monkeypatch.setattr(walltime, "limit", lambda: 0.05)
    with held(store, key) as hold, pytest.raises(SimulationError, match="longer walltime") as error:
        md._run(store, key, None, hold)
    assert diagnose(str(error.value)).name == "walltime too short"
    assert simulations.get(store, key)["state"] == "failed"


def test_a_walltime_ends_a_segment_whole(store, launched, folder, monkeypatch):
    key = launched(**ENDLESS)
    monkeypatch.chdir(folder())
    monkeypatch.setattr(walltime, "limit", lambda: 6.0)
    with held(store, key) as hold:
        outcome = md._run(store, key, None, hold)
    assert 0 < outcome["last_step"] < 1_000_000
    assert restarts.points(store, key)[0]["step"] == outcome["last_step"]


def test_sigterm_to_every_process_as_queues_send_it(store, launched, folder, monkeypatch):
    """Slurm signals LAMMPS too: it waits to be asked by the worker, and ends whole."""
    key, work = launched(**ENDLESS), folder()
    receive = SegmentRecorder.receive

    def signalled(self, batch):
        receive(self, batch)
        if (self.writer.last_step or 0) >= 200:
            for pid in lammps_in(work):
                os.kill(pid, signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(SegmentRecorder, "receive", signalled)
    outcome = advance(store, key, work)
    document = simulations.get(store, key)
    assert 200 <= outcome["last_step"] == document["steps_done"] < 1_000_000
    assert document["state"] == "interrupted"


def lammps_in(folder):
    """The processes that run LAMMPS in a directory."""
    said = subprocess.run(["pgrep", "-f", "lmp.*in.segment"], stdout=-1, text=True).stdout
    pids = [int(pid) for pid in said.split()]
    found = []
    for pid in pids:
        with suppress(FileNotFoundError):  # another test's, which has just ended
            if Path(f"/proc/{pid}/cwd").readlink() == folder.resolve():
                found.append(pid)
    return found


class small_disk:
    """A file system of its own on a directory."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options

    def __enter__(self):
        mount = ["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.folder)]
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
