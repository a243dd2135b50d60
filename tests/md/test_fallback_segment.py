"""A segment on a machine without a compiler: slower, the same numbers."""

import numpy as np
import pytest

from seicampaign.md import MDParameters, SegmentInput, run_segment
from seicampaign.md.inputs import DATA, lammps_elements, write_data
from seicampaign.mtp import load_potential
from seicampaign.structures import crystal

pytestmark = pytest.mark.slow


def energies(directory):
    directory.mkdir()
    atoms = crystal("Li6PS5Cl")
    write_data(atoms, directory / DATA)
    parameters = MDParameters(temperature=300, relax_steps=0)
    segment = SegmentInput(parameters, lammps_elements(list(atoms.symbols)), 20, 10, 5, 1000)
    rows = []
    potential = load_potential("LiPSCl-level8")
    run_segment(segment, potential, directory, lambda batch: rows.extend(batch.thermo))
    return np.array(rows)


def test_without_a_compiler_it_warns_and_gives_the_same(tmp_path, monkeypatch):
    fast = energies(tmp_path / "fast")
    monkeypatch.setenv("SEICAMPAIGN_CXX", "no-such-compiler")
    with pytest.warns(UserWarning, match="No C\\+\\+ compiler"):
        slow = energies(tmp_path / "slow")
    np.testing.assert_allclose(slow, fast, rtol=1e-6)
