"""Memory does not grow with the length of a trajectory."""

import tracemalloc

import numpy as np
import pytest

from seicampaign.trajectory import Trajectory, TrajectoryWriter, open_store
from seicampaign.trajectory.runs import RunFrames

ATOMS, CHUNK = 4000, (20, 1000)
ROW = 20 * ATOMS * 3 * 4
"""Bytes of a chunk row, as integers."""
HEADER = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
500
ITEM: BOX BOUNDS pp pp pp
0 50
0 9
0 9
ITEM: ATOMS id type xu yu zu
"""


def write(folder, rows):
    rng = np.random.default_rng(0)
    with TrajectoryWriter.create(open_store(folder), np.full(ATOMS, 3), chunk=CHUNK) as writer:
        for step in range(20 * rows):
            writer.append(step, step * 0.5, rng.uniform(0, 40, (ATOMS, 3)), np.eye(3) * 40)
            if step % 20 == 7:
                writer.commit()


def peak(work):
    work()  # what is imported and cached is none of it
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_writing_takes_two_chunk_rows_whatever_the_length(tmp_path):
    names = iter(range(99))
    few, many = (peak(lambda n=n: write(tmp_path / str(next(names)), n)) for n in (3, 12))
    assert many < few + 0.3 * ROW
    assert many < 2 * ROW + 10 * 8 * 3 * ATOMS  # and a few frames as they are given


@pytest.mark.parametrize("suffix", ["xyz", "dump", "xtc", "h5md"])
def test_exporting_takes_two_chunk_rows_whatever_the_length(tmp_path, suffix):
    write(tmp_path / "few", 3)
    write(tmp_path / "many", 9)

    def work(name):
        Trajectory(open_store(tmp_path / name)).export(tmp_path / f"{name}.{suffix}")

    few, many = (peak(lambda name=name: work(name)) for name in ("few", "many"))
    assert many < few + 0.3 * ROW
    assert many < 2 * ROW + 20 * 8 * 3 * ATOMS


def test_reading_a_dump_takes_some_frames_whatever_the_length(tmp_path):
    frame = "".join(f"{i} 1 {i * 0.1:.3f} 2.125 3.250\n" for i in range(1, 501))
    for name, count in (("few", 5), ("many", 40)):
        text = "".join(HEADER.format(step=step) + frame for step in range(count))
        (tmp_path / f"{name}.dump").write_text(text)

    def work(name):
        frames = RunFrames([tmp_path / f"{name}.dump"], timestep=1, elements=["Li"])
        assert sum(1 for _ in frames) in (5, 40)

    few, many = (peak(lambda name=name: work(name)) for name in ("few", "many"))
    assert many < few + 5 * len(frame)
