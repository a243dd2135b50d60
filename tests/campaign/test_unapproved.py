"""A campaign does not run on a potential that has not passed its tests, unless it says so."""

import pytest

from seicampaign import Campaign
from seicampaign.approval import TESTS_VERSION, Approval, TestResult
from seicampaign.errors import CampaignError
from seicampaign.mtp import load_potential, write_mtp
from seicampaign.store import approvals

BAD = TestResult("energy of unseen interface", 29.5, 20.0, False, "29.5 meV/atom", "meV/atom")
GOOD = TestResult("lattice of Li", 0.2, 1.0, True, "a 3.43 A", "%")


@pytest.fixture
def untested(tmp_path):
    """The shipped potential as a file of one's own, without what is known of it."""
    shipped = load_potential("LiPSCl-level8")
    write_mtp(tmp_path / "own.mtp", shipped.mtp)
    return {"file": tmp_path / "own.mtp", "species": list(shipped.species)}


def campaign(potential, **changes):
    fields = dict(name="trial", electrolytes=["Li6PS5Cl"], temperatures=[300], length=1)
    return Campaign(**(fields | changes), potential=potential)


def approval_of(potential, result):
    found = campaign(potential).load_potential()
    return Approval(found.hash, found.name, TESTS_VERSION, True, (result,))


def test_it_stops_with_the_reason_before_anything_is_stored(store, untested):
    with pytest.raises(CampaignError, match=r"not approved: it was never tested.*allow_unapproved"):
        campaign(untested).launch(store)
    assert store.simulations.count() == 0
    assert store.campaigns.count() == 0


def test_the_failed_tests_are_named(store, untested):
    approvals.save(store, approval_of(untested, BAD))
    with pytest.raises(CampaignError, match=r"energy of unseen interface 29\.5 meV/atom, limit 20"):
        campaign(untested).launch(store)


def test_an_approved_one_is_launched_without_a_word(store, untested):
    approvals.save(store, approval_of(untested, GOOD))
    report = campaign(untested).launch(store)
    assert (report.new, report.warning) == (1, None)
    assert store.simulations.query_one()["approved"] is True


def test_one_that_is_allowed_is_launched_with_a_warning_and_marked(store, untested):
    report = campaign(untested, allow_unapproved=True).launch(store)
    assert report.warning == "Potential 'own' is not approved: it was never tested."
    assert store.simulations.query_one()["approved"] is False


def test_allowing_it_makes_no_other_simulation(untested):
    strict, lenient = campaign(untested), campaign(untested, allow_unapproved=True)
    assert [s.id for s in strict.simulations()] == [s.id for s in lenient.simulations()]


def test_tests_that_are_passed_later_clear_the_mark(store, untested):
    campaign(untested, allow_unapproved=True).launch(store)
    approvals.save(store, approval_of(untested, GOOD))
    assert store.simulations.query_one()["approved"] is True
    assert campaign(untested).launch(store).unchanged == 1
