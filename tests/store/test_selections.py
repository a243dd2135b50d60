"""Selected configurations: which are kept, and that they come back as they were."""

import numpy as np
import pytest

from seicampaign import Campaign
from seicampaign.md import Frame
from seicampaign.store import selections
from seicampaign.store.selections import surplus


@pytest.fixture
def simulation():
    (found,) = Campaign(
        name="one", electrolytes=["Li6PS5Cl"], temperatures=[300], length=1
    ).simulations()
    return found


def frame(step, *grades):
    rng = np.random.default_rng(step)
    positions = rng.random((len(grades), 3)) * 20
    return Frame(step, positions, np.diag([20.0, 21.0, 22.0]), np.array(grades)[:, None])


def test_of_neighbours_in_time_the_higher_grade_stays():
    assert surplus({0: 3.0, 10: 5.0, 500: 2.1}, keep=2) == {0}
    assert surplus({0: 3.0, 100: 5.0, 110: 9.0, 500: 2.1, 900: 2.2}, keep=3) == {100, 0}
    assert surplus({0: 3.0, 10: 5.0}, keep=2) == set()
    assert surplus({0: 3.0}, keep=0) == {0}


def test_the_highest_of_all_stays_and_the_rest_is_spread():
    rng = np.random.default_rng(5)
    grades = dict(zip(range(0, 10000, 10), rng.random(1000) + 2, strict=True))
    kept = sorted(grades.keys() - surplus(grades, keep=20))
    assert len(kept) == 20
    assert max(grades, key=grades.__getitem__) in kept
    assert max(np.diff(kept)) < 2000


def test_a_selection_comes_back_as_it_was(store, simulation):
    one = frame(70, 0.5, 2.5, 4.0)
    assert selections.add(store, simulation, [3, 16, 17], [one], select=2.0, keep=5) == 1
    (found,) = selections.query(store, simulation_id=simulation.id)
    assert (found.step, found.grade, found.potential) == (70, 4.0, simulation.potential.hash)
    assert found.time == simulation.md.time(70)
    assert found.atoms.get_chemical_formula() == "ClLiS"
    assert found.atoms.arrays["grade"].tolist() == [0, 2.5, 4.0]
    np.testing.assert_allclose(found.atoms.positions, one.positions, atol=2e-6)
    np.testing.assert_allclose(found.atoms.cell, one.cell)


def test_what_comes_later_displaces_what_is_near_and_lower(store, simulation):
    for step, grade in ((0, 3.0), (100, 2.5), (1000, 2.2), (1010, 5.0), (1010, 5.0)):
        selections.add(store, simulation, [3], [frame(step, grade)], select=2.0, keep=3)
    kept = selections.query(store, potential=simulation.potential.hash)
    assert [s.step for s in kept] == [1010, 0, 100]
    assert [s.step for s in selections.query(store, over=2.8)] == [1010, 0]
    assert store.database["selections"].count_documents({}) == 3
