"""What the errors of the package say."""

import shutil
from types import SimpleNamespace

from seicampaign.errors import full_disk, unknown


def test_a_wrong_name_gets_the_nearest_valid_one():
    said = unknown("electrolyte", "li6ps5cI", ["Li6PS5Cl", "LiCl"])
    assert "Did you mean 'Li6PS5Cl'?" in said
    assert said.endswith("Known: Li6PS5Cl, LiCl.")


def test_where_there_are_no_names_yet_that_is_said():
    assert unknown("campaign", "pair", []) == "Unknown campaign 'pair'. Known: none yet."


def test_a_hundred_names_are_not_listed():
    said = unknown("element", "Xx", [f"X{k:03}" for k in range(118)])
    assert said.endswith("Known: 118 names, X000 to X117.")


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    assert full_disk(tmp_path / "not there") == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 2**20))
    assert str(tmp_path) in full_disk(tmp_path)
    assert "(3 MB free)" in full_disk(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**30))
    assert full_disk(tmp_path) == ""
