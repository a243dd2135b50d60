"""Graded MD runs of a loop: kept by their identity, taken up after a kill."""

import pytest

from seicampaign.documents import PotentialReference
from seicampaign.documents.learning import Exploration
from seicampaign.errors import TrainingError
from seicampaign.jobs import exploration
from seicampaign.md.parameters import MDParameters
from seicampaign.mtp import load_potential
from seicampaign.store import learning, potentials, selections

pytestmark = pytest.mark.slow


@pytest.fixture
def run(store):
    """100 fs of hot lithium chloride with the shipped potential, graded every 5 steps."""
    shipped = load_potential("LiPSCl-level8")
    potentials.save(store, shipped)
    return Exploration(
        start={"crystal": "LiCl", "repeat": (2, 2, 2)},
        potential=PotentialReference(name=shipped.name, hash=shipped.hash),
        md=MDParameters(temperature=300),
        length=0.1,
        grade={"every": 5, "select": 2.0, "break": 1000.0},
    )


def folder(parent, name):
    path = parent / name
    path.mkdir()
    return path


def test_a_run_is_graded_to_its_end_and_done_once(store, run, tmp_path, monkeypatch):
    found = exploration.run_exploration(store, run, folder(tmp_path, "1"))
    assert found["state"] in ("passed", "selected")
    assert found["steps"] == 100
    assert found["graded"] >= 20
    assert (found["over"] > 0) == (found["max_grade"] > 2.0)
    monkeypatch.setattr(exploration, "run_segment", None)  # nothing is run again
    assert exploration.run_exploration(store, run, folder(tmp_path, "2")) == found


def test_what_is_over_the_threshold_is_kept_with_its_frame(store, run, tmp_path):
    strict = run.model_copy(update={"grade": run.grade.model_copy(update={"select": 0.01})})
    found = exploration.run_exploration(store, strict, folder(tmp_path, "1"))
    assert found["state"] == "selected"
    kept = selections.query(store, simulation_id=strict.id)
    assert kept
    assert kept[0].potential == run.potential.hash
    assert len(kept[0].atoms) == 64


def test_even_one_grade_over_the_threshold_leaves_its_frame(store, run, tmp_path):
    """The threshold is put between the largest grade of the run and the one after it."""
    loose = run.model_copy(update={"length": 0.5})
    most = exploration.run_exploration(store, loose, folder(tmp_path, "1"))["max_grade"]
    just = {"grade": run.grade.model_copy(update={"select": most * 0.9999})}
    found = exploration.run_exploration(store, loose.model_copy(update=just), folder(tmp_path, "2"))
    (kept,) = selections.query(store, simulation_id=found["exploration_id"])
    assert found["over"] == 1
    assert kept.grade == pytest.approx(most, rel=1e-4)


def test_a_grade_over_the_limit_ends_a_run(store, run, tmp_path):
    strict = run.model_copy(
        update={"grade": run.grade.model_copy(update={"select": 0.01, "limit": 0.02})}
    )
    found = exploration.run_exploration(store, strict, folder(tmp_path, "1"))
    assert found["state"] == "extrapolating"
    assert found["steps"] < 100
    assert selections.query(store, simulation_id=strict.id)


def test_a_killed_run_goes_on_from_its_restart_point(store, run, tmp_path, monkeypatch):
    long = run.model_copy(update={"length": 1.0})
    monkeypatch.setattr(exploration, "RESTART_PS", 0.1)
    receive = exploration.Recorder.receive

    def killed(self, batch):
        receive(self, batch)
        if self.step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(exploration.Recorder, "receive", killed)
        with pytest.raises(KeyboardInterrupt):
            exploration.run_exploration(store, long, folder(tmp_path, "1"))
    point = learning.exploration(store, long.id)["at_restart"]
    assert 0 < point["step"] < 1000
    assert point["graded"] <= point["step"] // 5 + 1
    done = exploration.run_exploration(store, long, folder(tmp_path, "2"))
    assert done["steps"] == 1000
    assert 200 <= done["graded"] <= 202
    assert done["at_restart"] is None


def test_a_potential_that_nothing_can_grade_is_refused(store, run, tmp_path):
    store.database["potentials"].update_many({}, {"$unset": {"active_set": ""}})
    with pytest.raises(TrainingError, match="has no active set"):
        exploration.run_exploration(store, run, folder(tmp_path, "1"))
