"""`seicampaign export` and `seicampaign db garbage` as typed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

COMMAND = Path(sys.executable).with_name("seicampaign")


def call(*arguments):
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def stored(store):
    with store.trajectory_writer("a-simulation", [3] * 20 + [15] * 4) as writer:
        for step in range(12):
            writer.append(step, step * 0.5, np.full((24, 3), step * 0.25), np.eye(3) * 9)
    return store


def test_some_frames_of_an_element(stored, tmp_path):
    from ase.io import read

    file = tmp_path / "new" / "a.xyz"
    called = call("export", "a-sim", file, "--frames", "2:10:4", "--element", "P")
    assert f"{file}: 2 frames" in called.stdout
    images = read(file, ":")
    assert [a.info["step"] for a in images] == [2, 6]
    assert images[1].get_chemical_symbols() == ["P"] * 4
    np.testing.assert_allclose(images[1].positions, 1.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "a.xyz"], "Unknown campaign or simulation"),
        (["a-", "tests"], "does not say which format"),
        (["a-simulation", "a.xyz", "--frames", "20:"], "No frame is left: 20:: of the 12"),
        (["a-simulation", "a.xyz", "--frames", "7"], "start:stop"),
        (["a-simulation", "a.pdb"], "does not say which format"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(stored, tmp_path, arguments, message):
    failed = call("export", *arguments)
    assert failed.returncode == 1
    assert message in failed.stderr and "Traceback" not in failed.stderr


def test_garbage_is_listed_and_deleted_on_request(stored):
    listed = call("db", "garbage").stdout
    assert "a-simulation" in listed and "no simulation" in listed and "--delete" in listed
    assert stored.trajectory("a-simulation").n_frames == 12
    assert "keys deleted" in call("db", "garbage", "--delete").stdout
    assert stored.database.trajectory_chunks.count_documents({}) == 0
    assert "Nothing" in call("db", "garbage").stdout
