"""What every home of a trajectory must do: memory, directory, MongoDB collection, object store."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import Trajectory, TrajectoryWriter, delete, keys
from seicampaign.trajectory.layout import POSITION
from seicampaign.trajectory.lease import Lease


def test_frames_come_back_within_the_stated_error(home, frames):
    with frames.create(home, metadata={"simulation_id": "abc"}) as writer:
        frames.write(writer, 0, 23)
    trajectory = Trajectory(home)
    assert (trajectory.n_frames, trajectory.n_atoms) == (23, 40)
    assert trajectory.precision == 1e-3
    assert trajectory.metadata == {"simulation_id": "abc"}
    assert trajectory.last_step == 11_000
    np.testing.assert_array_equal(trajectory.numbers, frames.numbers)
    np.testing.assert_array_equal(trajectory.steps, frames.steps[:23])
    np.testing.assert_array_equal(trajectory.times, frames.times[:23])
    np.testing.assert_array_equal(trajectory.cells, frames.cells[:23])
    assert np.abs(trajectory.positions[:] - frames.positions[:23]).max() <= 0.5e-3 + 1e-12
    trajectory.verify()


def test_a_frame_is_atoms_as_they_were_unwrapped(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 7)
    atoms = Trajectory(home).frame(-1)
    np.testing.assert_allclose(atoms.positions, frames.positions[6], atol=0.51e-3)
    np.testing.assert_array_equal(atoms.cell, frames.cells[6])
    assert atoms.info == {"step": 3000, "time": 6.0}
    assert atoms.pbc.all()


def test_only_committed_frames_count(home, frames):
    writer = frames.create(home)
    frames.write(writer, 0, 8)
    writer.commit()
    frames.write(writer, 8, 17)
    assert Trajectory(home).n_frames == 8
    writer.close()
    with TrajectoryWriter.open(home) as writer:
        assert writer.last_step == 3500
        frames.write(writer, 8, 12)
    np.testing.assert_array_equal(Trajectory(home).steps, frames.steps[:12])


def test_a_reader_follows_a_writer(home, frames):
    writer = frames.create(home)
    frames.write(writer, 0, 3)
    writer.commit()
    trajectory = Trajectory(home)
    for stop in range(4, 40, 3):
        frames.write(writer, stop - 1, stop + 2)
        # What was committed when the reader looked stays readable whatever is committed since.
        trajectory.verify()
        writer.commit()
        trajectory.verify()
        np.testing.assert_allclose(
            trajectory.positions[:], frames.positions[: trajectory.n_frames], atol=0.51e-3
        )
        assert trajectory.refresh() == stop + 2
    writer.close()


def test_many_pages_of_checksums(home, frames):
    with frames.create(home, chunk=(1, 40)) as writer:
        frames.write(writer, 0, 31)
        writer.commit()
        frames.write(writer, 31, 40)
    with TrajectoryWriter.open(home) as writer:
        writer.truncate(frames.steps[35])
        frames.write(writer, 36, 38)
    trajectory = Trajectory(home)
    trajectory.verify()
    np.testing.assert_array_equal(trajectory.steps, frames.steps[:38])
    np.testing.assert_array_equal(trajectory.cells, frames.cells[:38])


@pytest.mark.parametrize("last", [-1, 0, 4, 5, 12, 22])
def test_truncation_drops_later_frames_and_their_chunks(home, frames, last):
    writer = frames.create(home)
    frames.write(writer, 0, 23)
    writer.truncate(frames.steps[last] if last >= 0 else -1)
    assert writer.n_frames == last + 1
    rows = -(-(last + 1) // 5)
    assert len(keys.list_keys(home, f"{POSITION}/c/")) == 3 * rows
    frames.write(writer, last + 1, 30)
    writer.commit()
    writer.close()
    trajectory = Trajectory(home)
    trajectory.verify()
    np.testing.assert_allclose(trajectory.positions[:], frames.positions[:30], atol=0.51e-3)


@pytest.mark.parametrize("frame", [0, 12, 21])
def test_a_torn_chunk_is_found_when_it_is_read(home, frames, frame):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    key = f"{POSITION}/c/{frame // 5}/1/0"
    _damage(home, key)
    trajectory = Trajectory(home)
    assert trajectory.positions[frame, :16].shape == (16, 3)
    with pytest.raises(TrajectoryError, match=f"{key} .*torn"):
        trajectory.positions[frame, 20]
    with pytest.raises(TrajectoryError, match="torn"):
        trajectory.verify()


def test_a_chunk_in_the_place_of_another_is_torn(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    keys.put_many(home, {f"{POSITION}/c/1/0/0": _stored(home, f"{POSITION}/c/2/0/0")})
    with pytest.raises(TrajectoryError, match="torn"):
        Trajectory(home).frame(6)


def test_a_missing_chunk_is_found_on_opening(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    trajectory = Trajectory(home)
    keys.delete_keys(home, [f"{POSITION}/c/3/2/0"])
    with pytest.raises(TrajectoryError, match="3/2/0"):
        Trajectory(home)
    with pytest.raises(TrajectoryError, match="missing"):
        trajectory.frame(17)
    assert len(trajectory.frame(2)) == 40


def test_a_torn_cell_or_step_is_found(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    _damage(home, "particles/all/position/step/c/0")
    with pytest.raises(TrajectoryError, match="torn"):
        Trajectory(home).frame(0)


def test_what_comes_before_a_missing_chunk_can_be_saved(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    keys.delete_keys(home, [f"{POSITION}/c/2/1/0"])
    with pytest.raises(TrajectoryError, match="truncate"):
        Trajectory(home)
    with TrajectoryWriter.open(home) as writer:
        writer.truncate(frames.steps[9])
    saved = Trajectory(home)
    saved.verify()
    np.testing.assert_allclose(saved.positions[:], frames.positions[:10], atol=0.51e-3)


@pytest.mark.parametrize("key", ["", "checksums/0", "particles/all/position/step"])
def test_a_torn_record_is_named(home, frames, key):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    path = f"{key}/zarr.json".lstrip("/")
    whole = _stored(home, path)
    for content in (whole.to_bytes()[:-9], b"", b"[]"):
        keys.put_many(home, {path: type(whole).from_bytes(content)})
        for use in (lambda: Trajectory(home).verify(), lambda: TrajectoryWriter.open(home)):
            with pytest.raises(TrajectoryError, match=f"{path} of .* is .*torn.* from a copy"):
                use()
    keys.put_many(home, {path: whole})
    with TrajectoryWriter.open(home) as writer:
        frames.write(writer, 22, 23)
    assert Trajectory(home).n_frames == 23


def test_a_torn_lease_is_free(home, frames):
    frames.create(home)
    keys.put_many(home, {"lease/1/zarr.json": _stored(home, "zarr.json").from_bytes(b"")})
    with TrajectoryWriter.open(home) as writer:
        frames.write(writer, 0, 2)
    assert Trajectory(home).n_frames == 2


def test_no_changed_bit_of_the_commit_record_is_believed(frames):
    home = MemoryStore()
    with frames.create(home, metadata={"temperature": 300}) as writer:
        frames.write(writer, 0, 7)
    whole, expected = _stored(home, "zarr.json"), Trajectory(home)
    refused = 0
    for place in range(len(whole)):
        content = bytearray(whole.to_bytes())
        content[place] ^= 1
        keys.put_many(home, {"zarr.json": type(whole).from_bytes(bytes(content))})
        try:
            found = Trajectory(home)
        except TrajectoryError:
            refused += 1
        else:
            assert (found.n_frames, found.precision) == (7, expected.precision)
            assert found.metadata == expected.metadata
    assert refused > 0.8 * len(whole)


def test_a_second_writer_is_refused(home, frames):
    writer = frames.create(home)
    frames.write(writer, 0, 3)
    with pytest.raises(TrajectoryError, match="is being written by process"):
        TrajectoryWriter.open(home)
    with pytest.raises(TrajectoryError, match="is being written"):
        delete(home)
    writer.commit()
    writer.close()
    with TrajectoryWriter.open(home) as again:
        frames.write(again, 3, 4)
    assert Trajectory(home).n_frames == 4


def test_of_many_that_take_a_lease_one_gets_it(home):
    def take(_):
        try:
            return Lease.take(home)
        except TrajectoryError:
            return None

    with ThreadPoolExecutor(8) as pool:
        taken = [lease for lease in pool.map(take, range(8)) if lease is not None]
    assert len(taken) == 1


WRITE_FOR_EVER = """
import pickle, sys
import numpy as np
from seicampaign.trajectory import TrajectoryWriter

home = pickle.load(sys.stdin.buffer)
with TrajectoryWriter.create(home, np.full(3000, 3), chunk=(4, 500)) as writer:
    for step in range(10**9):
        writer.append(step, step * 0.001, np.full((3000, 3), step * 0.01), np.eye(3))
        if step % 3 == 0:
            writer.commit()
            print(step, flush=True)
"""


def test_kill_9_while_writing_loses_nothing_committed(home):
    if isinstance(home, MemoryStore) or str(home).startswith("memory:"):
        pytest.skip("memory ends with its process")
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    pickle.dump(home, process.stdin)
    process.stdin.close()
    acknowledged = 0
    while acknowledged < 30:
        acknowledged = int(process.stdout.readline())
    with pytest.raises(TrajectoryError, match=f"process {process.pid} "):
        TrajectoryWriter.open(home)
    process.kill()
    acknowledged = int([acknowledged, *process.stdout.read().split()][-1])
    process.wait()
    with TrajectoryWriter.open(home) as writer:
        assert writer.n_frames >= acknowledged + 1
        step = writer.last_step + 1
        writer.append(step, step * 0.001, np.full((3000, 3), step * 0.01), np.eye(3))
    trajectory = Trajectory(home)
    trajectory.verify()
    expected = np.arange(trajectory.n_frames) * 0.01
    np.testing.assert_allclose(trajectory.positions[:, 1234, 2], expected, atol=0.51e-3)
    assert not [key for key in keys.list_keys(home, "") if "partial" in key]


def test_deletion_leaves_nothing(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 22)
    delete(home)
    assert keys.list_keys(home, "") == []
    with pytest.raises(TrajectoryError, match="no trajectory"):
        Trajectory(home)
    delete(home)
    with frames.create(home) as writer:
        frames.write(writer, 0, 2)
    assert Trajectory(home).n_frames == 2


def test_any_reader_of_zarr_sees_h5md(home, frames):
    with frames.create(home) as writer:
        frames.write(writer, 0, 12)
    group = zarr.open_group(home, mode="r")["particles/all"]
    value = group["position/value"]
    scaled = value[:] * value.attrs["scale_factor"]
    np.testing.assert_allclose(
        scaled, frames.positions[:12], atol=value.attrs["error_bound"] + 1e-9
    )
    np.testing.assert_array_equal(group["species"][:], frames.numbers)
    np.testing.assert_array_equal(group["position/step"][:], frames.steps[:12])
    assert zarr.open_group(home, mode="r")["h5md"].attrs["version"] == [1, 1]


def _stored(home, key):
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    return sync(home.get(key, default_buffer_prototype()))


def _damage(home, key):
    from zarr.core.buffer import default_buffer_prototype

    content = bytearray(_stored(home, key).to_bytes())
    content[len(content) // 2] ^= 1
    keys.put_many(home, {key: default_buffer_prototype().buffer.from_bytes(bytes(content))})
