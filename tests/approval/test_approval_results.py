"""What counts as approved, and what is said where it does not."""

import subprocess
import sys
from dataclasses import replace

import pytest

from seicampaign.approval import TESTS_VERSION, Approval, TestResult, verdict

GOOD = TestResult("lattice of Li", 0.2, 1.0, True, "a 3.43 A", "%")
BAD = TestResult("energy of unseen interface", 29.5, 20.0, False, "29.5 meV/atom", "meV/atom")


def approval(*results, **changes):
    fields = dict(potential="abc", name="mine", version=TESTS_VERSION, complete=True)
    return Approval(**(fields | changes), results=results)


def test_all_tests_must_pass():
    assert approval(GOOD).approved
    assert not approval(GOOD, BAD).approved
    assert not approval().approved


def test_shortened_tests_approve_nothing():
    found = approval(GOOD, complete=False)
    assert not found.approved
    assert "shortened" in found.reason


def test_the_reason_names_what_failed_with_value_and_limit():
    reason = approval(GOOD, BAD).reason
    assert reason == "1 of 2 tests failed (energy of unseen interface 29.5 meV/atom, limit 20)"


def test_it_reads_what_it_writes():
    found = approval(GOOD, BAD)
    assert Approval.from_dict(found.as_dict()) == found


@pytest.mark.parametrize(
    ("found", "approved", "why"),
    [
        ([approval(GOOD)], True, "all 1 tests passed"),
        ([None, approval(BAD)], False, "tests failed"),
        ([], False, "never tested"),
        ([approval(GOOD, potential="other")], False, "another potential"),
        ([approval(GOOD, version=TESTS_VERSION - 1)], False, "version"),
        ([approval(BAD), approval(GOOD)], False, "tests failed"),
    ],
)
def test_a_verdict_counts_only_todays_tests_of_this_file(found, approved, why):
    said, reason = verdict(found, "abc")
    assert said is approved
    assert why in reason


def test_a_result_without_a_value_is_told_by_its_detail():
    broken = replace(BAD, value=None, detail="LAMMPS ended with status 1")
    assert broken.short == "energy of unseen interface: LAMMPS ended with status 1"


def test_to_read_approvals_is_not_to_load_the_tests():
    """Every command reads them as it starts; ASE's optimisers would double its time."""
    code = "import sys, seicampaign.store.approvals; sys.exit('ase.optimize' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
