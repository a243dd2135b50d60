"""The binary dump, as the real LAMMPS writes it: tilted boxes, several ranks, unfinished files."""

import numpy as np
import pytest
from ase import Atoms

from seicampaign.errors import SimulationError
from seicampaign.md import DumpStream, MDParameters, SegmentInput, run_segment
from seicampaign.md.inputs import DATA, DUMP, write_data


class SoftSpheres:
    def pair_lines(self, elements, grading=None):
        return ["pair_style zero 4.0", "pair_coeff * *"]


def frames_of(atoms, directory, monkeypatch, ranks=1):
    monkeypatch.setenv("SEICAMPAIGN_MPI_RANKS", str(ranks))
    write_data(atoms, directory / DATA)
    segment = SegmentInput(MDParameters(temperature=300, relax_steps=0), ("Li",), 20, 10, 10, 1000)
    frames = []
    run_segment(segment, SoftSpheres(), directory, lambda batch: frames.extend(batch.frames))
    return frames


@pytest.fixture
def tilted():
    cell = [[9, 0, 0], [2.5, 10, 0], [-1.5, 3, 12]]
    scaled = np.random.default_rng(3).random((60, 3))
    return Atoms("Li60", scaled_positions=scaled, cell=cell, pbc=True)


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_first_frame_is_the_structure_that_was_given(tilted, tmp_path, monkeypatch, ranks):
    frames = frames_of(tilted, tmp_path, monkeypatch, ranks)
    assert [frame.step for frame in frames] == [0, 10, 20]
    np.testing.assert_allclose(frames[0].cell, tilted.cell, atol=1e-9)
    np.testing.assert_allclose(frames[0].positions, tilted.positions, atol=1e-9)


def test_a_frame_comes_when_it_is_complete_and_once(tilted, tmp_path, monkeypatch):
    frames_of(tilted, tmp_path, monkeypatch)
    whole = (tmp_path / DUMP).read_bytes()
    growing = tmp_path / "growing.bin"
    stream, arrived = DumpStream(growing), []
    assert stream.poll() == []
    for end in range(0, len(whole) + 1, 97):
        growing.write_bytes(whole[:end])
        arrived += [frame.step for frame in stream.poll()]
    growing.write_bytes(whole)
    arrived += [frame.step for frame in stream.poll()]
    assert arrived == [0, 10, 20]


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "text.dump"
    path.write_text("ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\n")
    with pytest.raises(SimulationError, match="not a binary custom dump"):
        DumpStream(path).poll()
