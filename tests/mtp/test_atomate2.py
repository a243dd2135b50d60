"""atomate2's own LAMMPS maker runs our potential: the force field is all it is given."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from seicampaign.mtp import load_potential
from seicampaign.structures import crystal

pytestmark = pytest.mark.slow


def test_lammps_npt_maker_runs_a_shipped_potential(tmp_path, monkeypatch):
    from atomate2.lammps.jobs.core import LammpsNPTMaker
    from jobflow import run_locally
    from monty.io import zopen
    from pymatgen.io.ase import AseAtomsAdaptor

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    atoms = crystal("Li6PS5Cl")
    potential = load_potential("LiPSCl-level8")
    maker = LammpsNPTMaker()
    generator = maker.input_set_generator
    generator.force_field = potential.lammps_force_field()
    short = {"atom_style": "atomic", "units": "metal", "timestep": 0.001, "nsteps": 20}
    often = {"start_temp": 300, "end_temp": 300, "log_interval": 10, "traj_interval": 10}
    settings = generator.settings
    generator.settings = type(settings).from_dict(settings.as_dict() | short | often)

    structure = AseAtomsAdaptor.get_structure(atoms)
    run_locally(maker.make(structure), create_folders=True, ensure_success=True)

    (log,) = tmp_path.rglob("log.lammps*")  # which atomate2 may compress
    with zopen(log, "rt") as file:
        rows = [line.split() for line in file if line.split()[:1] == ["0"]]
    atoms.calc = potential.calculator()
    wanted = atoms.get_potential_energy()
    assert any(np.isclose(float(word), wanted, rtol=1e-6) for word in rows[0][1:])
