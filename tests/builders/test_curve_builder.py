"""Curves brought up to date: each frame read once, whatever stops in between, by mrun too."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from maggma.cli.serial import serial

from seicampaign.analysis import CURVES, RUNNING_CURVES, Running, Thresholds, analyse
from seicampaign.builders import CurveBuilder
from seicampaign.errors import AnalysisError, CensusError
from seicampaign.store import analyses
from seicampaign.store.analyses import NAMES, failure, pending, update_curves
from seicampaign.store.zarr_mongo import MongoZarrStore
from seicampaign.structures import crystal

KEY = Thresholds().key()
MRUN = Path(sys.executable).with_name("mrun")


def start():
    """An argyrodite beside a little metal, 100 atoms."""
    electrolyte = crystal("Li6PS5Cl", seed=0)
    metal = bulk("Li", "bcc", a=electrolyte.cell[0, 0] / 3, cubic=True) * (3, 3, 3)
    metal.positions[:, 2] += electrolyte.cell[2, 2] + 1.5
    atoms = electrolyte + metal
    atoms.cell[2, 2] += metal.cell[2, 2] + 3.0
    return atoms


def write(store, simulation, frames, first=0, spoil=None):
    """Append frames of a slow disintegration; from `spoil` on, two atoms overlap."""
    atoms, rng = start(), np.random.default_rng(0)
    moves = rng.normal(size=(first + frames, len(atoms), 3)) * 0.012
    moves[:, atoms.numbers == 3] *= 3
    where = atoms.positions + np.cumsum(moves, axis=0)
    with store.trajectory_writer(simulation, atoms.numbers) as writer:
        for n in range(first, first + frames):
            x = where[n].copy()
            if spoil is not None and n >= spoil:
                x[1] = x[0] + 0.3
            writer.append(n * 500, n * 1.0, x, atoms.cell.array)


@pytest.fixture
def reads(monkeypatch):
    """Keys of the chunks of positions that are read from the database, in order."""
    keys = []
    get = MongoZarrStore.get

    async def counted(self, key, *args, **kwargs):
        if "position/value/c/" in key:
            keys.append(key)
        return await get(self, key, *args, **kwargs)

    monkeypatch.setattr(MongoZarrStore, "get", counted)
    return keys


def rows_of(reads):
    """Which rows of chunks (of 50 frames) were read, each as often as it was."""
    return [int(key.split("/c/")[1].split("/")[0]) for key in reads]


def build(store, **options):
    serial(CurveBuilder(store.uri, store.name, **options), no_bars=True)


def test_every_curve_reaches_the_end_and_a_second_run_does_nothing(store, reads):
    write(store, "a", 70)
    write(store, "b", 7)
    build(store)
    for simulation, frames in (("a", 70), ("b", 7)):
        curves = store.curves_of(simulation, KEY)
        assert set(curves) == set(NAMES) == set(CURVES) | set(RUNNING_CURVES)
        assert {len(curve) for curve in curves.values()} == {frames}
    stamps = [d["last_updated"] for d in store.database.curves.find().sort("_id")]
    assert sorted(rows_of(reads)) == [0, 0, 1]
    reads.clear()
    build(store)
    assert reads == []
    assert stamps == [d["last_updated"] for d in store.database.curves.find().sort("_id")]


def test_only_new_frames_are_read_and_the_curves_are_those_of_one_go(store, reads):
    write(store, "a", 60)
    build(store)
    write(store, "a", 65, first=60)
    reads.clear()
    build(store)
    assert rows_of(reads) == [1, 2]
    rows = list(analyse(store.trajectory("a"), running=Running.new()))
    for name, curve in store.curves_of("a", KEY).items():
        expected = np.array([row.values[name] for row in rows], np.float32)
        np.testing.assert_array_equal(curve.values, expected)
        assert curve.steps.tolist() == [row.step for row in rows]


def test_what_was_cut_back_is_made_again_from_the_nearest_state(store, reads):
    write(store, "a", 130)
    update_curves(store, "a", Thresholds())
    before = store.curve("a", "lithium_passed_lower", KEY).values
    with store.trajectory_writer("a") as writer:
        writer.truncate(110 * 500)
    store.truncate_curves("a", 110 * 500)
    write(store, "a", 19, first=111)
    reads.clear()
    assert update_curves(store, "a", Thresholds()) == 19
    assert rows_of(reads) == [2]
    np.testing.assert_array_equal(store.curve("a", "lithium_passed_lower", KEY).values, before)


def test_atoms_that_the_census_cannot_count_are_refused_before_a_frame_is_read(store, reads):
    metal = bulk("Li", "bcc", a=3.4, cubic=True)
    with store.trajectory_writer("metal", metal.numbers) as writer:
        writer.append(0, 0.0, metal.positions, metal.cell.array)
    with pytest.raises(CensusError, match="no P in the box"):
        update_curves(store, "metal", Thresholds())
    assert reads == []
    assert "no P in the box" in failure(store, "metal", Thresholds())
    assert pending(store, Thresholds()) == []


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("where", ["before the record", "before the curves", "after the block"])
def test_no_frame_of_a_recorded_block_is_analysed_twice(store, monkeypatch, where):
    write(store, "a", 120)
    seen = []

    def counted(trajectory, first, *args):
        for row in analyse(trajectory, first, *args):
            seen.append(row.frame)
            yield row

    monkeypatch.setattr(analyses, "analyse", counted)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        if where == "before the record":
            patch.setattr(analyses, "_store_block", killed)
        elif where == "before the curves":
            patch.setattr(analyses, "_append", killed)
        with pytest.raises(Killed):
            update_curves(store, "a", Thresholds(), progress=killed)
    assert seen == list(range(50))
    update_curves(store, "a", Thresholds())
    assert seen == [*(range(50) if where == "before the record" else []), *range(120)]
    assert store.curve("a", "reduction_degree", KEY).steps.tolist() == list(range(0, 60000, 500))


KILLED = """
import os, signal, sys
from seicampaign.analysis import Thresholds
from seicampaign.store import analyses, connect
uri, name, log, where, at = sys.argv[1:]
frames = os.open(log, os.O_WRONLY | os.O_APPEND)
analyse, append = analyses.analyse, analyses._append
def kill(here, frame):
    if here == where and frame >= int(at):
        os.kill(os.getpid(), signal.SIGKILL)
def counted(*arguments):
    for row in analyse(*arguments):
        os.write(frames, b"%d\\n" % row.frame)
        kill("frame", row.frame)
        yield row
def appended(*arguments):
    kill("record", arguments[3]["last_step"] // 500)
    append(*arguments)
    kill("curves", arguments[3]["last_step"] // 500)
analyses.analyse, analyses._append = counted, appended
with connect(uri, database=name) as store:
    analyses.update_curves(store, "killed", Thresholds())
"""


@pytest.mark.slow
def test_curves_of_a_run_killed_again_and_again_are_those_of_one_go(store, tmp_path):
    for name in ("killed", "whole"):
        write(store, name, 270)
    log = tmp_path / "frames"
    log.touch()
    kills = [("frame", 73), ("record", 99), ("curves", 149), ("frame", 150), ("frame", 249)]
    for where, at in [*kills, ("never", 0)]:
        command = [sys.executable, "-c", KILLED, store.uri, store.name, log, where, str(at)]
        ended = subprocess.run(command, capture_output=True, text=True).returncode
        assert ended == (0 if where == "never" else -signal.SIGKILL)
    update_curves(store, "whole", Thresholds())
    for name in NAMES:
        one, other = (store.curve(simulation, name, KEY) for simulation in ("whole", "killed"))
        assert one.values.tobytes() == other.values.tobytes()
        assert one.steps.tolist() == other.steps.tolist() == [n * 500 for n in range(270)]
    # Lost were only the blocks that a kill found unfinished: 50-73, 150, and 200-249.
    lost = [*range(50, 74), 150, *range(200, 250)]
    assert sorted(map(int, log.read_text().split())) == sorted([*range(270), *lost])


def test_a_failure_is_recorded_and_tried_again_once_something_changed(store, reads):
    write(store, "good", 3)
    write(store, "bad", 60, spoil=55)
    build(store)
    assert len(store.curve("good", "ps4", KEY)) == 3
    assert len(store.curve("bad", "ps4", KEY)) == 55
    assert "Frame 55" in failure(store, "bad", Thresholds())
    reads.clear()
    build(store)
    assert reads == []
    with store.trajectory_writer("bad") as writer:
        writer.truncate(54 * 500)
    write(store, "bad", 5, first=55)
    assert pending(store, Thresholds()) == ["bad"]
    build(store)
    assert len(store.curve("bad", "ps4", KEY)) == 60
    assert failure(store, "bad", Thresholds()) is None
    with pytest.raises(AnalysisError, match="Frame 60"):
        write(store, "bad", 1, first=60, spoil=0)
        update_curves(store, "bad", Thresholds())


def test_other_thresholds_make_other_curves_and_are_stored_with_them(store):
    write(store, "a", 4)
    build(store)
    build(store, thresholds={"ps_bond": 2.2})
    other = Thresholds(ps_bond=2.2)
    assert len(store.curve("a", "ps4", KEY)) == len(store.curve("a", "ps4", other.key())) == 4
    kept = store.database["analyses"].find_one({"_id": other.key()})
    assert Thresholds(**kept["thresholds"]) == other


def test_a_trajectory_that_is_still_written_is_read_as_far_as_it_is_committed(store):
    atoms = start()
    with store.trajectory_writer("a", atoms.numbers) as writer:
        for n in range(6):
            writer.append(n, n * 1.0, atoms.positions, atoms.cell.array)
            if n == 3:
                writer.commit()
        assert update_curves(store, "a", Thresholds()) == 4
    assert update_curves(store, "a", Thresholds()) == 2


def test_only_the_simulations_of_a_campaign(store):
    for name in "ab":
        write(store, name, 2)
        store.simulations.update([{"simulation_id": name, "campaigns": [f"campaign {name}"]}])
    build(store, campaign="campaign b")
    assert store.curves_of("a") == {}
    assert len(store.curve("b", "ps4")) == 2


@pytest.mark.slow
def test_mrun_with_the_files_of_db_config(store, tmp_path):
    for n in range(3):
        write(store, f"simulation {n}", 10 + n)
    write(store, "broken", 5, spoil=2)
    store.write_config(tmp_path)
    builder = tmp_path / "curve_builder.json"
    assert json.loads(builder.read_text())["@class"] == "CurveBuilder"
    for processes in ("2", "1"):
        done = subprocess.run(
            [MRUN, "--no_bars", "-v", "-n", processes, builder],
            cwd=tmp_path,
            env=os.environ | {"SEICAMPAIGN_HOME": str(tmp_path / "unused")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert "0 simulations have new frames" in done.stdout + done.stderr
    for n in range(3):
        assert len(store.curve(f"simulation {n}", "reduction_degree", KEY)) == 10 + n
    assert "Frame 2" in failure(store, "broken", Thresholds())
    assert not (tmp_path / "unused").exists()
