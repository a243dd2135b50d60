"""Extrapolation grades of segments: rows, selected configurations, the break."""

import numpy as np
import pytest
from ase.build import bulk
from pydantic import ValidationError

from seicampaign.md import GradeSettings, MDParameters, SegmentGrading, SegmentInput, run_segment
from seicampaign.md.grade import GradeWindows
from seicampaign.md.inputs import DATA, START, write_data
from seicampaign.mtp import load_potential
from seicampaign.mtp.grade import active_set
from seicampaign.mtp.potential import SHIPPED
from seicampaign.training import read_labels


@pytest.fixture(scope="module")
def potential():
    return load_potential("LiPSCl-level8")


@pytest.fixture(scope="module")
def chosen(potential):
    """The active set of a few configurations alone: all else is far from it."""
    images = [a for a in read_labels(SHIPPED / "LiPSCl.extxyz.gz") if set(a.symbols) == {"Li"}]
    return active_set(potential.mtp, potential.species, images)


@pytest.fixture(scope="module")
def set_file(chosen, tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "active set.bin"
    chosen.write(path)
    return path


@pytest.fixture
def metal():
    atoms = bulk("Li", "bcc", a=3.4, cubic=True).repeat((4, 4, 4))
    atoms.rattle(0.05, seed=1)
    return atoms


class Collector:
    def __init__(self):
        self.frames, self.grades, self.selected = [], [], []

    def __call__(self, batch):
        self.frames += batch.frames
        self.grades += [tuple(row) for row in batch.grades]
        self.selected += batch.selected

    def first_over(self, threshold):
        return next(int(step) for step, most, _ in self.grades if most > threshold)


def run(directory, metal, potential, set_file, steps=60, restart=None, **settings):
    directory.mkdir(exist_ok=True)
    if restart is None:
        write_data(metal, directory / DATA)
    else:
        (directory / START).write_bytes(restart.read_bytes())
    grading = SegmentGrading(GradeSettings(**settings), set_file) if settings else None
    segment = SegmentInput(
        parameters=MDParameters(temperature=500, seed=7, timestep=2.0),
        elements=("Li",),
        target_step=steps,
        frame_interval=5,
        thermo_interval=10,
        restart_interval=1000,
        restart=directory / START if restart else None,
        grading=grading,
    )
    seen = Collector()
    return run_segment(segment, potential, directory, seen), seen


@pytest.mark.parametrize("ranks", [1, 2])
def test_grades_come_every_few_steps_and_change_no_path(
    tmp_path, monkeypatch, metal, potential, chosen, set_file, ranks
):
    monkeypatch.setenv("SEICAMPAIGN_MPI_RANKS", str(ranks))
    _, plain = run(tmp_path / "plain", metal, potential, set_file)
    settings = {"every": 5, "select": 1e8, "break": None}
    result, seen = run(tmp_path / "graded", metal, potential, set_file, **settings)
    assert result.extrapolation is None
    assert [row[0] for row in seen.grades] == list(range(0, 61, 5))
    assert seen.selected == []
    for frame, (_, most, over) in zip(seen.frames, seen.grades, strict=True):
        metal.positions, metal.cell = frame.positions, frame.cell
        assert most == pytest.approx(chosen.grades(metal).max(), rel=1e-5)
        assert over == 0
    np.testing.assert_allclose(
        plain.frames[-1].positions, seen.frames[-1].positions, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("ranks", [1, 2])
def test_over_the_break_threshold_the_segment_ends_with_its_restart(
    tmp_path, monkeypatch, metal, potential, chosen, set_file, ranks
):
    monkeypatch.setenv("SEICAMPAIGN_MPI_RANKS", str(ranks))
    settings = {"every": 5, "select": 1e8, "break": None}
    _, free = run(tmp_path / "free", metal, potential, set_file, **settings)
    limit = 1.01 * free.grades[0][1]
    settings = {"every": 5, "select": 0.1, "break": limit}
    result, seen = run(tmp_path / "broken", metal, potential, set_file, **settings)
    found = result.extrapolation
    assert found is not None and found.step == result.last_step == free.first_over(limit)
    assert found.threshold == pytest.approx(limit, rel=1e-5)
    last = seen.selected[-1]
    assert last.step == found.step
    assert last.extra[found.atom, 0] == pytest.approx(found.grade, rel=1e-5)
    metal.positions, metal.cell = last.positions, last.cell
    np.testing.assert_allclose(last.extra[:, 0], chosen.grades(metal), rtol=1e-5)
    settings |= {"break": None}
    _, more = run(tmp_path / "more", metal, potential, set_file, restart=result.restart, **settings)
    assert [frame.step for frame in more.frames] == list(range(found.step, 61, 5))


def test_configurations_over_the_select_threshold_are_handed_on(
    tmp_path, metal, potential, set_file
):
    settings = {"every": 4, "select": 0.1, "break": None}
    _, seen = run(tmp_path / "looked", metal, potential, set_file, **settings)
    assert [frame.step for frame in seen.selected] == [0, 12, 24, 36, 48, 60]  # 10, in fours
    assert all(over == 128 for _, _, over in seen.grades)
    assert not list((tmp_path / "looked").glob("selected.*"))
    settings |= {"select": 1e8}
    _, seen = run(tmp_path / "none", metal, potential, set_file, **settings)
    assert seen.selected == []


def test_points_of_grades_stand_at_the_end_of_their_interval():
    windows = GradeWindows(interval=20, select=2.0, n_atoms=4)
    windows.add(np.array([[0, 1.0, 0], [10, 3.0, 2], [20, 1.5, 0], [30, 1.0, 0]]))
    steps, curves = windows.take()
    assert steps.tolist() == [0, 20]
    assert curves["grade_max"] == [1.0, 3.0]
    assert curves["grade_frame_share"] == [0.0, 0.5]
    assert curves["grade_atom_share"] == [0.0, 0.25]
    windows.add(np.array([[40, 5.0, 1], [50, 6.0, 4]]))
    steps, curves = windows.take(last=True)
    assert steps.tolist() == [40, 50]
    assert curves["grade_max"] == [5.0, 6.0]
    assert windows.take(last=True)[0].tolist() == []


def test_settings_read_as_people_write_them():
    assert GradeSettings.model_validate({"break": 5, "every": 20}).limit == 5
    assert GradeSettings().model_dump(by_alias=True) == {
        "every": 10,
        "select": 2.0,
        "break": 10.0,
        "keep": 50,
    }
    with pytest.raises(ValidationError, match=r"break \(1\) is under select \(2\)"):
        GradeSettings.model_validate({"break": 1})
