"""Trajectories of simulations in homes outside the database, and what can be cleared away."""

import numpy as np
import pytest

from seicampaign.errors import SettingsError, TrajectoryError
from seicampaign.store.garbage import (
    ELSEWHERE,
    NO_SIMULATION,
    NO_TRAJECTORY,
    UNCOMMITTED,
    delete_garbage,
    find_garbage,
)
from seicampaign.store.trajectories import chunks_of
from seicampaign.trajectory import TrajectoryWriter, keys, open_trajectory


def _write(store, name, count=12, **options):
    with store.trajectory_writer(name, [3] * 30, chunk=(4, 16), **options) as writer:
        for i in range(count):
            writer.append(i, i * 0.5, np.full((30, 3), i * 0.25), np.eye(3) * 9)


def _register(store, *names):
    store.database.simulations.insert_many({"_id": n, "simulation_id": n} for n in names)


def test_the_settings_name_where_trajectories_begin(store, tmp_path, monkeypatch):
    home = str(tmp_path / "chunks")
    _write(store, "before")
    monkeypatch.setenv("SEICAMPAIGN_TRAJECTORIES", home)
    _write(store, "a")
    assert store.database.trajectory_chunks.count_documents({"_id": {"$regex": "^a/"}}) == 0
    assert open_trajectory(f"{home}/a").n_frames == 12
    monkeypatch.delenv("SEICAMPAIGN_TRAJECTORIES")
    for name in ("before", "a"):
        with store.trajectory_writer(name, [3] * 30) as writer:
            writer.append(12, 6.0, np.full((30, 3), 3.0), np.eye(3) * 9)
        assert store.trajectory(name).n_frames == 13
    assert store.trajectories.query_one({"trajectory_id": "a"})["n_frames"] == 13
    store.delete_trajectory("a")
    assert store.trajectories.count() == 1
    with pytest.raises(TrajectoryError, match="no trajectory"):
        open_trajectory(f"{home}/a")


def test_memory_is_no_home_for_a_campaign(store, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_TRAJECTORIES", "memory://chunks")
    with pytest.raises(SettingsError, match="memory ends with its process"):
        store.trajectory_writer("a", [3])


def test_a_clean_store_has_no_garbage(store):
    _register(store, "a")
    _write(store, "a")
    assert find_garbage(store) == []


def test_trajectories_without_a_simulation(store, tmp_path, monkeypatch):
    _register(store, "kept")
    _write(store, "gone")
    monkeypatch.setenv("SEICAMPAIGN_TRAJECTORIES", str(tmp_path))
    _write(store, "gone-too")
    _write(store, "kept")
    found = find_garbage(store)
    assert [(g.simulation_id, g.reason) for g in found] == [
        ("gone", NO_SIMULATION),
        ("gone-too", NO_SIMULATION),
    ]
    assert delete_garbage(store, found) == sum(g.keys for g in found) > 20
    assert find_garbage(store) == []
    assert store.database.trajectory_chunks.count_documents({}) == 0
    assert [record["_id"] for record in store.database.trajectories.find()] == ["kept"]
    assert store.trajectory("kept").n_frames == 12


def test_what_was_left_by_writers_that_died(store):
    _register(store, "a", "b")
    _write(store, "a")
    _write(store, "b")
    died = store.trajectory_writer("a")
    for i in range(12, 30):
        died.append(i, i * 0.5, np.zeros((30, 3)), np.eye(3) * 9)
    assert find_garbage(store) == []  # it is alive still
    died.close()
    keys.delete_keys(chunks_of(store, "b"), ["zarr.json"])
    found = find_garbage(store)
    assert [(g.simulation_id, g.reason) for g in found] == [
        ("a", UNCOMMITTED),
        ("b", NO_TRAJECTORY),
    ]
    delete_garbage(store, found)
    assert find_garbage(store) == []
    trajectory = store.trajectory("a")
    trajectory.verify()
    assert trajectory.n_frames == 12


def test_chunks_that_the_record_does_not_lead_to(store, tmp_path, monkeypatch):
    _register(store, "a")
    _write(store, "a")
    store.database.trajectories.delete_one({"_id": "a"})
    monkeypatch.setenv("SEICAMPAIGN_TRAJECTORIES", str(tmp_path))
    _write(store, "a", count=5)
    (found,) = find_garbage(store)
    assert found.reason == ELSEWHERE
    delete_garbage(store, [found])
    assert store.database.trajectory_chunks.count_documents({}) == 0
    assert store.trajectory("a").n_frames == 5


def test_one_torn_record_does_not_hide_the_garbage_of_others(store):
    _register(store, "a")
    _write(store, "a")
    _write(store, "gone")
    torn = store.database.trajectory_chunks.update_one(
        {"_id": "a/zarr.json"}, {"$set": {"v": b"{"}}
    )
    assert torn.modified_count == 1
    with pytest.warns(UserWarning, match=r"Simulation a: zarr.json of .* is torn"):
        found = find_garbage(store)
    assert [g.simulation_id for g in found] == ["gone"]


def test_a_list_that_has_become_old_does_no_harm(store):
    _write(store, "a")
    found = find_garbage(store)
    with store.trajectory_writer("a") as writer:
        assert delete_garbage(store, found) == 0
        writer.append(99, 99.0, np.zeros((30, 3)), np.eye(3) * 9)
    _register(store, "a")
    assert delete_garbage(store, found) == 0
    with TrajectoryWriter.open(chunks_of(store, "a")) as writer:
        assert writer.n_frames == 13
