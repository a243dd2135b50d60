"""Workers that are not as they should be: another LAMMPS, a clock that is an hour wrong."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seicampaign.errors import SEICampaignError
from seicampaign.jobs.segment import advance
from seicampaign.mtp.plugin import lammps_headers, lammps_program
from seicampaign.recovery import diagnose, tend
from seicampaign.store import simulations

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WRONG_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int status = real(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += atoi(getenv("SECONDS_WRONG"));
  return status;
}
"""


def test_another_lammps_than_it_says_is_refused(store, launched, folder, monkeypatch):
    """The plug-in is built for the version that a LAMMPS names; what loads it must be that one."""
    key, here = launched(), folder()
    fake = here / "lmp"
    said = "Large-scale Atomic/Molecular Massively Parallel Simulator - 2 Aug 2023"
    fake.write_text(
        f'#!/bin/sh\nif [ "$1" = -h ]; then echo "{said}"; else exec {lammps_program()} "$@"; fi\n'
    )
    fake.chmod(0o755)
    headers = lammps_headers()
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", str(fake))
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS_INCLUDE", str(headers))
    with pytest.raises(SEICampaignError, match="built for LAMMPS 2 Aug 2023") as caught:
        advance(store, key, folder())
    assert diagnose(str(caught.value)).name == "engine"
    assert simulations.get(store, key)["steps_done"] == 0


@pytest.fixture
def wrong_clock(tmp_path):
    """The variables of a process whose clock is wrong by so many seconds."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler to make a wrong clock with")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(WRONG_CLOCK)
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    return lambda seconds: {"LD_PRELOAD": str(library), "SECONDS_WRONG": str(seconds)}


@pytest.fixture
def worker(store, tmp_path, monkeypatch, wrong_clock):
    """Start `rlaunch` with a clock that is wrong by so many seconds."""
    headers = lammps_headers()
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", str(ROOT / "scripts" / "stand-in-lammps"))
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS_INCLUDE", str(headers))
    store.write_config(tmp_path)

    def start(seconds):
        environment = os.environ | {
            "FW_CONFIG_FILE": str(tmp_path / "FW_config.yaml"),
            "JOBFLOW_CONFIG_FILE": str(tmp_path / "jobflow.yaml"),
        }
        command = [Path(sys.executable).with_name("rlaunch"), "-c", tmp_path, "rapidfire"]
        work = tmp_path / f"work{seconds}"
        work.mkdir()
        wrong = environment | wrong_clock(seconds)
        return subprocess.Popen(command, cwd=work, env=wrong, stdout=-3, stderr=-3)

    return start


def test_workers_whose_clocks_are_an_hour_wrong_work_like_others(store, declare, worker):
    campaign = declare(seeds=[1, 2, 3])
    campaign.launch(store)
    workers = [worker(3600), worker(-3600)]
    while any(one.poll() is None for one in workers):
        assert tend(store).actions == []
    keys = [simulation.id for simulation in campaign.simulations()]
    assert {simulations.get(store, key)["state"] for key in keys} == {"completed"}
    for key in keys:
        assert store.trajectory(key).steps.tolist() == list(range(0, 401, 50))
    jobs = store.database["fireworks"].count_documents({})
    assert store.database["launches"].count_documents({"state": "COMPLETED"}) == jobs == 12


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_claim_is_not_abandoned_by_another_clock(store, declare, wrong_clock, seconds):
    """Two launches at once, one where the clock is wrong: the workflow is added by one of them."""
    campaign = declare()
    campaign.launch(store)
    (key,) = (simulation.id for simulation in campaign.simulations())
    simulations.record(store, key, requested_steps=0)
    _, mine = simulations.claim(store, [key])
    code = "import sys, time; from seicampaign.store import connect, simulations; "
    code += "s = connect(sys.argv[1], database=sys.argv[2]); "
    code += "print(round(time.time()), simulations.claim(s, [sys.argv[3]])[1])"
    now, theirs = subprocess.run(
        [sys.executable, "-c", code, store.uri, store.name, key],
        env=os.environ | wrong_clock(seconds),
        stdout=-1,
        text=True,
        check=True,
    ).stdout.split()
    assert abs(int(now) - time.time()) > 3000
    assert (mine, theirs) == ([key], "[]")
