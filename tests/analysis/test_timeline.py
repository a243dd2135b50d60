from types import SimpleNamespace

import numpy as np
import pytest
from truth_boxes import argyrodite

from seicampaign.analysis import (
    CURVES,
    RUNNING_CURVES,
    Running,
    Thresholds,
    analyse,
    classify_frame,
    timeline,
)
from seicampaign.errors import AnalysisError


class Recorded:
    """Positions that remember which frames were read."""

    def __init__(self, array):
        self.array, self.read = array, []

    def __getitem__(self, frames):
        self.read += range(frames.start, frames.stop)
        return self.array[frames]


@pytest.fixture
def trajectory():
    """An argyrodite whose PS4 lose one S after another: frame n has n S pulled away."""
    atoms = argyrodite()
    frames = [atoms.positions.copy()]
    for n in range(40):
        moved = frames[-1].copy()
        if n < 16:
            moved[4 + n] += 1.5 * (moved[4 + n] - moved[n // 4]) / 2.1
        frames.append(moved)
    return SimpleNamespace(
        numbers=atoms.numbers,
        steps=np.arange(41) * 500,
        times=np.arange(41) * 0.5,
        cells=np.repeat(atoms.cell.array[None], 41, axis=0),
        positions=Recorded(np.array(frames)),
    )


def test_every_frame_gives_a_point_to_every_curve(trajectory):
    rows = list(analyse(trajectory))
    assert [r.frame for r in rows] == list(range(41))
    assert rows[7].step == 3500 and rows[7].time == 3.5
    assert all(list(r.values) == list(CURVES) for r in rows)
    alpha = [r.values["reduction_degree"] for r in rows]
    assert alpha[:17] == pytest.approx(np.arange(17) / 16)
    assert set(alpha[17:]) == {1.0}
    assert alpha[0] == classify_frame(argyrodite()).reduction_degree


def test_only_new_frames_are_read(trajectory):
    rows = list(analyse(trajectory, first=30, last=35))
    assert [r.frame for r in rows] == [30, 31, 32, 33, 34]
    assert trajectory.positions.read == [30, 31, 32, 33, 34]
    assert list(analyse(trajectory, first=41)) == []


def test_memory_is_bounded_by_the_blocks_of_the_store(trajectory, monkeypatch):
    monkeypatch.setattr(timeline, "BLOCK", 10)
    rows = analyse(trajectory, first=17)
    next(rows)
    assert trajectory.positions.read == [17, 18, 19]
    assert [r.frame for r in rows] == list(range(18, 41))


def test_time_that_jumps_back_is_refused(trajectory):
    trajectory.times[20] = 1.0
    with pytest.raises(AnalysisError, match="time of frame 20"):
        list(analyse(trajectory))
    assert len(list(analyse(trajectory, first=30))) == 11


def test_a_broken_frame_is_named(trajectory):
    trajectory.positions.array[3, 5] = np.nan
    rows = analyse(trajectory)
    assert [next(rows).frame for _ in range(3)] == [0, 1, 2]
    with pytest.raises(AnalysisError, match=r"Frame 3: .*atom 5"):
        next(rows)


def test_what_runs_on_goes_on_from_what_was_stored(trajectory):
    whole = list(analyse(trajectory, running=Running.new()))
    running = Running.new()
    parts = list(analyse(trajectory, last=9, running=running))
    running = Running.from_bytes(running.to_bytes(), Thresholds())
    trajectory.positions.read.clear()
    parts += analyse(trajectory, 9, running=running)
    assert trajectory.positions.read == list(range(9, 41))
    for name in RUNNING_CURVES:
        of_parts, of_whole = ([row.values[name] for row in rows] for rows in (parts, whole))
        np.testing.assert_array_equal(of_parts, of_whole)
    assert whole[-1].values["reduction_degree_bonds"] == 1.0
    assert whole[-1].values["bonds_broken"] == 16
    assert whole[-1].values["bonds_formed"] == 0
