"""Loops as files declare them."""

from pathlib import Path

import pytest

from seicampaign.campaign.learning import LearningFile
from seicampaign.errors import CampaignError, TrainingError
from seicampaign.store import datasets

WORKFLOWS = Path(__file__).parents[2] / "workflows"
GOOD = """\
name: good
dataset: data
starts: [{crystal: LiCl, repeat: [2, 2, 2]}]
temperatures: [300]
length: 1
budget: 5
"""


def read(tmp_path, text):
    path = tmp_path / "loop.yaml"
    path.write_text(text)
    return LearningFile.from_file(path)


def test_the_loop_that_comes_with_the_package_is_valid_and_its_starts_can_be_built():
    found = LearningFile.from_file(WORKFLOWS / "learn-lipscl.yaml")
    assert found.spec.budget == 300
    for start in found.spec.starts:
        assert len(start.build()) >= 54


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("budget: 5", "budget: -1", r"line 6: budget: .*greater than or equal to 0"),
        ("budget: 5", "budgett: 5", r"[Uu]nknown key 'budgett'. Did you mean 'budget'"),
        ("budget: 5", "first_gates: {force: 50}", r"line 6: Unknown key 'force'.*max_force"),
        ("{crystal: LiCl, repeat: [2, 2, 2]}", "{}", r"a start is one of"),
        ("length: 1", "length: 1\nlimit: 1\nthreshold: 2", r"limit \(1\) is under threshold"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, message):
    with pytest.raises(CampaignError, match=message):
        read(tmp_path, GOOD.replace(old, new))


def test_cif_files_count_from_the_file_of_the_loop(tmp_path, monkeypatch):
    from seicampaign.structures import crystal

    crystal("LiCl").write(tmp_path / "salt.cif")
    text = GOOD.replace("{crystal: LiCl, ", "{crystal: salt.cif, ")
    found = read(tmp_path, text)
    monkeypatch.chdir("/")
    assert len(found.spec.starts[0].build()) == 64


def test_without_a_data_set_it_says_what_to_do(store, tmp_path):
    with pytest.raises(TrainingError, match="first_labels"):
        read(tmp_path, GOOD).flow(store)


def test_the_first_labels_make_the_data_set_once(store, tmp_path):
    labels = WORKFLOWS.parent / "seicampaign" / "mtp" / "data" / "LiPSCl.extxyz.gz"
    found = read(tmp_path, f"{GOOD}first_labels: {labels}\nfirst_gates: {{max_force: 50}}\n")
    for _ in range(2):
        assert found.flow(store).name.endswith("good")
    assert len(datasets.versions(store, "data")) == 1
    assert len(datasets.dataset(store, "data")) > 50
    assert not datasets.quarantined(store, "data")


def test_first_labels_that_are_set_apart_are_said(store, tmp_path):
    labels = WORKFLOWS.parent / "seicampaign" / "mtp" / "data" / "LiPSCl.extxyz.gz"
    with pytest.warns(UserWarning, match="7 of 942 first labels are set apart"):
        read(tmp_path, f"{GOOD}first_labels: {labels}\n").flow(store)
    assert len(datasets.quarantined(store, "data")) == 7
