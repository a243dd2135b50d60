"""Exported files, read back by the programs they are for."""

import numpy as np
import pytest
from zarr.storage import MemoryStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import Trajectory, export

SUFFIXES = ["xyz", "dump", "xtc", "h5md"]
TILTED = np.array([[20.0, 0, 0], [3.0, 21.0, 0], [-2.0, 4.0, 40.0]])


@pytest.fixture
def trajectory(frames):
    frames.cells[1:] = TILTED
    store = MemoryStore()
    with frames.create(store) as writer:
        frames.write(writer, 0, 23)
    return Trajectory(store)


def read_ase(path, trajectory):
    """Steps, positions and cells as ASE reads them."""
    from ase.io import read

    name = "lammps-dump-text" if path.suffix == ".dump" else "extxyz"
    images = read(path, ":", format=name)
    steps = [atoms.info["step"] for atoms in images] if name == "extxyz" else None
    symbols = images[0].get_chemical_symbols()
    return steps, [a.positions for a in images], [a.cell[:] for a in images], symbols


def read_mdanalysis(path, trajectory):
    """Steps, positions and cells as MDAnalysis reads them."""
    import MDAnalysis

    with (
        MDAnalysis.Universe.empty(len(trajectory.numbers), trajectory=True)
        .load_new(str(path))
        .trajectory as frames
    ):
        found = [
            (ts.data.get("step", ts.frame), ts.positions.copy(), ts.triclinic_dimensions, ts.time)
            for ts in frames
        ]
    steps, positions, cells, times = zip(*found, strict=True)
    np.testing.assert_allclose(times, trajectory.times, rtol=1e-6)
    return list(steps), list(positions), list(cells), None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_programs_read_what_was_stored(trajectory, tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    assert trajectory.export(path) == 23
    read = read_ase if suffix in ("xyz", "dump") else read_mdanalysis
    steps, positions, cells, symbols = read(path, trajectory)
    assert steps is None or list(steps) == trajectory.steps.tolist()
    np.testing.assert_allclose(positions, trajectory.positions[:], atol=1e-4)
    np.testing.assert_allclose(cells, trajectory.cells, atol=1e-4)
    assert symbols is None or symbols == trajectory.frame(0).get_chemical_symbols()
    assert not list(tmp_path.glob("*partial*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_some_frames_of_some_elements(trajectory, tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    seen = []
    written = export.write(
        trajectory, path, frames=slice(2, 20, 7), atoms=["Li", "S"], progress=seen.append
    )
    assert written == 3 and seen == [1, 2, 3]
    some = np.isin(trajectory.numbers, [3, 16])
    if suffix in ("xyz", "dump"):
        _, positions, _, symbols = read_ase(path, None)
        assert set(symbols) == {"Li", "S"}
    else:
        from MDAnalysis import Universe

        universe = Universe.empty(int(some.sum()), trajectory=True).load_new(str(path))
        positions = [ts.positions.copy() for ts in universe.trajectory]
    np.testing.assert_allclose(positions, trajectory.positions[2:20:7][:, some], atol=1e-4)


def test_h5md_says_what_it_is(trajectory, tmp_path):
    import h5py

    trajectory.export(tmp_path / "t.h5", atoms=[0, 1, 5])
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        assert file["h5md/creator"].attrs["name"] == "seicampaign"
        group = file["particles/all"]
        assert group["species"][:].tolist() == trajectory.numbers[[0, 1, 5]].tolist()
        assert group["position/step"] == group["box/edges/step"]
        assert group["position/value"].attrs["unit"] == "Angstrom"
        assert group["position/time"].attrs["unit"] == "ps"


def test_a_dump_keeps_ids_and_turns_a_general_cell(frames, tmp_path):
    turned = np.array([[0.0, 20, 0], [0, 0, 21.0], [40.0, 0, 0]])
    frames.cells[:] = turned
    store = MemoryStore()
    with frames.create(store) as writer:
        frames.write(writer, 0, 1)
    trajectory = Trajectory(store)
    trajectory.export(tmp_path / "t.dump", atoms=np.arange(40) > 37)
    lines = (tmp_path / "t.dump").read_text().splitlines()
    assert [line.split()[:3] for line in lines[9:]] == [["39", "1", "S"], ["40", "2", "Cl"]]
    trajectory.export(tmp_path / "t.dump")
    _, positions, cells, _ = read_ase(tmp_path / "t.dump", trajectory)
    np.testing.assert_allclose(cells[0], np.diag([20, 21, 40]), atol=1e-6)
    fractional = np.linalg.solve(cells[0].T, positions[0].T).T
    np.testing.assert_allclose(
        fractional, trajectory.frame(0).get_scaled_positions(False), atol=1e-4
    )


@pytest.mark.parametrize("suffix", ["dump", "xtc", "h5md"])
def test_cell_and_positions_agree_for_programs_that_know_no_turned_cells(frames, tmp_path, suffix):
    turned = np.array([[0.0, 20, 1], [0, -3, 21.0], [40.0, 2, 0]])
    for cell in (turned, np.diag([-20.0, -21, 40])):
        frames.cells[:] = cell
        store = MemoryStore()
        with frames.create(store) as writer:
            frames.write(writer, 0, 2)
        trajectory = Trajectory(store)
        trajectory.export(tmp_path / f"t.{suffix}")
        read = read_ase if suffix == "dump" else read_mdanalysis
        _, positions, cells, _ = read(tmp_path / f"t.{suffix}", trajectory)
        np.testing.assert_allclose(
            positions[1] @ np.linalg.inv(cells[1]),
            trajectory.frame(1).get_scaled_positions(False),
            atol=1e-4,
        )
    frames.cells[:] = turned[[1, 0, 2]]
    store = MemoryStore()
    with frames.create(store) as writer:
        frames.write(writer, 0, 1)
    with pytest.raises(TrajectoryError, match=r"step 0 is left-handed.*\.xyz"):
        Trajectory(store).export(tmp_path / f"t.{suffix}")


def test_a_file_that_cannot_be_written_is_one_sentence(trajectory, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrajectoryError, match="cannot be written: "):
        trajectory.export(tmp_path / "file" / "t.xyz")
    (tmp_path / "t.xyz").mkdir()
    with pytest.raises(TrajectoryError, match="is a directory"):
        trajectory.export(tmp_path / "t.xyz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "t.pdb"}, "does not say which format"),
        ({"format": "h5m"}, "Did you mean 'h5md'"),
        ({"frames": slice(30, 40)}, "No frame is left"),
        ({"frames": slice(None, None, -1)}, "forwards"),
        ({"atoms": ["Li", "Na"]}, "Unknown element in this trajectory 'Na'"),
        ({"atoms": [40]}, "out of bounds"),
        ({"atoms": np.zeros(40, bool)}, "No atom is left"),
    ],
)
def test_what_cannot_be_exported(trajectory, tmp_path, options, message):
    path = tmp_path / options.pop("path", "t.xyz")
    with pytest.raises(TrajectoryError, match=message):
        trajectory.export(path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_file_appears_when_it_is_whole(trajectory, tmp_path):
    def interrupt(number):
        raise KeyboardInterrupt

    (tmp_path / "t.xyz").write_text("what was there")
    with pytest.raises(KeyboardInterrupt):
        trajectory.export(tmp_path / "t.xyz", progress=interrupt)
    assert (tmp_path / "t.xyz").read_text() == "what was there"
    assert len(list(tmp_path.iterdir())) == 1
