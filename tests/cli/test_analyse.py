"""`seicampaign analyse` as typed: a bar on a terminal, Ctrl-C heeded between blocks, resumed."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from seicampaign.analysis import Thresholds
from seicampaign.structures import crystal

COMMAND = Path(sys.executable).with_name("seicampaign")
KEY = Thresholds().key()
FRAMES = 1500  # seconds: Ctrl-C comes before the last


def write(store, simulation, frames):
    atoms, rng = crystal("Li6PS5Cl", seed=0), np.random.default_rng(0)
    with store.trajectory_writer(simulation, atoms.numbers) as writer:
        for n in range(frames):
            noise = 0.05 * rng.normal(size=atoms.positions.shape)
            writer.append(n * 500, n * 1.0, atoms.positions + noise, atoms.cell.array)


def call(*arguments):
    return subprocess.run([COMMAND, "analyse", *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_a_long_run_is_interrupted_and_goes_on(store):
    write(store, "long", FRAMES)
    terminal, other = pty.openpty()
    running = subprocess.Popen(
        [COMMAND, "analyse", "long"], stdout=subprocess.PIPE, stderr=other, text=True
    )
    os.close(other)
    shown = b""
    while b"analysing" not in shown or store.database.curves.count_documents({}) == 0:
        shown += os.read(terminal, 4096)
    running.send_signal(signal.SIGINT)
    with suppress(OSError):  # the other end is closed when the program ends
        while True:
            shown += os.read(terminal, 4096)
    assert running.wait() == 130
    assert b"%" in shown
    assert b"interrupted" in shown
    done = len(store.curve("long", "reduction_degree", KEY))
    assert 0 < done < FRAMES and done % 50 == 0
    again = call("long")
    assert f"{FRAMES - done} new frames of {FRAMES}" in again.stderr
    assert len(store.curve("long", "reduction_degree", KEY)) == FRAMES
    assert f"0 new frames of {FRAMES}" in call("long").stderr


@pytest.mark.slow
def test_names_thresholds_and_sensitivity(store):
    write(store, "abc", 12)
    assert call("ab").returncode == 0
    assert len(store.curve("abc", "ps4", KEY)) == 12
    changed = call("abc", "--set", "ps_bond=2.5")
    assert Thresholds(ps_bond=2.5).key() in changed.stdout
    table = call("abc", "--sensitivity").stdout
    assert "core_link" in table and "metal_distance" in table
    assert "Did you mean 'abc'" in call("abd").stderr
    assert "Did you mean 'ps_bond'" in call("abc", "--set", "ps_bnd=2").stderr
    assert "greater than 0" in call("abc", "--set", "ps_bond=-1").stderr
