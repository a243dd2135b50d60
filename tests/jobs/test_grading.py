"""Extrapolation grades of real segments: curves, selected configurations, the break."""

import numpy as np
import pytest

from seicampaign import Campaign
from seicampaign.documents import Sampling
from seicampaign.jobs.grading import segment_grading
from seicampaign.jobs.segment import advance
from seicampaign.md import GradeSettings
from seicampaign.mtp import load_potential
from seicampaign.store import potentials, selections, simulations

pytestmark = pytest.mark.slow


def campaign(grade, **changes):
    fields = dict(
        name="graded",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300],
        length=0.4,
        allow_unapproved=True,
        interface={"electrolyte_thickness": 25, "anode_thickness": 25},
        sampling={
            "frame_interval": 0.05,
            "thermo_interval": 0.02,
            "restart_interval": 0.1,
            "segment": 0.2,
            "grade": grade,
        },
    )
    return Campaign(**(fields | changes))


@pytest.fixture
def threshold(store, launched, tmp_path):
    """A grade just over that of the first frame, which the run soon passes."""
    unbroken = {"every": 5, "select": 0.5, "break": None}
    simulation = launched(campaign(unbroken, name="unbroken", seeds=[2]))
    advance(store, simulation.id, directory(tmp_path, "unbroken"))
    grades = store.curve(simulation.id, "grade_max").values
    just_over = 1.001 * float(grades[0])
    assert grades[1:].max() > just_over
    return just_over


def directory(parent, name):
    path = parent / name
    path.mkdir()
    return path


def document(store, simulation):
    return simulations.get(store, simulation.id)


def test_the_shipped_potential_is_graded_by_default_and_stays_under_its_break(
    store, launched, tmp_path
):
    simulation = launched(campaign(Sampling().grade))
    advance(store, simulation.id, directory(tmp_path, "1"))
    advance(store, simulation.id, directory(tmp_path, "2"))
    curves = store.curves_of(simulation.id)
    most = curves["grade_max"]
    assert most.steps.tolist() == curves["temperature"].steps.tolist() == list(range(0, 401, 20))
    assert 0 < most.values.max() < 10
    assert (curves["grade_atom_share"].values <= curves["grade_frame_share"].values).all()
    assert document(store, simulation)["grading"] == GradeSettings().model_dump(by_alias=True)
    segments = [segment["grades"] for segment in store.segments.query()]
    assert [grades["steps"] for grades in segments] == [21, 21]
    assert max(grades["max"] for grades in segments) == pytest.approx(most.values.max())


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_break_ends_the_simulation_and_says_why(
    store, launched, threshold, tmp_path, monkeypatch, ranks
):
    monkeypatch.setenv("SEICAMPAIGN_MPI_RANKS", str(ranks))
    simulation = launched(campaign({"every": 5, "select": 0.5, "break": threshold}))
    outcome = advance(store, simulation.id, directory(tmp_path, "1"))
    ended = document(store, simulation)
    found = ended["extrapolation"]
    assert (ended["state"], outcome["steps_left"]) == ("extrapolating", 0)
    assert 0 < found["step"] == outcome["last_step"] == ended["steps_done"] < 400
    assert found["grade"] > found["threshold"] == threshold
    assert f"of atom {found['atom']} ({found['element']}) was" in ended["error"]
    last = selections.query(store, simulation_id=simulation.id)[0]
    assert (last.step, last.atoms.symbols[found["atom"]]) == (found["step"], found["element"])
    assert last.atoms.arrays["grade"].argmax() == found["atom"]
    assert last.grade == pytest.approx(found["grade"], rel=1e-5)
    again = advance(store, simulation.id, directory(tmp_path, "2"))
    assert (again["segment_id"], again["steps_left"]) == (None, 0)


def test_a_campaign_with_a_higher_threshold_goes_on_where_it_broke(
    store, launched, threshold, tmp_path
):
    low = {"every": 5, "select": 0.5, "break": threshold}
    simulation = launched(campaign(low))
    broke_at = advance(store, simulation.id, directory(tmp_path, "1"))["last_step"]
    same = campaign(low, length=0.5).launch(store)
    assert (same.extended, same.workflows) == (1, 0)  # longer, but no more likely to be right
    higher = campaign({"every": 5, "select": 0.5, "break": 20}, length=0.5).launch(store)
    assert (higher.extended, higher.workflows) == (1, 1)
    assert document(store, simulation)["state"] == "waiting"
    more = advance(store, simulation.id, directory(tmp_path, "2"))
    assert more["first_step"] == broke_at < more["last_step"]
    assert document(store, simulation)["extrapolation"] is None


def test_selected_configurations_are_frames_of_the_run_and_few(store, launched, tmp_path):
    declared = campaign({"every": 50, "select": 0.5, "break": None, "keep": 3})  # as the frames
    simulation = launched(declared)
    advance(store, simulation.id, directory(tmp_path, "1"))
    kept = selections.query(store, simulation_id=simulation.id)
    assert len(kept) == 3
    assert kept[0].grade == max(s.grade for s in kept) > 0.5
    assert {s.potential for s in kept} == {declared.load_potential().hash}
    trajectory = store.trajectory(simulation.id)
    assert {s.step for s in kept} <= set(trajectory.steps.tolist())
    for selection in kept:
        index = int(np.searchsorted(trajectory.steps, selection.step))
        frame = trajectory.frame(index)
        np.testing.assert_allclose(selection.atoms.positions, frame.positions, atol=1e-3)
        assert (selection.atoms.numbers == frame.numbers).all()
    chosen = potentials.load_active_set(store, declared.load_potential())
    grades = chosen.grades(kept[0].atoms)
    assert grades.max() == pytest.approx(kept[0].grade, rel=1e-3)


def test_a_potential_without_an_active_set_runs_ungraded_and_says_so(store, tmp_path):
    shipped = load_potential("LiPSCl-level8")
    path = tmp_path / "own.mtp"
    path.write_text(shipped.path.read_text())
    own = load_potential(path, species=shipped.species)
    potentials.save(store, own)
    grading, said = segment_grading(store, own, GradeSettings())
    assert grading is None
    assert "'own' has no active set" in said["off"]
    potentials.save(store, shipped)  # the same coefficients, with what they were trained on
    grading, said = segment_grading(store, own, GradeSettings())
    assert grading is not None
    assert grading.active_set.exists()


def test_grades_can_be_switched_off(store):
    shipped = load_potential("LiPSCl-level8")
    potentials.save(store, shipped)
    grading, said = segment_grading(store, shipped, None)
    assert grading is None
    assert "grade: null" in said["off"]
