"""Segments of a small Lennard-Jones crystal through the real LAMMPS."""

import re

import numpy as np
import pytest
from ase.build import bulk

from seicampaign.errors import SimulationError
from seicampaign.md import Batch, MDParameters, SegmentInput, run_segment
from seicampaign.md.inputs import DATA, START, lammps_elements, write_data


class LennardJones:
    """A potential LAMMPS has by itself, so that these tests are about segments alone."""

    def require(self, elements):
        pass

    def pair_lines(self, elements, grading=None):
        return ["pair_style lj/cut 6.0", "pair_coeff * * 0.1 2.9"]


class Collector:
    def __init__(self):
        self.frames, self.thermo, self.restarts = [], [], []

    def __call__(self, batch: Batch):
        self.frames += batch.frames
        self.thermo += [*batch.thermo]
        self.restarts += [batch.restart] if batch.restart else []

    @property
    def steps(self):
        return [frame.step for frame in self.frames]


@pytest.fixture
def crystal():
    atoms = bulk("Li", "bcc", a=3.2, cubic=True).repeat((4, 4, 4))
    atoms.rattle(0.05, seed=1)
    return atoms


def segment(target_step, **changes):
    defaults = dict(
        parameters=MDParameters(temperature=300, pressure=1.0, seed=7, timestep=2.0),
        elements=("Li",),
        target_step=target_step,
        frame_interval=10,
        thermo_interval=5,
        restart_interval=40,
    )
    return SegmentInput(**(defaults | changes))


def run(directory, crystal, target_step, **changes):
    directory.mkdir(exist_ok=True)
    write_data(crystal, directory / DATA)
    seen = Collector()
    result = run_segment(segment(target_step, **changes), LennardJones(), directory, seen)
    return result, seen


def test_frames_thermo_and_restarts_arrive_in_order(tmp_path, crystal):
    result, seen = run(tmp_path, crystal, 100)
    assert seen.steps == list(range(0, 101, 10))
    assert [row[0] for row in seen.thermo] == list(range(0, 101, 5))
    assert result.last_step == 100
    assert result.restart.stat().st_size > 0
    assert seen.frames[0].positions.shape == (128, 3)


def test_an_earlier_run_in_the_directory_is_not_read_again(tmp_path, crystal):
    run(tmp_path, crystal, 100)
    result, seen = run(tmp_path, crystal, 20)
    assert seen.steps == [0, 10, 20]
    assert (result.last_step, seen.restarts) == (20, [])


def test_two_segments_join_as_one(tmp_path, crystal):
    """The frames of 60 + 40 steps are those of 100 steps."""
    _, whole = run(tmp_path / "whole", crystal, 100)
    first, seen = run(tmp_path / "first", crystal, 60)
    second = tmp_path / "second"
    second.mkdir()
    restart = second / START
    restart.write_bytes(first.restart.read_bytes())
    run_segment(segment(100, restart=restart), LennardJones(), second, seen)
    assert seen.steps == [*range(0, 61, 10), *range(60, 101, 10)]
    np.testing.assert_allclose(
        seen.frames[-1].positions, whole.frames[-1].positions, rtol=0, atol=1e-9
    )


def test_lost_atoms_are_an_error_with_the_log(tmp_path, crystal):
    crystal.positions[0] += 0.45 * (crystal.positions[1] - crystal.positions[0])
    crystal.positions[1] -= 0.45 * (crystal.positions[1] - crystal.positions[0])
    hot = MDParameters(temperature=5000, seed=1, timestep=10, relax_steps=0)
    with pytest.raises(SimulationError, match=r"(?s)ended with status|not finite"):
        run(tmp_path, crystal, 1000, parameters=hot)


class Incomplete(LennardJones):
    def pair_lines(self, elements, grading=None):
        return super().pair_lines(elements)[:1]


def test_an_error_begins_with_what_lammps_said(tmp_path, crystal):
    write_data(crystal, tmp_path / DATA)
    with pytest.raises(SimulationError) as raised:
        run_segment(segment(10), Incomplete(), tmp_path, Collector())
    first, *log = str(raised.value).splitlines()
    assert re.search(r"ended with status 1 in .*: ERROR: .*coeff.*\.$", first)
    assert any(line.startswith("pair_style") for line in log)


def test_walltime_ends_a_segment_early_with_a_restart(tmp_path, crystal):
    big = crystal.repeat((3, 3, 3))
    result, _ = run(tmp_path, big, 10**7, walltime=2, frame_interval=1000, thermo_interval=100)
    assert 0 < result.last_step < 10**7
    assert result.restart.exists()


def test_a_failing_receiver_ends_lammps(tmp_path, crystal):
    def refuse(batch):
        raise ConnectionError("the store is gone")

    write_data(crystal, tmp_path / DATA)
    with pytest.raises(ConnectionError, match="the store is gone"):
        run_segment(segment(10**7), LennardJones(), tmp_path, refuse)


def test_types_follow_the_data_file(tmp_path):
    """The masses in the data file are those of the elements we name for the types."""
    from ase.data import atomic_masses, atomic_numbers

    atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    atoms.symbols[1], atoms.symbols[3] = "P", "S"
    write_data(atoms, tmp_path / DATA)
    text = (tmp_path / DATA).read_text().split("Masses")[1].split("Atoms")[0]
    masses = [float(line.split()[1]) for line in text.split("\n") if line.strip()]
    expected = [atomic_masses[atomic_numbers[e]] for e in lammps_elements(atoms.symbols)]
    np.testing.assert_allclose(masses, expected, atol=0.01)
