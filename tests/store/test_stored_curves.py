"""Curves: appended, read in bulk, cut, and refused."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from seicampaign.analysis import Thresholds
from seicampaign.errors import StoreError
from seicampaign.store import curves


def append(store, start, stop, simulation="s", names=("a", "b"), analysis="md", **options):
    steps = np.arange(start, stop) * 10
    columns = {name: np.sqrt(steps) for name in names}
    store.append_curves(simulation, columns, steps, steps * 0.002, analysis, **options)


def test_points_are_appended(store):
    append(store, 0, 5, units={"a": "K"})
    append(store, 5, 9)
    curve = store.curve("s", "a")
    assert (curve.unit, curve.analysis, len(curve)) == ("K", "md", 9)
    assert (curve.steps.dtype, curve.times.dtype) == (np.int64, np.float64)
    assert curve.values.dtype == np.float32
    np.testing.assert_array_equal(curve.steps, np.arange(9) * 10)
    np.testing.assert_array_equal(curve.times, curve.steps * 0.002)
    np.testing.assert_allclose(curve.values, np.sqrt(curve.steps))


def test_appending_again_adds_nothing(store):
    append(store, 0, 5)
    append(store, 2, 7)
    append(store, 0, 7)
    np.testing.assert_array_equal(store.curve("s", "b").steps, np.arange(7) * 10)
    assert store.curves.count() == 2


def test_doubles_when_asked_for(store):
    append(store, 0, 5, dtype="float64")
    append(store, 5, 6, dtype="float64")
    np.testing.assert_array_equal(store.curve("s", "a").values, np.sqrt(np.arange(6) * 10))


def test_undefined_values_are_kept(store):
    store.append_curves("s", {"a": [np.nan, 1.0]}, [1, 2], [0.1, 0.2], "md")
    np.testing.assert_array_equal(store.curve("s", "a").values, [np.nan, 1.0])


def test_an_analysis_makes_curves_of_its_own(store):
    append(store, 0, 5, analysis="first")
    append(store, 0, 3, analysis="second")
    assert len(store.curve("s", "a")) == 3
    assert len(store.curve("s", "a", "first")) == 5
    assert {len(curve) for curve in store.curves_of("s", "first").values()} == {5}


def test_to_try_a_threshold_changes_no_table(store):
    default = Thresholds().key()
    append(store, 0, 5, analysis=default)
    append(store, 0, 3, analysis=Thresholds(ps_bond=2.8).key())
    assert len(store.curve("s", "a")) == 5
    assert store.read_curves(["s"])["s"]["b"].analysis == default


def test_curves_of_many_simulations_in_one_query(store):
    for number in range(20):
        append(store, 0, number + 1, simulation=f"s{number}", names=("a", "b", "c"))
    found = store.read_curves([f"s{number}" for number in range(10, 21)], ["a", "c"])
    assert list(found) == [f"s{number}" for number in range(10, 21)]
    assert set(found["s10"]) == {"a", "c"}
    assert len(found["s19"]["a"]) == 20
    assert found["s20"] == {}


def test_truncation(store):
    append(store, 0, 10)
    append(store, 0, 10, simulation="other")
    store.truncate_curves("s", 45)
    np.testing.assert_array_equal(store.curve("s", "a").steps, [0, 10, 20, 30, 40])
    assert len(store.curve("other", "a")) == 10
    append(store, 4, 8)
    np.testing.assert_array_equal(store.curve("s", "a").steps, np.arange(8) * 10)
    store.truncate_curves("s", -1)
    assert len(store.curve("s", "a")) == 0
    append(store, 0, 3)
    assert len(store.curve("s", "a")) == 3


def test_writers_at_once_lose_no_curve_and_no_point(store):
    def analyse(number):
        for start in range(0, 50, 5):
            append(store, start, start + 5, names=(f"own-{number}", "shared"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(analyse, range(4)))
    found = store.curves_of("s")
    assert {name: len(curve) for name, curve in found.items() if name != "shared"} == {
        f"own-{number}": 50 for number in range(4)
    }
    assert (np.diff(found["shared"].steps) > 0).all()
    assert found["shared"].steps[-1] == 490


def test_an_unknown_curve_is_named_with_the_nearest(store):
    with pytest.raises(StoreError, match="no curves"):
        store.curve("s", "temperature")
    append(store, 0, 2, names=("temperature", "pressure"))
    with pytest.raises(StoreError, match="Did you mean 'temperature'"):
        store.curve("s", "temprature")
    with pytest.raises(StoreError, match="not made by analysis 'x'"):
        store.curve("s", "pressure", "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"a": [1, 2]}, [1, 2, 3], [1, 2, 3]), "'a' has .2,. values for .3,. steps"),
        (({"a": [1, 2]}, [1, 2], [1, 2, 3]), "as many times as steps"),
        (({"a": [1, 2]}, [2, 1], [1, 2]), "must increase"),
        (({"a": [1, 2]}, [1, 1], [1, 2]), "must increase"),
        (({"a": [1, 2]}, [1, 2], [1, np.nan]), "not finite"),
    ],
)
def test_points_that_make_no_curve(store, arguments, message):
    with pytest.raises(StoreError, match=message):
        store.append_curves("s", *arguments, "md")
    assert store.curves.count() == 0


def test_limits(store, monkeypatch):
    monkeypatch.setattr(curves, "MAX_POINTS", 10)
    append(store, 0, 8)
    with pytest.raises(StoreError, match="would have 12 points, and the limit is 10"):
        append(store, 8, 12)
    with pytest.raises(StoreError, match="Unknown curve dtype 'float16'"):
        append(store, 8, 9, dtype="float16")


def test_a_newer_schema_is_refused(store):
    append(store, 0, 2)
    store.database.curves.update_many({}, {"$set": {"schema_version": 99}})
    with pytest.raises(StoreError, match="schema version 99"):
        store.curve("s", "a")
