"""Slices of positions: what they give, and how little they read for it."""

import asyncio
import pickle

import numpy as np
import pytest
from zarr.storage import MemoryStore, WrapperStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import Trajectory


class CountingStore(WrapperStore):
    """Remembers the chunks of positions that were read."""

    def __init__(self, store, read=None):
        super().__init__(store)
        self.read = [] if read is None else read

    def _with_store(self, store):
        return CountingStore(store, self.read)

    async def get(self, key, prototype, byte_range=None):
        if "position/value/c/" in key:
            self.read.append(key.partition("/c/")[2])
        return await self._store.get(key, prototype, byte_range)


class CommittingStore(WrapperStore):
    """Lets a writer commit once a chunk of positions has been read."""

    def __init__(self, store, commits):
        super().__init__(store)
        self.commits = commits

    def _with_store(self, store):
        return CommittingStore(store, self.commits)

    async def get(self, key, prototype, byte_range=None):
        value = await self._store.get(key, prototype, byte_range)
        if "position/value/c/" in key and self.commits:
            await asyncio.to_thread(self.commits.pop())
        return value


@pytest.fixture
def written(frames):
    store = CountingStore(MemoryStore())
    with frames.create(store) as writer:
        frames.write(writer, 0, 23)
    store.read.clear()
    return store


SELECTIONS = [
    np.s_[:],
    np.s_[10:20, :, 2],
    np.s_[-1],
    np.s_[..., 0],
    np.s_[3, 5:9],
    np.s_[20:3:-4, ::7],
    np.s_[::-1],
    np.s_[4:4],
    np.s_[:, -1],
    np.s_[[0, 7, 22]],
    np.s_[:, [39, 0, 5], 1:],
    np.s_[2, [1, -1]],
    np.s_[np.arange(23) % 2 == 0],
    np.s_[100:200],
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_slices_are_those_of_numpy(written, frames, selection):
    expected = frames.positions[:23][selection]
    found = Trajectory(written).positions[selection]
    assert found.dtype == np.float64
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, atol=0.51e-3)


@pytest.mark.parametrize("selection", [23, np.s_[:, 40], np.s_[:, :, 3], np.s_[:, [41]]], ids=str)
def test_indices_out_of_range(written, selection):
    with pytest.raises(IndexError):
        Trajectory(written).positions[selection]


def test_too_many_axes(written):
    with pytest.raises(IndexError, match="3 axes"):
        Trajectory(written).positions[0, 0, 0, 0]


@pytest.mark.parametrize(
    ("selection", "chunks"),
    [
        (np.s_[7], ["1/0/0", "1/1/0", "1/2/0"]),
        (np.s_[:, 20], [f"{row}/1/0" for row in range(5)]),
        (np.s_[9:11, 35:, 0], ["1/2/0", "2/2/0"]),
    ],
    ids=str,
)
def test_only_the_chunks_of_a_slice_are_read(written, selection, chunks):
    trajectory = Trajectory(written)
    written.read.clear()
    trajectory.positions[selection]
    assert sorted(written.read) == chunks


def test_frames_in_order_read_each_chunk_once(written, frames):
    trajectory = Trajectory(written)
    written.read.clear()
    for i, atoms in enumerate(trajectory.frames(2, 20)):
        np.testing.assert_allclose(atoms.positions, frames.positions[i + 2], atol=0.51e-3)
    assert len(written.read) == len(set(written.read)) == 4 * 3


def test_writing_reads_no_chunk_back(frames):
    store = CountingStore(MemoryStore())
    with frames.create(store) as writer:
        for i in range(23):
            frames.write(writer, i, i + 1)
            writer.commit()
    assert store.read == []


def test_a_chunk_that_is_replaced_while_it_is_read_is_whole(frames):
    store, commits = MemoryStore(), []
    with frames.create(store) as writer:
        frames.write(writer, 0, 3)
        writer.commit()
        trajectory = Trajectory(CommittingStore(store, commits))
        frames.write(writer, 3, 5)
        commits.append(writer.commit)
        np.testing.assert_allclose(trajectory.positions[:], frames.positions[:3], atol=0.51e-3)
    assert commits == []


def test_an_empty_trajectory(frames):
    store = MemoryStore()
    frames.create(store).close()
    trajectory = Trajectory(store)
    assert trajectory.positions[:].shape == (0, 40, 3)
    assert trajectory.last_step is None
    assert list(trajectory.frames()) == []
    with pytest.raises(IndexError):
        trajectory.frame(0)


def test_other_zarr_data_is_no_trajectory():
    import zarr

    store = MemoryStore()
    zarr.create_group(store)
    with pytest.raises(TrajectoryError, match="no trajectory"):
        Trajectory(store)


def test_a_trajectory_can_be_pickled(tmp_path, frames):
    from zarr.storage import LocalStore

    with frames.create(LocalStore(tmp_path / "t")) as writer:
        frames.write(writer, 0, 12)
    trajectory = Trajectory(LocalStore(tmp_path / "t"))
    trajectory.frame(3)
    again = pickle.loads(pickle.dumps(trajectory))
    np.testing.assert_array_equal(again.positions[:], trajectory.positions[:])
