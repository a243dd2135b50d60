"""How long the queue lets a job go on."""

import os
import subprocess
import sys
import time

import pytest

from seicampaign.errors import SettingsError, SimulationError
from seicampaign.jobs import walltime


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("30:00", 1800),
        ("24:00:00", 86400),
        ("1-12:00:00", 129600),
        ("2-06", 194400),
    ],
)
def test_walltimes_as_queues_write_them(text, expected):
    assert walltime.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "UNLIMITED", "3-"])
def test_what_is_no_walltime(text):
    with pytest.raises(SettingsError, match="is no walltime"):
        walltime.seconds(text)


def test_the_settings_come_first_then_the_queue(monkeypatch):
    monkeypatch.delenv("SEICAMPAIGN_WALLTIME", raising=False)
    slurm = {"SLURM_JOB_START_TIME": "1000", "SLURM_JOB_END_TIME": "4600"}
    assert walltime.job_length({}) is None
    assert walltime.job_length(slurm) == 3600
    assert walltime.job_length({"PBS_WALLTIME": "7200"}) == 7200
    monkeypatch.setenv("SEICAMPAIGN_WALLTIME", "00:10:00")
    assert walltime.job_length(slurm) == 600


def test_a_queue_that_does_not_answer_sets_no_limit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert walltime.job_length({"SLURM_JOB_ID": "7"}) is None
    assert walltime.job_length({"PBS_JOBID": "7.server"}) is None


def test_slurm_and_pbs_are_asked(monkeypatch, tmp_path):
    answers = {
        "scontrol": "JobId=7 JobName=x\\n   RunTime=00:00:02 TimeLimit=1-00:30:00 TimeMin=N/A",
        "qstat": "Job Id: 7.server\\n    Resource_List.walltime = 02:00:00",
    }
    for name, answer in answers.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nprintf '{answer}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert walltime.job_length({"SLURM_JOB_ID": "7"}) == 88200
    assert walltime.job_length({"PBS_JOBID": "7.server"}) == 7200


def test_a_job_without_a_walltime_has_no_limit(monkeypatch, tmp_path):
    """A queue file without one: Slurm calls that UNLIMITED."""
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho 'JobId=7 TimeLimit=UNLIMITED'\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert walltime.job_length({"SLURM_JOB_ID": "7"}) is None


def test_the_age_is_that_of_the_jobs_script():
    """A session of its own, as a queue makes one, whose script starts us later."""
    code = "from seicampaign.jobs.walltime import job_age; print(job_age())"
    started = time.monotonic()
    said = subprocess.run(
        ["setsid", "--wait", "sh", "-c", f'sleep 1; {sys.executable} -c "{code}"; true'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 1 <= float(said) <= time.monotonic() - started + 0.1


def test_too_little_time_is_said_before_lammps_starts(monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_WALLTIME", "95")
    monkeypatch.setattr(walltime, "job_age", lambda: 2.0)
    with pytest.raises(SimulationError, match="Ask the queue for a longer walltime"):
        walltime.limit()
    monkeypatch.setenv("SEICAMPAIGN_WALLTIME", "3600")
    assert walltime.limit() == 3600 - 2 - 90
    monkeypatch.setattr(walltime, "job_age", lambda: 3550.0)
    with pytest.raises(SimulationError, match="Another job of the queue goes on"):
        walltime.limit()


def test_a_deadline_comes_sooner_where_storing_is_slow(monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_WALLTIME_MARGIN", "90")
    deadline = walltime.Deadline(100)
    deadline.took(20)  # three of them fit into 60 s
    assert 99 < deadline.left() <= 100
    deadline.took(30)
    deadline.took(1)
    assert 69 < deadline.left() <= 70
    assert not deadline.over
    deadline.took(60)
    assert deadline.over


def test_without_a_walltime_there_is_no_deadline():
    deadline = walltime.Deadline(None)
    deadline.took(1000)
    assert deadline.left() is None
    assert not deadline.over
