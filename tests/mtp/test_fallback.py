"""Without a compiler, motep through `fix external` gives the same numbers in the same LAMMPS."""

import numpy as np
import pytest
from ase.io import read
from ase.io.lammpsdata import write_lammps_data
from ase.units import bar
from mtp_cases import SYMBOLS, disordered, random_mtp

from seicampaign.errors import EngineError, SimulationError
from seicampaign.mtp import fallback, write_mtp
from seicampaign.mtp.calculator import evaluate


@pytest.fixture
def folder(tmp_path):
    atoms = disordered((3, 3, 3))
    atoms.wrap()
    write_mtp(tmp_path / "random.mtp", random_mtp(8))
    write_lammps_data(tmp_path / "atoms.data", atoms, specorder=SYMBOLS[:4], masses=True)
    return tmp_path


def script(folder, *lines):
    pair = fallback.pair_lines(folder / "random.mtp", [0, 1, 2, 3])
    return ["units metal", "atom_style atomic", "read_data atoms.data", *pair, *lines]


def thermo(output):
    lines = output[output.index("   Step") :].splitlines()
    end = next(n for n, line in enumerate(lines) if line.startswith("Loop"))
    return np.array([line.split() for line in lines[1:end]], float)


@pytest.mark.slow
def test_agrees_with_the_native_kernel_along_npt(folder):
    pytest.importorskip("motep")
    output = fallback.run(
        script(
            folder,
            "compute p all pressure NULL virial",
            "thermo_style custom step pe c_p[1] c_p[6]",
            "thermo_modify format float %.14g",
            "velocity all create 300 1",
            "timestep 0.0005",
            "fix 1 all npt temp 300 300 0.05 aniso 0 0 0.5",
            "dump 1 all custom 10 out.dump id type x y z fx fy fz",
            "dump_modify 1 sort id format float %.16g",
            "thermo 10",
            "run 20",
        ),
        folder,
    )
    rows = thermo(output)
    frames = read(folder / "out.dump", index=":", format="lammps-dump-text")
    for row, frame in zip(rows, frames, strict=True):
        forces = frame.get_forces()
        frame.symbols = np.array(SYMBOLS[:4])[frame.numbers - 1]
        result = evaluate(random_mtp(8), SYMBOLS[:4], [frame])[0]
        pressure = result.virial / frame.get_volume() / bar
        assert row[1] == pytest.approx(result.energy, rel=1e-9)
        np.testing.assert_allclose(forces, result.forces, atol=1e-9)
        np.testing.assert_allclose(
            row[2:], [pressure[0, 0], pressure[1, 2]], atol=1e-6 * np.abs(pressure).max()
        )


@pytest.mark.slow
def test_a_failure_is_quoted(folder):
    pytest.importorskip("motep")
    with pytest.raises(SimulationError, match="no_such_command"):
        fallback.run(script(folder, "no_such_command"), folder)


def test_missing_motep_is_said(folder, monkeypatch):
    real = fallback.importlib.util.find_spec
    monkeypatch.setattr(
        fallback.importlib.util, "find_spec", lambda name: None if name == "motep" else real(name)
    )
    with pytest.raises(EngineError, match=r"needs motep: `pip install"):
        fallback.pair_lines(folder / "random.mtp", [0])
