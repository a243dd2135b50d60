"""The active set that belongs to a potential: found by what it was trained on, chosen once."""

import json
import shutil

import numpy as np
import pytest

from seicampaign.md.active import training_active_set
from seicampaign.mtp import load_potential
from seicampaign.mtp.native import library
from seicampaign.mtp.potential import SHIPPED
from seicampaign.settings import settings

NAME = "LiPSCl-level8"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The shipped potential and its labels in a folder of one's own, no active set in the cache."""
    library()  # compiled, if need be, where it serves other tests too
    (tmp_path / "cache").mkdir()
    for compiled in settings().cache.glob("*.so"):
        (tmp_path / "cache" / compiled.name).symlink_to(compiled)
    described = json.loads((SHIPPED / f"{NAME}.json").read_text())
    for name in (f"{NAME}.mtp", f"{NAME}.json", described["data"]["file"]):
        shutil.copy(SHIPPED / name, tmp_path)
    monkeypatch.setenv("SEICAMPAIGN_CACHE", str(tmp_path / "cache"))
    return load_potential(tmp_path / f"{NAME}.mtp"), tmp_path / described["data"]["file"]


@pytest.mark.slow
def test_the_shipped_potential_has_one_that_is_chosen_once(own, monkeypatch):
    potential, _ = own
    chosen = training_active_set(potential)
    monkeypatch.setattr("seicampaign.mtp.grade.active_set", None)  # now it must be kept
    again = training_active_set(potential)
    np.testing.assert_array_equal(again.rows, chosen.rows)
    assert len(chosen.configurations()) > 10


def test_without_its_labels_a_potential_has_none_and_says_so(own):
    potential, labels = own
    labels.unlink()
    with pytest.warns(UserWarning, match=r"but it is not there: no extrapolation grades"):
        assert training_active_set(potential) is None


def test_other_labels_than_it_was_trained_on_are_not_taken(own):
    potential, labels = own
    labels.write_bytes(labels.read_bytes() + b"\0")
    with pytest.warns(UserWarning, match=r"its SHA-256 is \w+, not \w+"):
        assert training_active_set(potential) is None
