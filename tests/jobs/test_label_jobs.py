"""Labels as jobs: real ones where GPAW is installed, failures set apart, nothing labelled twice."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from jobflow import run_locally
from jobflow.managers.fireworks import flow_to_workflow

from seicampaign.errors import LabelError
from seicampaign.jobs.reference import GPAWStaticMaker, LabelMaker, reference_setting, static_maker
from seicampaign.reference import STARTER
from seicampaign.store import datasets

needs_gpaw = pytest.mark.skipif(
    find_spec("gpaw") is None,
    reason="GPAW is not installed: scripts/test builds it, or says why it cannot",
)
# A few seconds per label: what is tested is the way of a label, not its accuracy.
QUICK = LabelMaker(setting={"ecut": 200.0}, options={"shortest_edge": 0.0})


def lithium(seed):
    atoms = bulk("Li", "bcc", a=3.44, cubic=True)
    atoms.rattle(0.1, seed=seed)
    atoms.info |= {"kind": "metal", "origin": {"simulation": "s", "step": seed, "grade": 2.5}}
    return atoms


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(job, store):
    return run_locally(job, store=store.job_store(), create_folders=True, log=False)


def test_wrong_codes_and_fields_are_named():
    with pytest.raises(LabelError, match="Did you mean 'gpaw'"):
        static_maker("gpav", {})
    with pytest.raises(LabelError, match="Did you mean 'ecut'"):
        reference_setting("gpaw", {"ecutt": 300})


def test_fields_that_came_through_json_make_the_same_setting():
    fields = {"kpoint": [0.25, 0.25, 0.25], "mixer": [0.1, 5, 50.0]}
    assert reference_setting("gpaw", fields).key() == STARTER.key()


@needs_gpaw
@pytest.mark.slow
def test_labels_come_into_the_data_set_and_are_made_once(store, here):
    frames = [lithium(1), lithium(2)]
    run(QUICK.make("metal", frames), store)
    found = datasets.dataset(store, "metal")
    assert {a.info["origin"]["step"] for a in found} == {1, 2}
    assert datasets.describe(store, "metal")["setting"]["ecut"] == 200.0
    labels = store.database["outputs"].count_documents({"name": "GPAW static"})
    assert labels == 2
    run(QUICK.make("metal", [*frames, lithium(2)]), store)
    run(QUICK.make("another", frames), store)
    assert store.database["outputs"].count_documents({"name": "GPAW static"}) == labels
    assert len(datasets.versions(store, "metal")) == 1
    assert len(datasets.dataset(store, "another")) == 2


@needs_gpaw
@pytest.mark.slow
def test_the_task_document_is_atomate2s_with_the_force_consistent_energy(store, here):
    """Moving the atoms along their forces changes the energy by what the forces say."""
    maker = GPAWStaticMaker(setting={"ecut": 200.0, "density": 1e-5}, shortest_edge=0.0)
    atoms, length = lithium(3), 0.02
    energies, documents = [], []
    for sign in (0, 1, -1):
        moved = atoms.copy()
        if sign:
            moved.positions += sign * length * np.array(documents[0].output.forces)
        job = maker.make(moved_structure(moved))
        documents.append(run(job, store)[job.uuid][1].output)
        energies.append(documents[-1].output.energy)
    forces = np.array(documents[0].output.forces)
    slope = (energies[1] - energies[2]) / (2 * length)
    assert slope == pytest.approx(-(forces**2).sum(), rel=0.02)
    assert documents[0].ase_calculator_name == "GPAW"
    assert documents[0].tags == [reference_setting("gpaw", maker.setting).key()]


def moved_structure(atoms):
    from pymatgen.io.ase import AseAtomsAdaptor

    return AseAtomsAdaptor.get_structure(atoms)


@needs_gpaw
@pytest.mark.slow
def test_what_cannot_be_labelled_is_set_apart_and_the_rest_goes_on(store, here):
    """With an edge of 3.44 A, one k-point is refused; the other label is in the store already."""
    known = lithium(5)
    run(QUICK.make("first", [known]), store)
    strict = LabelMaker(setting=QUICK.setting)
    run(strict.make("second", [lithium(4), known]), store)
    assert len(datasets.dataset(store, "second")) == 1
    (document,) = datasets.quarantined(store, "second")
    assert "shortest edge of 3.44 A" in document["reasons"][0]
    assert document["info"]["origin"]["step"] == 4


@needs_gpaw
@pytest.mark.slow
def test_a_label_job_that_is_killed_holds_up_nothing_and_can_be_made_again(store, here):
    """As the queue kills: with -9, in the middle of the calculation."""
    launchpad = store.launchpad()
    endless = LabelMaker(setting={"ecut": 200.0, "density": 1e-30}, options={"shortest_edge": 0.0})
    launchpad.add_wf(flow_to_workflow(endless.make("metal", [lithium(6)]), store.job_store()))
    worker = rlaunch(store, here, "multi-shot")
    while not launchpad.get_fw_ids({"name": "GPAW static", "state": "RUNNING"}):
        assert worker.poll() is None
        time.sleep(0.1)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    launchpad.detect_lostruns(expiration_secs=0, fizzle=True)
    assert rlaunch(store, here, "rest").wait() == 0
    (document,) = datasets.quarantined(store, "metal")
    assert document["reasons"] == ["its label job died or was killed"]
    assert datasets.names(store) == []
    run(QUICK.make("metal", [lithium(6)]), store)
    assert len(datasets.dataset(store, "metal")) == 1


def test_a_label_job_that_raises_leaves_its_last_words(store, here):
    """A worker without CP2K: the data set's quarantine says so, not only FireWorks' log."""
    from fireworks.core.rocket_launcher import rapidfire

    maker = LabelMaker(code="cp2k", options={"command": "/nowhere/cp2k"})
    launchpad = store.launchpad()
    launchpad.add_wf(flow_to_workflow(maker.make("metal", [lithium(1)]), store.job_store()))
    rapidfire(launchpad, m_dir=str(here), strm_lvl="CRITICAL")
    (document,) = datasets.quarantined(store, "metal")
    assert "its label job failed: There is no program '/nowhere/cp2k'" in document["reasons"][0]


def rlaunch(store, folder, name):
    config = folder / f"config-{name}"
    store.write_config(config)
    program = Path(sys.executable).with_name("rlaunch")
    environment = os.environ | {
        "FW_CONFIG_FILE": str(config / "FW_config.yaml"),
        "JOBFLOW_CONFIG_FILE": str(config / "jobflow.yaml"),
    }
    return subprocess.Popen(
        [program, "rapidfire"], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
