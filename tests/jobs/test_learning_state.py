"""The state of a loop, step by step: what is recorded twice counts once."""

import pytest

from seicampaign.documents.datasets import atoms_document
from seicampaign.documents.learning import LearningSpec
from seicampaign.errors import TrainingError
from seicampaign.jobs.learning import (
    End,
    Step,
    next_step,
    outcome,
    record_fit,
    record_labels,
    spent,
)
from seicampaign.mtp import load_potential
from seicampaign.store import learning, potentials
from seicampaign.structures import crystal

LABELLED = {"version": 2, "added": 1, "duplicate": 0, "quarantined": 0, "name": "data"}
FITTED = {"name": "second", "potential": "hash-of-the-second"}


def spec(**changes):
    fields = dict(
        name="loop",
        dataset="data",
        starts=[{"crystal": "LiCl"}],
        temperatures=[300, 400],
        length=1,
        budget=5,
    )
    return LearningSpec(**(fields | changes))


@pytest.fixture
def loop(store):
    shipped = load_potential("LiPSCl-level8")
    potentials.save(store, shipped)
    learning.begin(store, spec(), "token", shipped)
    return lambda: learning.get(store, "loop")


def finish_runs(store, state, **fields):
    for run in next_step(store, "loop").runs:
        counts = {"graded": 1, "over": 0, "max_grade": 1.0, "error": None}
        learning.record_exploration(store, run, state=state, **(counts | fields))


def test_without_a_potential_it_begins_with_a_fit(store):
    learning.begin(store, spec(), "token")
    assert next_step(store, "loop") == Step()
    record_fit(store, learning.get(store, "loop"), -1, FITTED)
    record_fit(store, learning.get(store, "loop"), -1, FITTED)
    assert len(learning.get(store, "loop")["rounds"]) == 1


def test_each_start_runs_at_each_temperature_with_velocities_of_the_round(store, loop):
    runs = next_step(store, "loop").runs
    assert [run.md.temperature for run in runs] == [300, 400]
    assert {run.md.seed for run in runs} == {1}
    assert len({run.id for run in runs}) == 2


def test_only_runs_that_are_not_over_are_asked_for_again(store, loop):
    first, second = next_step(store, "loop").runs
    learning.record_exploration(store, first, state="passed")
    learning.record_exploration(store, second, state="running")
    assert next_step(store, "loop").runs == [second]


def test_when_all_have_passed_it_has_converged(store, loop):
    finish_runs(store, "passed")
    ended = next_step(store, "loop")
    assert isinstance(ended, End)
    assert ended.result == "converged"


def test_runs_that_fail_and_leave_nothing_end_it_with_their_error(store, loop):
    finish_runs(store, "failed", error="Lost atoms in a folder\nmore")
    ended = next_step(store, "loop")
    assert (ended.result, ended.reason.endswith("Lost atoms in a folder")) == ("failed", True)


def test_labels_and_fits_that_are_recorded_twice_count_once(store, loop):
    learning.record_round(store, "loop", 0, candidates=[atoms_document(crystal("LiCl"))])
    assert len(next_step(store, "loop").candidates) == 1
    for _ in range(2):
        record_labels(store, loop(), 0, LABELLED)
    assert next_step(store, "loop") == Step(0, fit=2)
    for _ in range(2):
        record_fit(store, loop(), 0, FITTED)
    assert [r["fitted"] for r in loop()["rounds"]] == ["hash-of-the-second", None]
    assert spent(loop()) == 1
    assert {run.md.seed for run in next_step(store, "loop").runs} == {2}


def test_labels_that_cannot_be_used_end_it(store, loop):
    learning.record_round(store, "loop", 0, candidates=[atoms_document(crystal("LiCl"))])
    record_labels(store, loop(), 0, LABELLED | {"added": 0, "quarantined": 1})
    assert next_step(store, "loop").reason == "none of 1 labels could be used; see quarantine"


def test_a_loop_that_is_given_up_says_so_and_frees_its_data_set(store, loop):
    learning.give_up(store, "loop")
    assert outcome(loop())["result"] == "given up"
    learning.begin(store, spec(name="other"), "token-2")


def test_a_loop_keeps_to_its_data_set(store, loop):
    with pytest.raises(TrainingError, match="is on data set 'data', not 'elsewhere'"):
        learning.begin(store, spec(dataset="elsewhere"), "token-2")
    learning.begin(store, spec(name="other", dataset="elsewhere"), "token-3")
