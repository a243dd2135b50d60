"""`seicampaign view`: the frame that was asked for, coloured, as a picture and as atoms."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from seicampaign.structures import crystal

COMMAND = Path(sys.executable).with_name("seicampaign")


@pytest.fixture
def stored(store):
    atoms = crystal("Li6PS5Cl", seed=0)
    with store.trajectory_writer("abcdef", atoms.numbers) as writer:
        for n in range(3):
            writer.append(n, n * 1.0, atoms.positions + 0.5 * n * np.eye(3)[2], atoms.cell.array)
    return atoms


def call(*arguments, cwd=None):
    return subprocess.run([COMMAND, "view", *arguments], cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_a_frame_as_atoms_as_a_picture_and_for_ovito(store, stored, tmp_path):
    assert call("abc", "--frame", "1", "--to", "one.extxyz", cwd=tmp_path).returncode == 0
    shown = read(tmp_path / "one.extxyz")
    assert (shown.numbers == stored.numbers).all()
    assert shown.positions[0, 2] == pytest.approx(
        (stored.positions[0, 2] + 0.5) % stored.cell[2, 2]
    )
    assert (shown.arrays["phase"] == 3).all()
    assert shown.arrays["color"].shape == (len(stored), 3)
    assert "picture.PNG" in call("abc", "--to", "picture.PNG", cwd=tmp_path).stdout
    assert (tmp_path / "picture.PNG").read_bytes().startswith(b"\x89PNG")
    handed = call("abcdef", "--to", "ovito", cwd=tmp_path).stdout
    assert "abcdef-2.extxyz: phase and color" in handed and "OVITO" in handed
    np.testing.assert_array_equal(read(tmp_path / "abcdef-2.extxyz").arrays["phase"], 3)


@pytest.mark.slow
def test_what_cannot_be_shown_says_why(store, stored, tmp_path, monkeypatch):
    assert "has 3 frames, and no 7" in call("abc", "--frame", "7").stderr
    assert "Did you mean 'abcdef'" in call("abcdeg").stderr
    assert "use ovito, ase" in call("abc", "--to", "x.blend", cwd=tmp_path).stderr
    (tmp_path / "file").write_text("")
    for inside in ("file/x.png", "file/x.xyz"):
        failed = call("abc", "--to", inside, cwd=tmp_path)
        assert f"{inside} cannot be written" in failed.stderr and "Trace" not in failed.stderr
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "needs a screen" in call("abc", "--to", "ase").stderr
