"""Runs of real LAMMPS in every kind of dump, and dumps that cannot be trusted."""

import gzip
import shutil

import numpy as np
import pytest
from lammps_runs import DUMPS, ELEMENTS, run_lammps
from zarr.storage import MemoryStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import Trajectory
from seicampaign.trajectory.lammps_log import read_log
from seicampaign.trajectory.runs import RunFrames


@pytest.fixture(scope="module", params=[False, True], ids=["right-angled", "tilted"])
def runs(request, tmp_path_factory):
    return run_lammps(tmp_path_factory.mktemp("run"), tilted=request.param)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_lammps(tmp_path_factory.mktemp("run"))


def read(*paths, **options):
    frames = RunFrames(list(paths), **{"timestep": 2.0, "elements": ELEMENTS, **options})
    return frames, list(frames)


@pytest.mark.parametrize("name", DUMPS)
def test_every_kind_of_dump_gives_the_same_path(runs, name):
    _, expected = read(runs / "unwrapped.dump")
    frames, found = read(runs / f"{name}.dump")
    assert [f.step for f in found] == list(range(0, 301, 20))
    np.testing.assert_allclose([f.time for f in found], [f.step * 0.002 for f in found])
    np.testing.assert_allclose([f.cell for f in found], [f.cell for f in expected], rtol=1e-9)
    assert set(frames.numbers) == {3, 16}
    np.testing.assert_array_equal(frames.numbers, read(runs / "unwrapped.dump")[0].numbers)
    assert frames.nearest_image == (name in ("wrapped", "wrapped_scaled"))
    for ours, theirs in zip(found, expected, strict=True):
        difference = (ours.positions - theirs.positions) @ np.linalg.inv(theirs.cell)
        if frames.nearest_image:
            # Where an atom was when the run began is not in a wrapped dump.
            start = (found[0].positions - expected[0].positions) @ np.linalg.inv(expected[0].cell)
            difference -= np.rint(start)
        assert np.abs(difference @ theirs.cell).max() < 2e-4
    moved = expected[-1].positions @ np.linalg.inv(expected[-1].cell)
    assert (np.abs(moved - 0.5) > 0.5).any(), "no atom left the cell: the test shows nothing"


def test_ase_reads_the_same_cell(runs):
    from ase.io import read as ase_read

    _, found = read(runs / "unwrapped.dump")
    images = ase_read(runs / "images.dump", ":", format="lammps-dump-text")
    for ours, theirs in zip(found, images, strict=True):
        np.testing.assert_allclose(ours.cell, theirs.cell[:], atol=1e-4)


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed_dumps(run, tmp_path, suffix):
    packed = tmp_path / f"unwrapped.dump.{suffix}"
    content = (run / "unwrapped.dump").read_bytes()
    if suffix == "gz":
        packed.write_bytes(gzip.compress(content))
    else:
        packed.write_bytes(pytest.importorskip("zstandard").compress(content))
    _, expected = read(run / "unwrapped.dump")
    _, found = read(packed)
    np.testing.assert_array_equal([f.positions for f in found], [f.positions for f in expected])
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size * 2 // 3])
    cut = read(packed)[1] if suffix == "gz" else found[:1]
    assert 1 <= len(cut) < len(found)


def test_a_run_in_two_files_counts_what_both_have_once(run, tmp_path):
    text = (run / "unwrapped.dump").read_text()
    starts = [i for i in range(len(text)) if text.startswith("ITEM: TIME\n", i)]
    first, second = tmp_path / "1.dump", tmp_path / "2.dump"
    first.write_text(text[: starts[12]])
    second.write_text(text[starts[8] :])
    _, found = read(first, second)
    assert [f.step for f in found] == list(range(0, 301, 20))
    _, whole = read(run / "unwrapped.dump")
    np.testing.assert_array_equal([f.positions for f in found], [f.positions for f in whole])
    with pytest.raises(TrajectoryError, match=r"2.dump begins at step 160, and the next .* step 0"):
        read(second, first)
    first.write_text(text[: starts[12]] + text[starts[8] :])
    with pytest.raises(TrajectoryError, match=r"Frame 13 of 1.dump \(step 160\) goes back in time"):
        read(first)


def test_extended_xyz_as_we_export_it(run, tmp_path):
    from ase import Atoms
    from ase.io import write

    frames, expected = read(run / "unwrapped.dump")
    images = [Atoms(frames.numbers, f.positions, cell=f.cell, pbc=True) for f in expected]
    write(tmp_path / "t.xyz", images, format="extxyz")
    with pytest.raises(TrajectoryError, match="neither step nor time"):
        read(tmp_path / "t.xyz")
    again, found = read(tmp_path / "t.xyz", interval=0.04)
    assert again.nearest_image
    assert [f.step for f in found] == list(range(0, 301, 20))
    np.testing.assert_allclose(
        [f.positions for f in found], [f.positions for f in expected], atol=1e-6
    )


def test_what_we_export_is_imported_again(tmp_path, frames):
    store = MemoryStore()
    with frames.create(store) as writer:
        frames.write(writer, 0, 9)
    for name in ("t.xyz", "t.dump"):
        Trajectory(store).export(tmp_path / name)
        run, found = read(tmp_path / name)
        np.testing.assert_array_equal(run.numbers, frames.numbers)
        assert [f.step for f in found] == frames.steps[:9].tolist()
        np.testing.assert_allclose([f.time for f in found], frames.steps[:9] * 0.002)
        np.testing.assert_allclose([f.cell for f in found], frames.cells[:9])
        positions = [f.positions for f in found]
        np.testing.assert_allclose(positions, frames.positions[:9], atol=0.51e-3)


def test_time_counts_from_where_a_run_begins(run):
    frames = RunFrames([run / "unwrapped.dump"], timestep=2.0, elements=ELEMENTS)
    found = list(frames.since(100))
    assert [f.step for f in found] == list(range(0, 201, 20))
    np.testing.assert_allclose([f.time for f in found], [f.step * 0.002 for f in found])


HEADER = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
{atoms}
ITEM: BOX BOUNDS {flags}
0 9
0 9
0 9
ITEM: ATOMS {columns}
"""


def _dump(path, *frames, columns="id type x y z", flags="pp pp pp"):
    text = ""
    for step, rows in enumerate(frames):
        head = HEADER.format(step=step * 10, atoms=len(rows), columns=columns, flags=flags)
        text += head + "".join(f"{row}\n" for row in rows)
    path.write_text(text)
    return path


TWO = ["1 1 0 0 0", "2 2 1 1 1"]


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        ([TWO, TWO[:1]], {}, r"Frame 2 of t.dump \(step 10\) has 1 atoms and there were 2"),
        ([TWO, [TWO[0], "3 2 1 1 1"]], {}, "Frame 2 .* atom 3, which was not"),
        ([TWO, [TWO[0], "2 1 1 1 1"]], {}, "Frame 2 .* other elements .* at atom 1"),
        ([TWO, [TWO[0], "2 2 nan 1 1"]], {}, "Frame 2 .* position of atom 2 is not finite"),
        ([TWO, [TWO[0], "2 2 1 1"]], {}, "Frame 2 .* position of atom 2 is not finite"),
        ([TWO, [TWO[0], "2 2 a 1 1"]], {}, "Frame 2 .* cannot be read"),
        ([TWO, [TWO[0], TWO[0]]], {}, "Frame 2 .* atom 1 is in it twice"),
        ([["1 1 1 1"]], {"columns": "type x y z"}, "Frame 1 .* no column id"),
        ([["1 1 1 1 1"]], {"columns": "id type vx vy vz"}, "Frame 1 .* has no positions"),
        ([["1 0 0 0"]], {"columns": "id x y z"}, "neither a column element nor a column type"),
        ([["1 7 0 0 0"]], {}, "7 types of atoms .* got 2"),
        ([["1 Xy 0 0 0"]], {"columns": "id element x y z"}, "'Xy' is no element"),
        ([TWO], {"flags": "pp pp ff"}, "not periodic in all directions"),
    ],
)
def test_dumps_that_cannot_be_trusted(tmp_path, frames, options, message):
    with pytest.raises(TrajectoryError, match=message):
        read(_dump(tmp_path / "t.dump", *frames, **options))


def test_a_dump_that_was_cut_off(tmp_path):
    path = _dump(tmp_path / "t.dump", TWO, TWO, TWO)
    text = path.read_text()
    for length in (len(text) - 1, len(text) - 12, len(text) - 60, len(text) - 117):
        path.write_text(text[:length])
        assert len(read(path)[1]) == 2
    # The run was started again, into the same file.
    path.write_text(text[:-12] + text)
    with pytest.raises(TrajectoryError, match=r"Frame 3 .* next one begins in the middle of it"):
        read(path)


def test_what_is_no_dump(tmp_path):
    (tmp_path / "t.txt").write_text("Some words\nand more\n")
    with pytest.raises(TrajectoryError, match="neither a LAMMPS dump nor a file that ASE reads"):
        read(tmp_path / "t.txt")
    with pytest.raises(TrajectoryError, match="cannot be opened"):
        read(tmp_path / "nothing.dump")


def test_the_log_of_a_run(run, tmp_path):
    steps, values = read_log([run / "log.lammps"])
    assert steps.tolist() == list(range(0, 301, 20))
    assert {"temperature", "pressure"} <= set(values)
    assert 500 < values["temperature"].mean() < 5000
    # A killed run has no line that says it ended; a later one begins again before its end.
    text = (run / "log.lammps").read_text()
    end = text.index("Loop time")
    killed = tmp_path / "killed.log"
    killed.write_text(text[: text.rindex("\n", 0, end - 20) + 1])
    assert read_log([killed])[0].tolist() == list(range(0, 181, 20))
    shutil.copy(run / "log.lammps", tmp_path / "again.log")
    again, same = read_log([killed, tmp_path / "again.log"])
    np.testing.assert_array_equal(again, steps)
    np.testing.assert_array_equal(same["temperature"], values["temperature"])
    (tmp_path / "none.log").write_text("LAMMPS\n")
    with pytest.raises(TrajectoryError, match="no table"):
        read_log([tmp_path / "none.log"])
