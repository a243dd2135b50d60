"""Approvals are kept with the potential, and mark what was made with it."""

from dataclasses import replace

import pytest

from seicampaign.approval import TESTS_VERSION, Approval, TestResult
from seicampaign.mtp import load_potential
from seicampaign.store import approvals, potentials

GOOD = TestResult("lattice of Li", 0.2, 1.0, True, "a 3.43 A", "%")
BAD = replace(GOOD, value=1.6, passed=False)


@pytest.fixture
def potential():
    return load_potential("LiPSCl-level8")


def approval(potential, *results, complete=True):
    return Approval(potential.hash, potential.name, TESTS_VERSION, complete, results)


def test_what_is_saved_is_found_with_its_figure(store, potential):
    saved = approval(potential, GOOD)
    approvals.save(store, saved, figure=b"\x89PNG first")
    approvals.save(store, saved, figure=b"\x89PNG second")
    assert approvals.find(store, potential.hash) == saved
    assert approvals.figure(store, potential.hash) == b"\x89PNG second"


def test_the_potential_in_the_store_says_whether_it_is_approved(store, potential):
    potentials.save(store, potential)
    for found in (approval(potential, BAD), approval(potential, GOOD)):
        approvals.save(store, found)
        document = store.potentials.query_one({"hash": potential.hash})
        assert document["approved"] is found.approved


def test_a_shortened_trial_does_not_replace_a_whole_one(store, potential):
    approvals.save(store, approval(potential, GOOD))
    approvals.save(store, approval(potential, BAD, complete=False))
    assert approvals.of_potential(store, potential) == (True, "all 1 tests passed")


def test_the_store_comes_before_the_file_and_an_approval_of_another_file_counts_for_nothing(
    store, potential
):
    beside = replace(potential, metadata={"approval": approval(potential, GOOD).as_dict()})
    assert approvals.of_potential(store, beside)[0]
    approvals.save(store, approval(potential, BAD))
    assert not approvals.of_potential(store, beside)[0]
    foreign = replace(approval(potential, GOOD), potential="another").as_dict()
    store.database["approvals"].delete_many({})
    approved, reason = approvals.of_potential(
        store, replace(potential, metadata={"approval": foreign})
    )
    assert not approved
    assert "another potential" in reason


def test_curves_carry_the_flag_of_their_simulation_and_change_with_it(store, potential):
    store.database["simulations"].insert_one(
        {"_id": "s", "simulation_id": "s", "potential": {"hash": potential.hash}, "approved": False}
    )
    store.append_curves("s", {"x": [1.0]}, [0], [0.0], "md")
    assert store.curve("s", "x").approved is False
    store.append_curves("s", {"x": [2.0]}, [1], [0.1], "md")
    store.truncate_curves("s", 0)
    assert store.curve("s", "x").approved is False
    approvals.save(store, approval(potential, GOOD))
    assert store.curve("s", "x").approved is True
