"""A run in segments is the unbroken one: positions, velocities, box and thermostat, to rounding.

A restart file holds doubles, and the state of thermostat and barostat with them. What cannot be
exact is the order of atoms and neighbours in memory, which LAMMPS makes anew after a restart and
with it the order in which forces are summed: differences begin at rounding (1e-15) and grow as
they do in any chaotic system, e-fold in some hundred femtoseconds.
"""

import subprocess

import numpy as np
import pytest

from seicampaign.md import DumpStream, MDParameters, SegmentInput, run_segment
from seicampaign.md.inputs import DATA, START, lammps_elements, write_data
from seicampaign.mtp import load_potential
from seicampaign.mtp.plugin import lammps_program
from seicampaign.structures import crystal

STATE = "id xu yu zu vx vy vz"


@pytest.fixture(scope="module")
def potential():
    return load_potential("LiPSCl-level8")


@pytest.fixture
def salt():
    atoms = crystal("LiCl").repeat((2, 2, 3))
    atoms.rattle(0.05, seed=3)
    return atoms


def run(directory, atoms, potential, steps, restart=None):
    directory.mkdir()
    write_data(atoms, directory / DATA)
    if restart is not None:
        (directory / START).write_bytes(restart.read_bytes())
    segment = SegmentInput(
        MDParameters(temperature=400, pressure=1000, seed=5),
        lammps_elements(list(atoms.symbols)),
        steps,
        frame_interval=20,
        thermo_interval=10,
        restart_interval=1000,
        restart=directory / START if restart is not None else None,
    )
    thermo = []
    result = run_segment(segment, potential, directory, lambda b: thermo.extend(b.thermo))
    return result.restart, np.array(thermo)


def state(restart):
    """Step, positions, velocities and box of a restart file, as LAMMPS reads them."""
    lines = [
        f"read_restart {restart.name}",
        "pair_style zero 5.0",
        "pair_coeff * *",
        f"write_dump all custom state.bin {STATE} modify sort id",
    ]
    (restart.parent / "in.state").write_text("\n".join(lines) + "\n")
    command = [lammps_program(), "-in", "in.state", "-log", "none", "-screen", "none"]
    subprocess.run(command, cwd=restart.parent, check=True)
    (frame,) = DumpStream(restart.parent / "state.bin", STATE).poll()
    return frame


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_in_three_segments_is_the_unbroken_one(tmp_path, monkeypatch, salt, potential, ranks):
    monkeypatch.setenv("SEICAMPAIGN_MPI_RANKS", str(ranks))
    end, thermo = run(tmp_path / "whole", salt, potential, 60)
    first, rows = run(tmp_path / "1", salt, potential, 17)
    second, more = run(tmp_path / "2", salt, potential, 40, first)
    third, last = run(tmp_path / "3", salt, potential, 60, second)
    whole, joined = state(end), state(third)
    assert whole.step == joined.step == 60
    np.testing.assert_allclose(joined.positions, whole.positions, rtol=0, atol=1e-10)
    np.testing.assert_allclose(joined.extra, whole.extra, rtol=0, atol=1e-9)
    np.testing.assert_allclose(joined.cell, whole.cell, rtol=0, atol=1e-10)
    table = {row[0]: row for row in [*rows, *more, *last]}
    assert sorted(table) == list(range(0, 61, 10))
    np.testing.assert_allclose([table[step] for step in thermo[:, 0]], thermo, rtol=1e-8)


def test_a_restart_file_holds_positions_and_velocities_to_the_last_bit(tmp_path, salt, potential):
    end, _ = run(tmp_path / "once", salt, potential, 20)
    read = state(end)
    again, _ = run(tmp_path / "again", salt, potential, 20, end)  # no step left to do
    same = state(again)
    assert (read.positions == same.positions).all()
    assert (read.extra == same.extra).all()
    assert (read.cell == same.cell).all()
