"""Runs of real LAMMPS in every kind of dump, and dumps that cannot be trusted."""

import gzip
import re
import shutil

import numpy as np
import pytest
from lammps_runs import DUMPS, ELEMENTS, run_lammps
from zarr.storage import MemoryStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import Trajectory, TrajectoryWriter
from seicampaign.trajectory.lammps_log import read_log
from seicampaign.trajectory.runs import RunFrames
from seicampaign.trajectory.sources import iread_atoms


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


@pytest.mark.parametrize("module", ["gzip", "bz2", "lzma", "zstandard"])
def test_compressed_dumps_whatever_they_are_called(run, tmp_path, module):
    compress = pytest.importorskip(module).compress
    packed = tmp_path / "unwrapped.dump"
    packed.write_bytes(compress((run / "unwrapped.dump").read_bytes()))
    _, expected = read(run / "unwrapped.dump")
    _, found = read(packed)
    np.testing.assert_array_equal([f.positions for f in found], [f.positions for f in expected])


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_files_of_ase_compressed_or_not(tmp_path, suffix):
    from ase.build import bulk
    from ase.io import write

    written = [bulk("Li", a=3.5 + i / 8, cubic=True) for i in range(5)]
    write(tmp_path / f"frames.extxyz{suffix}", written)
    assert list(iread_atoms(tmp_path / f"frames.extxyz{suffix}")) == written


def test_compressed_dumps_that_are_cut_or_damaged(run, tmp_path):
    content = gzip.compress((run / "unwrapped.dump").read_bytes())
    packed = tmp_path / "unwrapped.dump.gz"
    packed.write_bytes(content[: len(content) * 2 // 3])
    with pytest.warns(UserWarning, match=r"in the middle of frame \d+, after step \d+"):
        assert 1 <= len(read(packed)[1]) < 16
    packed.write_bytes(content[:-8] + b"damaged!")
    with pytest.raises(TrajectoryError, match=r"Frame 17 .* after step 300, cannot be read: CRC"):
        read(packed)
    packed.write_bytes(content[:20])
    with pytest.raises(TrajectoryError, match="is cut off before its first line"):
        read(packed)
    packed.write_bytes(content[:10] + b"damaged!")
    with pytest.raises(TrajectoryError, match=r"The beginning of unwrapped.dump.gz cannot be read"):
        read(packed)


def test_wrapped_atoms_are_followed_through_a_flip_of_a_tilted_box(tmp_path):
    """LAMMPS replaces b by b - a when the tilt is over half of a; strain goes on meanwhile."""
    rng = np.random.default_rng(3)
    parts, drift = rng.random((30, 3)), rng.normal(0, 0.05, (30, 3))
    path, text = [], ""
    for n, tilt in enumerate((4.4, 4.8, -4.7, -4.3, 4.5)):
        cell = np.array([[9.5 + 0.01 * n, 0, 0], [tilt, 11, 0], [1, 2, 12]])
        unflipped = cell.copy()
        unflipped[1, 0] %= cell[0, 0]
        path.append((parts + n * drift) @ unflipped)
        wrapped = (path[-1] @ np.linalg.inv(cell) % 1) @ cell
        store = MemoryStore()
        with TrajectoryWriter.create(store, [3] * 30, precision=1e-6) as writer:
            writer.append(n, n * 1.0, wrapped, cell)
        Trajectory(store).export(tmp_path / "one.dump")
        text += (tmp_path / "one.dump").read_text().replace("xu yu zu", "x y z")
    (tmp_path / "t.dump").write_text(text)
    frames, found = read(tmp_path / "t.dump", elements=(), timestep=1000.0)
    assert frames.nearest_image
    for ours, theirs in zip(found, path, strict=True):
        moved = (ours.positions - found[0].positions) - (theirs - path[0])
        assert np.abs(moved).max() < 1.5, "the cell's own change, and no vector of it"


def test_files_of_both_kinds_go_on_from_one_another(run, tmp_path):
    """Where atoms were when a wrapped file began, no later file can say."""
    _, wrapped = read(run / "wrapped.dump")
    parts = [run / "wrapped.dump", tmp_path / "later.dump"]
    text = (run / "unwrapped.dump").read_text()
    parts[1].write_text(text[text.index("ITEM: TIME\n", len(text) // 2) :])
    _, found = read(*parts)
    for ours, theirs in zip(found, wrapped, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=2e-4)


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
        next(iter(RunFrames([second, first], timestep=2.0, elements=ELEMENTS)))
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
        run, found = read(tmp_path / name, elements=())
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


def test_time_counts_from_step_0_whatever_the_clock_said(run, tmp_path):
    text = (run / "unwrapped.dump").read_text()
    # 7 ps of equilibration, and reset_timestep
    text = re.sub(r"(?<=ITEM: TIME\n).*", lambda found: f"{7 + float(found[0])}", text)
    assert text.count("ITEM: TIME\n7.") == 16
    (tmp_path / "t.dump").write_text(text)
    for start in (0, 100):
        frames = RunFrames([tmp_path / "t.dump"], timestep=2.0, elements=ELEMENTS)
        found = list(frames.since(start))
        np.testing.assert_allclose([f.time for f in found], [f.step * 0.002 for f in found])


def test_another_timestep_than_the_frames_have_is_refused(run):
    with pytest.raises(TrajectoryError, match="a timestep of 2 fs, and it is said to be 1"):
        read(run / "unwrapped.dump", timestep=1.0)
    assert read(run / "wrapped.dump", timestep=1.0)[1][-1].time == pytest.approx(0.3)


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
        ([["1 7 0 0 0"]], {}, "7 types of atoms.* got 2"),
        ([["1 0 0 0 0"]], {}, "types of its atoms are not all whole numbers from 1 on"),
        ([["1 1.5 0 0 0"]], {}, "types of its atoms are not all whole numbers from 1 on"),
        ([TWO, [TWO[0], "nan 2 1 1 1"]], {}, "Frame 2 .* ids of its atoms are not all whole"),
        ([["1 1 S 0 0 0"]], {"columns": "id type element x y z"}, "type 1 is S in it and Li by"),
        ([TWO, []], {}, "Frame 2 of t.dump, after step 0, cannot be read: it has 0 atoms"),
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
    begin = text.rindex("ITEM: TIMESTEP")
    for length in range(begin + 1, len(text)):
        path.write_text(text[:length])
        with pytest.warns(UserWarning, match="in the middle of frame 3, after step 10: .* left"):
            assert len(read(path)[1]) == 2
    # The run was started again, into the same file.
    path.write_text(text[:-12] + text)
    with pytest.raises(TrajectoryError, match=r"Frame 3 .* next one begins in the middle of it"):
        read(path)


def test_elements_by_the_labels_of_types_or_as_they_are_said_to_be(tmp_path):
    labels = ["1 Li 0 0 0", "2 S 1 1 1"]
    assert read(_dump(tmp_path / "t.dump", labels))[0].numbers.tolist() == [3, 16]
    # What LAMMPS writes where nobody told it.
    carbon = ["1 1 C 0 0 0", "2 2 C 1 1 1"]
    file = _dump(tmp_path / "t.dump", carbon, columns="id type element x y z")
    assert read(file)[0].numbers.tolist() == [3, 16]
    assert read(file, elements=())[0].numbers.tolist() == [6, 6]


@pytest.mark.parametrize(
    ("torn", "message"),
    [
        (("TIMESTEP\n10", "TIMESTEP\nx"), "Frame 2 of t.dump, after step 0, cannot be read"),
        (("ATOMS\n2", "ATOMS\n-2"), "it has -2 atoms"),
        (("0 9\n0 9\n0 9", "0 9\n0 x\n0 9"), "could not convert string to float"),
        (("0 9\n0 9\n0 9", "0 9\n0 inf\n0 9"), "its box cannot be told from"),
        (("0 9\n0 9\n0 9", "0 9\n0 9 0 9\n0 9"), "its box cannot be told from"),
        (("0 9\n0 9\n0 9", "0 9\n0 0\n0 9"), "its cell has no volume"),
        (("ITEM: TIMESTEP\n10", "\x00\x00"), "Frame 2 .* does not begin as frames of a text dump"),
    ],
)
def test_a_torn_header_is_named(tmp_path, torn, message):
    path = _dump(tmp_path / "t.dump", TWO, TWO)
    before, after = path.read_text().split("ITEM: TIMESTEP\n10")
    after = "ITEM: TIMESTEP\n10" + after
    assert torn[0] in after
    path.write_text(before + after.replace(*torn))
    with pytest.raises(TrajectoryError, match=message):
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
