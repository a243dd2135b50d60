"""The pair style in a real LAMMPS against the calculator."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase.io.lammpsdata import write_lammps_data
from ase.units import bar
from mtp_cases import SYMBOLS, disordered, random_mtp

from seicampaign.mtp import write_mtp
from seicampaign.mtp.calculator import evaluate
from seicampaign.mtp.plugin import lammps_program, pair_lines
from seicampaign.settings import settings

VOIGT = ("xx", "yy", "zz", "xy", "xz", "yz")
OUTPUT = [
    "compute pe all pe/atom",
    "compute stress all stress/atom NULL virial",
    "compute sum all reduce sum c_pe c_stress[*]",
    "thermo_style custom step pe vol " + " ".join(f"p{v}" for v in VOIGT) + " c_sum[*]",
    "thermo_modify format float %.16g",
]


@dataclass
class Case:
    folder: Path
    level: int = 10
    types: tuple[int | None, ...] = (0, 1, 2, 3)

    def __post_init__(self):
        self.mtp = random_mtp(self.level)
        self.atoms = disordered((4, 3, 3))
        self.atoms.wrap()
        write_mtp(self.folder / "random.mtp", self.mtp)
        write_lammps_data(
            self.folder / "atoms.data", self.atoms, specorder=SYMBOLS[:4], masses=True
        )

    def pair(self):
        return pair_lines(self.folder / "random.mtp", self.types)

    def run(self, lines, *, ranks=1, pair=None, before=()):
        setup = ["units metal", "atom_style atomic", *before, "read_data atoms.data"]
        script = [*setup, *(self.pair() if pair is None else pair), *lines]
        (self.folder / "in.lammps").write_text("\n".join(script) + "\n")
        command = [str(lammps_program()), "-in", "in.lammps"]
        if ranks > 1:
            command = [settings().mpirun, "-np", str(ranks), *command]
        path = f"{lammps_program().parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
        )

    def numbers(self, lines, **options):
        """The columns of the last thermo line that `run 0` prints."""
        done = self.run([*OUTPUT, *lines], **options)
        assert done.returncode == 0, done.stdout[-2000:]
        table = done.stdout[done.stdout.index("   Step") :].splitlines()
        return dict(zip(table[0].split(), map(float, table[1].split()), strict=True))

    def dump(self, name="out.dump"):
        return np.loadtxt(self.folder / name, skiprows=9)


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


def assert_pressure(thermo, result):
    """All six components against the virial of the calculator."""
    virial = [result.virial["xyz".index(v[0]), "xyz".index(v[1])] for v in VOIGT]
    ours = np.array([thermo[f"P{v}"] for v in (w[0] + w[1] for w in VOIGT)])
    wanted = np.array(virial) / thermo["Volume"] / bar
    # LAMMPS's own constant of pressure has seven digits
    np.testing.assert_allclose(ours, wanted, atol=2e-7 * np.abs(wanted).max())


@pytest.mark.parametrize("level", [2, 10, 16])
@pytest.mark.parametrize("ranks", [1, 2])
def test_agrees_with_the_calculator(tmp_path, level, ranks):
    case = Case(tmp_path, level)
    result = evaluate(case.mtp, SYMBOLS[:4], [case.atoms])[0]
    dump = [
        "dump out all custom 1 out.dump id fx fy fz c_pe",
        "dump_modify out sort id format float %.17g",
        "run 0",
    ]
    thermo = case.numbers(dump, ranks=ranks)
    assert thermo["PotEng"] == pytest.approx(result.energy, rel=1e-12)
    rows = case.dump()
    np.testing.assert_allclose(
        rows[:, 1:4], result.forces, atol=1e-11 * np.abs(result.forces).max()
    )
    np.testing.assert_allclose(rows[:, 4], result.energies, rtol=1e-11)
    assert_pressure(thermo, result)


def test_energies_and_stresses_of_atoms_add_up(case):
    thermo = case.numbers(["run 0"])
    assert thermo["c_sum[1]"] == pytest.approx(thermo["PotEng"], rel=1e-12)
    for column, v in enumerate(VOIGT):
        total = -thermo[f"c_sum[{column + 2}]"] / thermo["Volume"]
        assert total == pytest.approx(thermo[f"P{v}"], abs=1e-9 * abs(thermo["Pxx"]))


@pytest.mark.parametrize("isa", ["avx2", "baseline"])
def test_every_instruction_set_runs(case, isa, monkeypatch):
    best = case.numbers(["run 0"])
    monkeypatch.setenv("SEICAMPAIGN_ISA", isa)
    assert case.numbers(["run 0"])["PotEng"] == pytest.approx(best["PotEng"], rel=1e-12)


def test_types_may_be_mapped_in_any_order_and_twice(tmp_path):
    case = Case(tmp_path, types=(2, 0, 1, 1))
    symbols = [{"Li": "S", "P": "Li", "S": "P", "Cl": "P"}[s] for s in case.atoms.symbols]
    renamed = case.atoms.copy()
    renamed.symbols = symbols
    result = evaluate(case.mtp, SYMBOLS[:4], [renamed])[0]
    assert case.numbers(["run 0"])["PotEng"] == pytest.approx(result.energy, rel=1e-12)


def test_energy_is_conserved(case):
    steps = [
        "velocity all create 50 1",
        "timestep 0.0002",
        "fix 1 all nve",
        "thermo_style custom step etotal",
        "thermo_modify format float %.14g",
        "thermo 200",
        "run 200",
    ]
    done = case.run(steps, ranks=2)
    assert done.returncode == 0, done.stdout[-2000:]
    first, last = map(float, re.findall(r"^ +(?:0|200) +(-?\d\S+)$", done.stdout, re.MULTILINE))
    assert abs(last - first) / len(case.atoms) < 1e-4


def test_npt_minimise_and_rerun(case):
    steps = [
        "thermo_style custom step pe press",
        "thermo_modify format float %.12g",
        "minimize 0 1e-3 5 50",
        "reset_timestep 0",
        "velocity all create 10 1",
        "timestep 0.0002",
        "fix 1 all npt temp 10 10 0.02 aniso 0 0 0.2",
        "dump 1 all custom 10 t.dump id type x y z",
        "dump_modify 1 format float %.17g",
        "thermo 10",
        "run 20",
        "unfix 1",
        "undump 1",
        "rerun t.dump dump x y z",
    ]
    done = case.run(steps)
    assert done.returncode == 0, done.stdout[-2000:]
    tables = [t.splitlines() for t in done.stdout.split("   Step")[1:]]
    again = {line.split()[0]: line.split()[1] for line in tables[2][1:4]}
    for line in tables[1][1:4]:
        step, energy, _ = line.split()
        assert float(again[step]) == pytest.approx(float(energy), rel=1e-9)


def test_hybrid_overlay_adds_to_another_style(case):
    plain = case.numbers(["run 0"])
    load, style, coefficients = case.pair()
    hybrid = [
        load,
        style.replace("pair_style ", "pair_style hybrid/overlay zero 5.0 "),
        "pair_coeff * * zero",
        coefficients.replace("* *", "* * sei/mtp"),
    ]
    both = case.numbers(["run 0"], pair=hybrid)
    assert both == pytest.approx(plain, rel=1e-10)


def test_hybrid_may_leave_types_to_another_style(tmp_path):
    case = Case(tmp_path, types=(0, 1, 2, None))
    load, style, coefficients = case.pair()
    hybrid = [
        load,
        style.replace("pair_style ", "pair_style hybrid zero 5.0 "),
        "pair_coeff * * zero",
        coefficients.replace("* *", "* * sei/mtp"),
    ]
    rest = case.atoms[[s != "Cl" for s in case.atoms.symbols]]
    result = evaluate(case.mtp, SYMBOLS[:4], [rest])[0]
    assert case.numbers(["run 0"], pair=hybrid)["PotEng"] == pytest.approx(result.energy, rel=1e-11)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: [lines[0], "pair_style sei/mtp none.mtp", lines[2]], "cannot read none.mtp"),
        (lambda lines: [*lines[:2], "pair_coeff * * 0 1 2"], "maps 3 atom types"),
        (lambda lines: [*lines[:2], "pair_coeff * * 0 1 2 4"], "mapped to species 4"),
        (lambda lines: [*lines[:2], "pair_coeff * * 0 1 2 NULL"], "4: is not set"),
        (lambda lines: [*lines[:2], "pair_coeff 1 1 0 1 2 3"], r"must start with \* \*"),
        (lambda lines: [lines[0], "pair_style sei/mtp", lines[2]], "needs a file"),
    ],
)
def test_wrong_lines_are_refused(case, change, reason):
    done = case.run(["run 0"], pair=change(case.pair()))
    assert done.returncode != 0
    assert re.search(reason, done.stdout + done.stderr)


def test_newton_off_is_refused(case):
    done = case.run(["run 0"], before=["newton off"])
    assert done.returncode != 0
    assert "newton pair on" in done.stdout + done.stderr


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98, 0.999])
def test_a_truncated_potential_is_refused(case, share):
    path = case.folder / "random.mtp"
    text = path.read_text().rstrip()
    path.write_text(text[: int(share * len(text))])
    done = case.run(["run 0"])
    assert done.returncode != 0
    assert "random.mtp: line" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("moment_coeffs", "other_coeffs", "line [0-9]+: unexpected content .other_coeffs"),
        ("potential_tag = ", "version = 1", "version is there twice, where"),
        ("scaling = ", "scaling = nan #", "finite"),
        ("RBChebyshev", "RBTaylor", "RBChebyshev"),
        ("MTP\n", "MPT\n", "first line"),
        ("species_count = 4", "species_count = 3", "0-3|expected"),
    ],
)
def test_a_broken_potential_is_refused(case, old, new, reason):
    path = case.folder / "random.mtp"
    path.write_text(path.read_text().replace(old, new, 1))
    done = case.run(["run 0"])
    assert done.returncode != 0
    assert re.search(reason, done.stdout + done.stderr)


def test_entries_in_another_order_are_refused(case):
    path = case.folder / "random.mtp"
    lines = path.read_text().splitlines(keepends=True)
    at = [line.strip().split(" ")[0] for line in lines].index("min_dist")
    lines[at : at + 2] = reversed(lines[at : at + 2])
    path.write_text("".join(lines))
    done = case.run(["run 0"])
    assert done.returncode != 0
    assert f"line {at + 1}: expected min_dist" in done.stdout + done.stderr


def test_the_layout_of_motep_is_taken(case):
    motep = pytest.importorskip("motep.io.mlip.mtp")
    before = case.numbers(["run 0"])
    path = case.folder / "random.mtp"
    motep.write_mtp(path, motep.read_mtp(path))
    assert case.numbers(["run 0"])["PotEng"] == pytest.approx(before["PotEng"], rel=1e-12)


@pytest.mark.slow
def test_the_shipped_potential_conserves_energy_for_20_ps(tmp_path):
    """884 atoms of the interface at 300 K, 0.5 fs: drift under 1e-5 eV per atom and ps."""
    from seicampaign.mtp import load_potential
    from seicampaign.structures import InterfaceSpec, build_interface

    potential = load_potential("LiPSCl-level8")
    atoms = build_interface(InterfaceSpec(supercell=(1, 1)))
    atoms.wrap()
    elements = ["Li", "P", "S", "Cl"]
    write_lammps_data(tmp_path / "atoms.data", atoms, specorder=elements, masses=True)
    script = [
        "units metal",
        "read_data atoms.data",
        *potential.pair_lines(elements),
        "timestep 0.0005",
        "minimize 0 0.05 200 400",
        "velocity all create 300 1 mom yes",
        "fix 1 all langevin 300 300 0.05 1",
        "fix 2 all nve",
        "run 1000",
        "unfix 1",
        "reset_timestep 0",
        "thermo 1000",
        "thermo_style custom step time etotal",
        "thermo_modify format float %.14g",
        "run 40000",
    ]
    done = subprocess.run(
        [lammps_program(), "-log", "none"],
        input="\n".join(script) + "\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    table = done.stdout[done.stdout.rindex("   Step") :].splitlines()[1:42]
    times, energies = np.array([line.split()[1:] for line in table], float).T
    drift = np.polyfit(times, energies / len(atoms), 1)[0]
    assert abs(drift) < 1e-5


def test_atoms_closer_than_min_dist_are_evaluated_and_said_once(case):
    """As the calculator does, and with a warning that names the pair and does not flood the log."""
    case.atoms.positions[1] = case.atoms.positions[0] + [0.9 * case.mtp.min_dist, 0, 0]
    case.atoms.wrap()
    write_lammps_data(case.folder / "atoms.data", case.atoms, specorder=SYMBOLS[:4], masses=True)
    done = case.run(["thermo_modify format float %.14g", "run 0", "run 0"])
    assert done.returncode == 0, done.stdout[-2000:]
    (said,) = re.findall(r"WARNING: .*atoms (\d+) and (\d+) are (\S+) Angstrom apart", done.stdout)
    distances = case.atoms.get_all_distances(mic=True) + 9 * np.eye(len(case.atoms))
    assert float(said[2]) == pytest.approx(distances.min(), abs=1e-3)
    assert {int(said[0]) - 1, int(said[1]) - 1} == {*np.argwhere(distances == distances.min())[0]}
    table = done.stdout[done.stdout.index("   Step") :].splitlines()
    energy = evaluate(case.mtp, SYMBOLS[:4], [case.atoms])[0].energy
    assert float(table[1].split()[2]) == pytest.approx(energy, rel=1e-10)
