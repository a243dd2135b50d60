"""Whole loops: real MD, real grades, real fits; labels from a potential that stands in for DFT."""

from dataclasses import dataclass

import numpy as np
import pytest
from jobflow import Maker, job, run_locally
from learning_cases import SETTING, StandInLabelMaker, first_labels, fit_maker, spec

from seicampaign.documents.learning import LearningSpec
from seicampaign.errors import TrainingError
from seicampaign.flows import ActiveLearningFlowMaker
from seicampaign.store import datasets, learning, leases, selections

pytestmark = pytest.mark.slow


@dataclass
class BrokenLabelMaker(Maker):
    """A labeller whose machine goes down."""

    name: str = "broken"

    @job
    def make(self, dataset, configurations, comment=""):
        raise RuntimeError("the node is gone")


@pytest.fixture
def loop(store, tmp_path, monkeypatch):
    """Run a loop on a small data set; give what became of it."""
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", store.name)
    monkeypatch.chdir(tmp_path)
    datasets.add_configurations(store, "salt-data", first_labels(2), SETTING)

    def run(asked=None, labels=None, ensure_success=True):
        maker = ActiveLearningFlowMaker(
            label_maker=labels or StandInLabelMaker(), fit_maker=fit_maker()
        )
        flow = maker.make(asked or spec(temperatures=[300], length=0.2))
        run_locally(flow, ensure_success=ensure_success, root_dir=tmp_path, log=False)
        return learning.get(store, (asked or spec()).name)

    return run


def hot(**changes):
    """A temperature that the first labels do not reach."""
    return spec(**({"temperatures": [700], "length": 0.1, "budget": 3} | changes))


def test_a_loop_labels_what_it_meets_and_says_where_each_label_comes_from(store, loop):
    document = loop(hot())
    added = [c for c in datasets.dataset(store, "salt-data") if "loop" in str(c.info["origin"])]
    assert 0 < len(added) <= 3
    for configuration in added:
        origin = configuration.info["origin"]
        run = learning.exploration(store, origin["simulation"])
        assert run["potential"] == origin["potential"]
        assert configuration.info["source"] == origin["simulation"]
        (frame,) = selections.query(
            store, {"step": origin["step"]}, simulation_id=origin["simulation"]
        )
        assert frame.grade == origin["grade"] > 2
        shift = configuration.positions - frame.atoms.positions
        shift -= np.round(shift / frame.atoms.cell.lengths()) * frame.atoms.cell.lengths()
        assert np.abs(shift).max() < 1e-5
    first, *later = document["rounds"]
    assert first["fitted"] == later[0]["potential"]["hash"] != first["potential"]["hash"]
    known = learning.exploration(store, first["explorations"][0])
    assert known["max_grade"] > 2


def test_it_ends_when_nothing_is_met_and_does_nothing_more_when_run_again(store, loop):
    datasets.add_configurations(store, "salt-data", first_labels(6), SETTING)
    document = loop()
    assert document["outcome"]["result"] == "converged"
    assert "1 runs of 0.2 ps without a grade over 2" in document["outcome"]["reason"]
    fits, runs = store.potentials.count(), store.database["explorations"].count_documents({})
    again = loop()
    assert again["outcome"] == document["outcome"]
    assert store.potentials.count() == fits
    assert store.database["explorations"].count_documents({}) == runs


def test_a_budget_of_zero_ends_without_a_label_and_says_so(store, loop):
    document = loop(hot(budget=0))
    assert document["outcome"]["result"] == "budget spent"
    assert "0 labels were asked for" in document["outcome"]["reason"]
    assert len(datasets.versions(store, "salt-data")) == 1


def test_a_loop_that_was_cut_off_goes_on_where_it_stood(store, loop):
    cut = loop(hot(budget=1), labels=BrokenLabelMaker(), ensure_success=False)
    assert cut["state"] == "running"
    waiting = cut["rounds"][0]["candidates"]
    assert len(waiting) == 1
    done = loop(hot(budget=1))
    assert done["rounds"][0]["candidates"] == waiting
    assert done["rounds"][0]["explorations"] == cut["rounds"][0]["explorations"]
    assert done["rounds"][0]["labelled"]["added"] == 1
    assert done["state"] == "ended"


def test_a_second_loop_on_the_data_set_is_refused_and_the_first_is_unharmed(store, loop):
    learning.begin(store, hot(name="first"), "token")
    with pytest.raises(RuntimeError, match="did not finish"):
        loop(hot(name="second"))
    with pytest.raises(TrainingError, match="Unknown loop 'second'"):
        learning.get(store, "second")
    leases.require(store, "salt-data", "token")


def test_it_runs_through_fireworks(store, tmp_path, monkeypatch):
    """Every job written to the LaunchPad and read back from it."""
    from fireworks.core.rocket_launcher import rapidfire
    from jobflow.managers.fireworks import flow_to_workflow

    store.write_config(tmp_path)
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(tmp_path / "jobflow.yaml"))
    monkeypatch.chdir(tmp_path)
    datasets.add_configurations(store, "salt-data", first_labels(2), SETTING)
    maker = ActiveLearningFlowMaker(label_maker=StandInLabelMaker(), fit_maker=fit_maker())
    launchpad = store.launchpad()
    launchpad.bulk_add_wfs([flow_to_workflow(maker.make(hot(budget=1)), store.job_store())])
    rapidfire(launchpad, strm_lvl="ERROR")
    assert launchpad.fireworks.distinct("state") == ["COMPLETED"]
    document = learning.get(store, "salt")
    assert document["state"] == "ended"
    assert document["rounds"][0]["labelled"]["added"] == 1
    with pytest.raises(TrainingError, match="given up"):
        leases.require(store, "salt-data", "any")


def test_a_start_is_one_thing():
    with pytest.raises(ValueError, match="a start is one of"):
        LearningSpec(**(spec().model_dump() | {"starts": [{"crystal": "Li", "contact": "Li7PS6"}]}))
