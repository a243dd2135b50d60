"""Labels a potential has not seen: no leak, limits by kind, a picture."""

from collections import Counter
from dataclasses import replace

import pytest

from seicampaign.approval.unseen import (
    check_unseen,
    label_tests,
    own_labels,
    parity_figure,
    trajectory,
)
from seicampaign.errors import TrainingError
from seicampaign.mtp import load_potential


@pytest.fixture(scope="module")
def shipped():
    return load_potential("LiPSCl-level8")


def test_a_trajectory_on_both_sides_is_refused_by_name(shipped):
    labels = own_labels(shipped)
    assert len(labels) == shipped.metadata["data"]["configurations"]
    with pytest.raises(TrainingError, match="is in the training set too"):
        check_unseen(labels[:1], labels[1:] + labels[:1])
    others = [a for a in labels if trajectory(a) != trajectory(labels[0])]
    check_unseen(labels[:1], others)


def test_held_out_labels_are_judged_by_kind(shipped):
    labels = own_labels(shipped)
    results = list(label_tests(shipped, labels))
    kinds = {a.info["kind"] for a in labels} - {"dense"}
    assert {r.name for r in results} == {
        f"{quantity} of unseen {kind}" for quantity in ("energy", "forces") for kind in kinds
    }
    for result in results:
        assert result.passed == (result.value <= result.limit)


def test_melts_whose_phosphorus_is_reduced_in_part_are_a_kind_of_their_own(shipped):
    for atoms in own_labels(shipped):
        count = Counter(atoms.symbols)
        gained = count["Li"] + 5 * count["P"] - 2 * count["S"] - count["Cl"]
        neither = gained != 0 and gained < 8 * count["P"]  # all of it P5+, or all of it P3-
        if atoms.info["kind"] in ("amorphous", "mixed-valence"):
            assert (atoms.info["kind"] == "mixed-valence") == neither, atoms.info["source"]


def test_without_labels_the_cross_validation_counts(shipped):
    for result in label_tests(shipped, None):
        quantity, _, kind = result.name.partition(" of unseen ")
        assert result.value == shipped.metadata["errors_unseen"][kind][quantity]


def test_or_the_part_that_the_fit_was_kept_from(shipped):
    errors = {"bulk": {"energy": 3.0, "forces": 0.3, "configurations": 4}}
    fitted = replace(shipped, metadata={"errors": {"test": errors, "training": {}}})
    assert [r.passed for r in label_tests(fitted, None)] == [True, False]


def test_without_either_it_fails(shipped):
    (result,) = label_tests(replace(shipped, metadata={}), None)
    assert not result.passed


def test_a_data_set_that_was_changed_is_not_taken_for_its_own(shipped):
    changed = {**shipped.metadata, "data": {**shipped.metadata["data"], "sha256": "0" * 64}}
    assert own_labels(replace(shipped, metadata=changed)) == []


def test_the_picture_is_a_png_and_the_same_twice(shipped):
    labels = own_labels(shipped)[:8]
    first, second = (parity_figure(shipped, labels, "seen in the fit") for _ in range(2))
    assert first.startswith(b"\x89PNG")
    assert first == second
