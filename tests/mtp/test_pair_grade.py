"""Extrapolation grades while LAMMPS runs, on every number of ranks."""

import re

import numpy as np
import pytest
from mtp_cases import SYMBOLS, disordered
from test_pair_style import Case

from seicampaign.mtp.cfg import read_cfg
from seicampaign.mtp.grade import active_set
from seicampaign.mtp.plugin import Grading, pair_lines, stop_lines

OUTPUT = [
    "compute grade all pair sei/mtp",
    "fix grade all pair 5 sei/mtp grade 0",
    "thermo_style custom step pe c_grade[1]",
    "thermo_modify format float %.14g",
    "dump out all custom 5 out.dump id f_grade",
    "dump_modify out sort id format float %.14g",
]
MOVE = ["velocity all create 300 1", "timestep 0.0005", "fix 1 all nve", "thermo 5"]


@pytest.fixture
def case(tmp_path):
    case = Case(tmp_path, level=8)
    images = [disordered((2, 2, 2), seed=s) for s in range(20)]
    case.chosen = active_set(case.mtp, SYMBOLS[:4], images)
    case.chosen.write(tmp_path / "set.bin")
    return case


def graded(case, **options):
    grading = Grading(case.folder / "set.bin", every=5, **options)
    return pair_lines(case.folder / "random.mtp", case.types, grading), grading


def first_grades(case):
    """What the dump of `OUTPUT` says of its first step, by atom."""
    blocks = (case.folder / "out.dump").read_text().split("ITEM: ATOMS id f_grade\n")
    return [float(line.split()[1]) for line in blocks[1].splitlines()[: len(case.atoms)]]


@pytest.mark.parametrize("ranks", [1, 2])
def test_grades_are_those_of_python(case, ranks):
    wanted = case.chosen.grades(case.atoms)
    lines, _ = graded(case)
    done = case.run([*OUTPUT, *MOVE, "run 5"], ranks=ranks, pair=lines)
    assert done.returncode == 0, done.stdout[-2000:]
    np.testing.assert_allclose(first_grades(case), wanted, rtol=1e-6)
    table = done.stdout[done.stdout.index("   Step") :].splitlines()
    assert float(table[1].split()[2]) == pytest.approx(wanted.max(), rel=1e-6)


@pytest.mark.parametrize("isa", ["avx2", "baseline"])
def test_every_instruction_set_gives_the_same_grades(case, isa, monkeypatch):
    wanted = case.chosen.grades(case.atoms)
    monkeypatch.setenv("SEICAMPAIGN_ISA", isa)
    done = case.run([*OUTPUT, *MOVE, "run 0"], pair=graded(case)[0])
    if "of this processor" in done.stdout + done.stderr:
        pytest.skip(f"this processor has no {isa}")
    assert done.returncode == 0, done.stdout[-2000:]
    np.testing.assert_allclose(first_grades(case), wanted, rtol=1e-8)


def test_grading_does_not_touch_the_forces(case):
    lines, _ = graded(case)
    run = ["thermo_style custom step pe etotal press", *MOVE, "run 20"]
    plain, with_grades = case.run(run), case.run(run, pair=lines)
    tables = [d.stdout[d.stdout.index("   Step") :].splitlines()[1:6] for d in (plain, with_grades)]
    for a, b in zip(*tables, strict=True):
        assert [float(x) for x in a.split()] == pytest.approx(
            [float(x) for x in b.split()], rel=1e-6
        )


@pytest.mark.parametrize("ranks", [1, 2])
def test_selected_configurations_are_written(case, ranks):
    most = case.chosen.grades(case.atoms).max()
    lines, _ = graded(case, select=0.5 * most, selected=case.folder / "selected.cfg")
    done = case.run([*MOVE, "run 10"], ranks=ranks, pair=lines)
    assert done.returncode == 0, done.stdout[-2000:]
    images = read_cfg(case.folder / "selected.cfg", SYMBOLS[:4])
    assert len(images[0]) == len(case.atoms)
    assert sorted(images[0].symbols) == sorted(case.atoms.symbols)
    np.testing.assert_allclose(
        np.sort(case.chosen.grades(images[0])), np.sort(case.chosen.grades(case.atoms)), rtol=1e-4
    )


@pytest.mark.parametrize("ranks", [1, 2])
def test_over_the_break_threshold_the_run_ends_with_its_restart(case, ranks):
    most = case.chosen.grades(case.atoms).max()
    lines, grading = graded(case, limit=0.9 * most)
    steps = [*OUTPUT, *MOVE, "run 100", "write_restart last.restart", *stop_lines(grading)]
    done = case.run([*steps, "print never"], ranks=ranks, pair=lines)
    assert done.returncode == 8
    assert "never" not in done.stdout.splitlines()
    said = re.search(r"MTP break: step (\d+), extrapolation grade", done.stdout)
    assert said and int(said[1]) == 0
    assert (case.folder / "last.restart").stat().st_size > 0


def test_under_the_threshold_the_run_goes_on(case):
    lines, grading = graded(case, limit=1e12)
    done = case.run([*OUTPUT, *MOVE, "run 5", *stop_lines(grading), "print on"], pair=lines)
    assert done.returncode == 0
    assert "on" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("grade none.bin every 5", "cannot read none.bin"),
        ("grade set.bin", "expected: pair_style"),
        ("grade set.bin every 0", "positive number of steps"),
        ("grade set.bin every 5 brake 3", "wrong argument brake"),
        ("grade random.mtp every 5", "not an active set"),
        ("grade short.bin every 5", "cut short"),
    ],
)
def test_wrong_arguments_are_refused(case, arguments, reason):
    whole = (case.folder / "set.bin").read_bytes()
    (case.folder / "short.bin").write_bytes(whole[:-8])
    load, style, coefficients = case.pair()
    done = case.run(["run 0"], pair=[load, f"{style} {arguments}", coefficients])
    assert done.returncode != 0
    assert reason in done.stdout + done.stderr


def test_the_set_of_another_potential_is_refused(tmp_path, case):
    (tmp_path / "other").mkdir()
    other = Case(tmp_path / "other", level=6)
    lines = pair_lines(other.folder / "random.mtp", (0, 1, 2, 3), Grading(case.folder / "set.bin"))
    done = other.run(["run 0"], pair=lines)
    assert done.returncode != 0
    assert "another potential" in done.stdout + done.stderr
