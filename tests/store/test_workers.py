"""The programs of the ecosystem on our database: lpad, rlaunch and mrun, as anyone runs them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from string import Template
from urllib.parse import quote_plus

import pytest

from seicampaign.store import connect
from seicampaign.store.workers import config_files

STORES = Path(__file__).parents[2] / "stores"
PROGRAMS = Path(sys.executable).parent

JOBS = """
from jobflow import job

@job
def add(a, b):
    from seicampaign.store import connect
    connect().database.seen.insert_one({"sum": a + b})
    return a + b
"""

BUILDER = """
from maggma.builders import CopyBuilder
from seicampaign import connect

store = connect()
target = type(store.simulations)(store.name, "copies", uri=store.uri, key="simulation_id")
__builder__ = CopyBuilder(store.simulations, target)
"""


@pytest.fixture
def run(store, tmp_path):
    """Run a program with the files that `write_config` leaves, far from the embedded home."""
    config = tmp_path / "config"
    store.write_config(config)
    environment = os.environ | {
        "FW_CONFIG_FILE": str(config / "FW_config.yaml"),
        "JOBFLOW_CONFIG_FILE": str(config / "jobflow.yaml"),
        "SEICAMPAIGN_HOME": str(tmp_path / "unused"),
        "PYTHONPATH": str(tmp_path),
    }

    def run(program, *arguments):
        done = subprocess.run(
            [PROGRAMS / program, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_lpad_and_rlaunch_work_without_further_configuration(store, run, tmp_path, monkeypatch):
    from jobflow import Flow
    from jobflow.managers.fireworks import flow_to_workflow

    (tmp_path / "our_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(tmp_path)
    from our_jobs import add

    first = add(1, 2)
    second = add(first.output, 4)
    workflow = flow_to_workflow(Flow([first, second], name="sums"), metadata={"campaign": "c"})
    store.launchpad().add_wf(workflow)
    listed = json.loads(run("lpad", "get_wflows"))
    assert (listed["name"].startswith("sums"), listed["state"]) == (True, "READY")
    run("rlaunch", "singleshot")
    run("rlaunch", "rapidfire")
    assert store.launchpad().get_wf_ids({"state": "COMPLETED"}, count_only=True) == 1
    job_store = store.job_store()
    assert job_store.get_output(second.uuid) == 7
    assert {d["sum"] for d in store.database.seen.find()} == {3, 7}
    assert not (tmp_path / "unused").exists()


@pytest.mark.slow
def test_mrun_runs_a_builder(store, run, tmp_path):
    store.simulations.update([{"simulation_id": name} for name in "abc"])
    (tmp_path / "builder.py").write_text(BUILDER)
    run("mrun", "--no_bars", "builder.py")
    assert store.database.copies.count_documents({}) == 3


def test_the_launchpad_is_ready_and_is_not_reset(store):
    from fireworks import Firework, ScriptTask

    pad = store.launchpad()
    (first,) = pad.add_wf(Firework(ScriptTask.from_str("true"))).values()
    (second,) = store.launchpad().add_wf(Firework(ScriptTask.from_str("true"))).values()
    assert (first, second) == (1, 2)
    assert "nodes_1" in pad.workflows.index_information()


def test_files_with_credentials_are_closed_to_others(store, tmp_path):
    for path in store.write_config(tmp_path / "new" / "folder"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list((tmp_path / "new" / "folder").glob(".*"))


@pytest.fixture
def account(store):
    """An account on the server, as the templates for a server expect."""
    role = {"role": "readWrite", "db": store.name}
    store.database.command("createUser", "ann", pwd="p@ss:w/rd%", roles=[role])
    yield {"ACCOUNT": "ann", "PASSWORD": quote_plus("p@ss:w/rd%")}
    store.database.command("dropUser", "ann")


@pytest.mark.parametrize("kind", ["embedded", "server", "cluster"])
def test_templates_lead_to_a_store(store, account, tmp_path, kind, monkeypatch):
    socket = store.uri.removeprefix("mongodb://").partition("/")[0]
    words = account | {
        "SOCKET": socket,
        "HOST": socket,
        "DATABASE": store.name,
        "CONFIG": str(tmp_path),
        "WORKER": "node-1",
        "PARTITION": "debug",
        "CORES": "4",
        "WALLTIME": "01:00:00",
        "ENVIRONMENT": "/opt/sei",
    }
    for path in (STORES / kind).iterdir():
        (tmp_path / path.name).write_text(Template(path.read_text()).substitute(words))
    _check_fireworks(store, tmp_path)
    store.append_curves("s", {"a": [1.0]}, [1], [0.1], "md")
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(tmp_path / "jobflow.yaml"))
    with connect() as opened:
        assert opened.curve("s", "a").values.tolist() == [1.0]
    if kind == "cluster":
        _check_queue(tmp_path)
    if kind == "embedded":
        _compare_with_what_is_written(store, tmp_path)


def _check_fireworks(store, folder):
    from fireworks import FWorker, LaunchPad, fw_config
    from jobflow.settings import JobflowSettings
    from monty.serialization import loadfn

    store.launchpad()
    pad = LaunchPad.from_file(str(folder / "my_launchpad.yaml"))
    assert pad.get_new_fw_id() == 1
    assert FWorker.from_file(str(folder / "my_fworker.yaml")).name == "node-1"
    assert all(hasattr(fw_config, name) for name in loadfn(folder / "FW_config.yaml"))
    job_store = JobflowSettings(CONFIG_FILE=str(folder / "jobflow.yaml")).JOB_STORE
    job_store.connect()
    assert job_store.count() == 0


def _check_queue(folder):
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    adapter = CommonAdapter.from_file(str(folder / "my_qadapter.yaml"))
    script = adapter.get_script_str(str(folder))
    for line in ("--ntasks=4", "--time=01:00:00", "--partition=debug", "MPI_RANKS=4", "singleshot"):
        assert line in script
    assert "${" not in script


def _compare_with_what_is_written(store, folder):
    from monty.serialization import loadfn

    for name, content in config_files(store.uri, store.name, folder).items():
        template = loadfn(folder / name, cls=None)
        assert template == (content | {"name": "node-1"} if name == "my_fworker.yaml" else content)
