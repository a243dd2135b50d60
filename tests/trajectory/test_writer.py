"""Frames that are refused, crashes at every point of a commit, and who may write."""

import os
import time

import numpy as np
import pytest
from zarr.storage import MemoryStore, WrapperStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import Trajectory, TrajectoryWriter, keys
from seicampaign.trajectory.commits import Root


@pytest.fixture
def writer(frames):
    with frames.create(MemoryStore()) as opened:
        frames.write(opened, 0, 3)
        yield opened


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e6, -3e6])
def test_positions_that_cannot_be_stored_are_refused(writer, frames, bad):
    positions = frames.positions[3].copy()
    positions[7, 1] = bad
    with pytest.raises(TrajectoryError, match="Atom 7 of step 1500"):
        writer.append(1500, 3.0, positions, frames.cells[3])
    assert writer.n_frames == 3


def test_other_numbers_of_atoms_are_refused(writer, frames):
    with pytest.raises(TrajectoryError, match=r"\(39, 3\), and the trajectory \(40, 3\)"):
        writer.append(1500, 3.0, frames.positions[3][:39], frames.cells[3])


@pytest.mark.parametrize(
    ("step", "ps", "message"),
    [
        (1000, 3.0, "Step 1000"),
        (500, 3.0, "Step 500"),
        (1500, 2.0, "2.0 ps"),
        (1500, np.nan, "nan"),
    ],
)
def test_steps_and_times_must_increase(writer, frames, step, ps, message):
    with pytest.raises(TrajectoryError, match=message):
        writer.append(step, ps, frames.positions[3], frames.cells[3])


@pytest.mark.parametrize("cell", [np.eye(2), np.zeros((3, 3)), np.diag([1, 1, np.nan])])
def test_a_cell_must_span_a_volume(writer, frames, cell):
    with pytest.raises(TrajectoryError, match="cell of step 1500"):
        writer.append(1500, 3.0, frames.positions[3], cell)


@pytest.mark.parametrize(
    "options",
    [{"precision": 0}, {"precision": np.nan}, {"chunk": (0, 10)}, {"chunk": (5000, 50_000)}],
)
def test_arguments_that_cannot_be_used(frames, options):
    with pytest.raises(TrajectoryError):
        frames.create(MemoryStore(), **options)


@pytest.mark.parametrize("numbers", [[], [0, 1], [1, 119], [1.5], [[1, 2]]])
def test_atomic_numbers_that_cannot_be_used(numbers):
    with pytest.raises(TrajectoryError, match=r"[Aa]tomic numbers"):
        TrajectoryWriter.create(MemoryStore(), numbers)


def test_an_exception_drops_what_was_not_committed(frames):
    store = MemoryStore()
    with pytest.raises(KeyboardInterrupt), frames.create(store) as writer:
        frames.write(writer, 0, 6)
        writer.commit()
        frames.write(writer, 6, 20)
        raise KeyboardInterrupt
    assert Trajectory(store).n_frames == 6
    TrajectoryWriter.open(store).close()


def test_creating_twice_and_opening_nothing(frames):
    store = MemoryStore()
    with pytest.raises(TrajectoryError, match="no trajectory"):
        TrajectoryWriter.open(store)
    frames.create(store).close()
    with pytest.raises(TrajectoryError, match="already"):
        frames.create(store)


def test_a_newer_schema_is_refused(frames):
    store = MemoryStore()
    frames.create(store).close()
    root = keys.get_attributes(store, "")
    keys.put_attributes(store, "", root | {"schema_version": 99})
    with pytest.raises(TrajectoryError, match="schema version 99"):
        Trajectory(store)


class Crash(Exception):
    """The process is gone."""


class CrashingStore(WrapperStore):
    """Lets so many changes through, and none after them."""

    def __init__(self, store, changes):
        super().__init__(store)
        self.changes = changes

    def _with_store(self, store):
        return WrapperStore(store)

    def _count(self):
        if self.changes == 0:
            raise Crash
        self.changes -= 1

    async def set(self, key, value):
        self._count()
        await self._store.set(key, value)

    async def delete(self, key):
        self._count()
        await self._store.delete(key)

    async def delete_dir(self, prefix):
        self._count()
        await self._store.delete_dir(prefix)


def _run_to_the_crash(frames, store, changes):
    """Append, commit and truncate until the store fails; how many frames each commit had."""
    commits = [0]
    crashing = CrashingStore(store, changes)
    writer = TrajectoryWriter.open(crashing)
    for start, stop in [(0, 3), (3, 9), (9, 21), (21, 22)]:
        frames.write(writer, start, stop)
        commits.append(stop)
        writer.commit()
    commits.append(12)
    writer.truncate(frames.steps[11])
    frames.write(writer, 12, 18)
    commits.append(18)
    writer.commit()
    return commits, crashing.changes


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_crash_at_any_change_leaves_the_commit_before_or_after(frames, every):
    unlimited = 10_000
    store = MemoryStore()
    frames.create(store).close()
    _, left = _run_to_the_crash(frames, store, unlimited)
    commits = [0, 3, 9, 21, 22, 12, 18]
    seen = []
    for changes in range(1, unlimited - left, every):
        store = MemoryStore()
        frames.create(store).close()
        with pytest.raises(Crash):
            _run_to_the_crash(frames, store, changes)
        trajectory = Trajectory(store)
        trajectory.verify()
        seen.append(trajectory.n_frames)
        np.testing.assert_allclose(
            trajectory.positions[:], frames.positions[: seen[-1]], atol=0.51e-3
        )
        keys.delete_tree(store, "lease")
        with TrajectoryWriter.open(store) as writer:
            frames.write(writer, writer.n_frames, 30)
        trajectory = Trajectory(store)
        trajectory.verify()
        np.testing.assert_allclose(trajectory.positions[:], frames.positions[:30], atol=0.51e-3)
    order = [count for i, count in enumerate(seen) if i == 0 or count != seen[i - 1]]
    following = iter(commits)
    assert all(count in following for count in order) and len(order) >= 4


def test_a_crash_while_creating_leaves_nothing_in_the_way(frames):
    changes = 1
    while True:
        store = MemoryStore()
        try:
            frames.create(CrashingStore(store, changes)).close()
        except Crash:
            keys.delete_tree(store, "lease")
            again = TrajectoryWriter.open if Root.find(store) else frames.create
            with again(store) as writer:
                frames.write(writer, 0, 2)
            assert Trajectory(store).n_frames == 2
            changes += 1
        else:
            break
    assert changes > 10


def test_the_lease_of_a_silent_writer_elsewhere_expires(frames, monkeypatch):
    store = MemoryStore()
    frames.create(store).close()
    lost = TrajectoryWriter.open(store)
    frames.write(lost, 0, 4)
    record = keys.get_attributes(store, "lease/1")
    elsewhere = record | {"host": "another-node"}
    keys.put_attributes(store, "lease/1", elsewhere)
    with pytest.raises(TrajectoryError, match="another-node"):
        TrajectoryWriter.open(store)
    keys.put_attributes(store, "lease/1", elsewhere | {"renewed": time.time() - 3600})
    with TrajectoryWriter.open(store) as taken:
        with pytest.raises(TrajectoryError, match=f"process {os.getpid()}"):
            lost.commit()
        frames.write(taken, 0, 2)
    assert Trajectory(store).n_frames == 2
    with pytest.raises(TrajectoryError, match="open the trajectory again"):
        lost.commit()
