"""The commands as typed: what they print, and how they fail."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("seicampaign")
CAMPAIGN = """\
name: typed
electrolytes: [Li6PS5Cl]
temperatures: [300]
length: 1
allow_unapproved: true
"""


def call(*arguments, **options):
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "typed.yaml"
    path.write_text(CAMPAIGN)
    return path


def test_help_names_the_commands():
    shown = call("--help").stdout
    assert all(word in shown for word in ("launch", "run", "status", "compare", "db", "doctor"))


@pytest.mark.slow
def test_launch_status_and_compare(mongo_home, file):
    assert "1 new, 0 extended, 0 unchanged" in call("launch", file).stdout
    assert "0 new, 0 extended, 1 unchanged" in call("launch", file).stdout
    status = json.loads(call("status", "typed", "--json").stdout)
    assert status["states"] == {"waiting": 1}
    assert status["ns_planned"] == pytest.approx(0.001)
    assert json.loads(call("compare", "typed", "--json").stdout) == []


def test_errors_are_one_sentence_and_status_1(mongo_home, file):
    file.write_text(CAMPAIGN.replace("Li6PS5Cl", "Li6PS5Cll"))
    failed = call("launch", file)
    assert failed.returncode == 1
    assert failed.stderr.startswith("seicampaign: ")
    assert "Did you mean 'Li6PS5Cl'?" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_an_unknown_campaign_is_named(mongo_home):
    failed = call("status", "nothing")
    assert failed.returncode == 1
    assert "Unknown campaign 'nothing'" in failed.stderr


@pytest.mark.slow
def test_without_a_name_status_names_the_campaigns_there_are(mongo_home, file):
    call("launch", file)
    file.write_text(CAMPAIGN.replace("typed", "another"))
    call("launch", file)
    failed = call("status")
    assert failed.returncode == 1
    assert "Name a campaign. Known: " in failed.stderr
    assert {"another", "typed"} <= set(failed.stderr.strip(" .\n").replace(",", "").split())


def test_db_config_writes_the_files_it_names(mongo_home, tmp_path):
    shown = call("db", "config", tmp_path / "config").stdout
    for name in ("my_launchpad.yaml", "my_fworker.yaml", "FW_config.yaml", "jobflow.yaml"):
        assert (tmp_path / "config" / name).is_file()
        assert name in shown


def test_db_status_and_uri(mongo_home):
    assert "running" in call("db", "status").stdout
    assert call("db", "uri").stdout.startswith("mongodb://")
