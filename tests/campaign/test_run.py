"""A small campaign through FireWorks, on the real database with the real LAMMPS."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seicampaign import Campaign
from seicampaign.errors import CampaignError
from seicampaign.recovery import control

pytestmark = pytest.mark.slow


def small(**changes):
    fields = dict(
        name="small",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300, 400],
        length=0.2,
        allow_unapproved=True,
        interface={"electrolyte_thickness": 25, "anode_thickness": 25},
        sampling={"frame_interval": 0.05, "segment": 0.1},
    )
    return Campaign(**(fields | changes))


def test_run_does_what_is_missing_and_no_more(store):
    seen = []
    status = small().run(store, progress=seen.append)
    assert status.finished
    assert status.ns_done == pytest.approx(2 * 0.0002)
    assert seen[0].name == "small"
    workflows = store.launchpad().workflows.count_documents({})
    segments = store.segments.count()
    assert small().run(store).finished
    assert store.launchpad().workflows.count_documents({}) == workflows == 2
    assert store.segments.count() == segments == 4


def test_the_comparison_reads_what_was_run(store):
    small().run(store)
    table = store.compare("small", times=[0.1, 0.2])
    assert table["temperature"].tolist() == [300, 400]
    assert table["reduced@0.1ps"].between(0, 1).all()
    assert (table["ns"] == 0.0002).all()
    hot = store.compare("small", temperature=400)
    assert hot["temperature"].tolist() == [400]


def test_launching_twice_adds_nothing(store):
    first, second = small().launch(store), small().launch(store)
    assert (first.new, first.workflows) == (2, 2)
    assert (second.new, second.unchanged, second.workflows) == (0, 2, 0)


def test_launching_from_two_processes_at_once_adds_each_once(store):
    code = (
        "import sys; from seicampaign import Campaign; from seicampaign.store import connect;"
        "c = Campaign.model_validate_json(sys.argv[1]);"
        "print(c.launch(connect(database=sys.argv[2])).workflows)"
    )
    command = [sys.executable, "-c", code, small().model_dump_json(), store.name]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    added = [int(process.communicate()[0]) for process in running]
    assert sum(added) == 2
    assert store.launchpad().workflows.count_documents({}) == 2


def test_a_job_that_fails_is_the_error_of_the_run(store, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", "/no/such/lmp")
    with pytest.raises(CampaignError, match=r"1 of 1 simulations .*(?s:.*)/no/such/lmp"):
        small(temperatures=[300]).run(store)
    monkeypatch.delenv("SEICAMPAIGN_LAMMPS")
    assert small(temperatures=[300]).run(store).finished


def test_a_run_of_what_is_paused_says_how_it_goes_on(store):
    paused = small(temperatures=[300])
    paused.launch(store)
    control.hold(store, [s.id for s in paused.simulations()], "pause")
    with pytest.raises(CampaignError, match=r"it is paused\. `seicampaign resume small` lets"):
        paused.run(store)


def test_without_a_compiler_it_runs_on_moteps_engine_and_says_so(store, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_CXX", "no-such-compiler")
    thin = {"electrolyte_layers": 1, "anode_layers": 2}
    campaign = small(temperatures=[300], length=0.1, interface=thin)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler"):
        assert campaign.run(store).finished
    (document,) = store.simulations.query()
    assert "motep" in document["grading"]["off"]
    assert store.trajectory(document["simulation_id"]).steps.tolist() == [0, 50, 100]


def test_plain_rlaunch_and_lpad_work_on_it(store, tmp_path):
    """The files of `db config` are all that lpad and rlaunch need."""
    small(temperatures=[300]).launch(store)
    store.write_config(tmp_path)
    environment = os.environ | {
        "FW_CONFIG_FILE": str(tmp_path / "FW_config.yaml"),
        "JOBFLOW_CONFIG_FILE": str(tmp_path / "jobflow.yaml"),
    }
    bin_folder = Path(sys.executable).parent

    def call(*command):
        return subprocess.run(
            [bin_folder / command[0], *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    listed = json.loads(call("lpad", "get_wflows"))
    assert (listed if isinstance(listed, dict) else listed[0])["state"] == "READY"
    call("rlaunch", "rapidfire")
    (simulation,) = small(temperatures=[300]).simulations()
    assert store.launchpad().workflows.distinct("state") == ["COMPLETED"]
    assert store.trajectory(simulation.id).steps.tolist() == [0, 50, 100, 150, 200]
    document = store.simulations.query_one({"simulation_id": simulation.id})
    assert document["state"] == "completed"
