"""The comparison table on curves whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from seicampaign.compare import comparison_table, default_times
from seicampaign.compare.rows import cautions, cell, comparison_rows, latex
from seicampaign.compare.table import of_one_analysis


def simulation(key, electrolyte="Li6PS5Cl", seed=1, temperature=400.0):
    return {
        "simulation_id": key,
        "electrolyte": electrolyte,
        "anode": "Li",
        "supercell": [1, 1],
        "temperature": temperature,
        "pressure": 1.0,
        "seed": seed,
        "n_atoms": 884,
        "steps_done": 100_000,
        "timestep": 1.0,
    }


def curves(rate, end=100.0):
    times = np.linspace(0, end, 101)
    curve = SimpleNamespace(times=times, values=np.minimum(1, rate * times))
    return {name: curve for name in ("reduction_degree", "crystalline_fraction", "sei_thickness")}


def test_seeds_share_a_row_and_electrolytes_do_not():
    table = comparison_table(
        [simulation("a"), simulation("b", seed=2), simulation("c", "beta-Li3PS4")],
        {"a": curves(0.01), "b": curves(0.02), "c": curves(0.004)},
        times=[50],
    )
    assert table["electrolyte"].tolist() == ["Li6PS5Cl", "beta-Li3PS4"]
    assert table["seeds"].tolist() == [2, 1]
    np.testing.assert_allclose(table["reduced@50ps"], [0.75, 0.2])
    np.testing.assert_allclose(table["half_reduction_ps"], [37.5, np.nan])
    np.testing.assert_allclose(
        table["half_reduction_ps_spread"], [np.std([25, 50], ddof=1), np.nan]
    )
    np.testing.assert_allclose(table["ns"], 0.1)


def test_a_time_that_was_not_reached_is_not_made_up():
    table = comparison_table([simulation("a")], {"a": curves(0.01)}, times=[50, 200])
    assert table["reduced@50ps"][0] == pytest.approx(0.5)
    assert np.isnan(table["reduced@200ps"][0])


def test_default_times_lie_within_the_shortest_run():
    assert default_times({"a": curves(0.1, end=100), "b": curves(0.1, end=19.96)}) == [4.9, 9.9, 19]
    assert default_times({}) == []


def test_what_has_no_curves_yet_is_left_out():
    assert comparison_table([simulation("a"), simulation("b")], {"a": {}}).empty


def analysed(own, key):
    return {
        name: SimpleNamespace(times=c.times, values=c.values, analysis=key)
        for name, c in own.items()
    }


def test_curves_of_different_analyses_are_not_averaged():
    own = {
        "a": analysed(curves(0.01), "old"),
        "b": analysed(curves(0.02), "new"),
        "c": analysed(curves(0.02), "new"),
    }
    table = comparison_table([simulation(key, seed=n) for n, key in enumerate(own)], own, [50])
    assert table["analysis"].tolist() == ["new", "old"]
    assert table["seeds"].tolist() == [2, 1]
    np.testing.assert_allclose(table["reduced@50ps"], [1.0, 0.5])
    assert "analysis" in comparison_rows(table)[0]
    said = " ".join(cautions(table))
    assert "different analyses" in said
    assert "one seed, there is no interval" in said
    assert of_one_analysis(own) == (["b", "c"], "new")
    assert of_one_analysis({"a": {}}) == ([], "")


def test_of_two_seeds_and_one_analysis_it_is_said_what_the_spread_is():
    table = comparison_table(
        [simulation("a"), simulation("b", seed=2)], {"a": curves(0.01), "b": curves(0.02)}
    )
    assert cautions(table) == ["Means over seeds; ± is the standard deviation over them."]
    assert "analysis" not in comparison_rows(table)[0]


def test_seeds_of_different_length_are_averaged_as_far_as_all_reach():
    table = comparison_table(
        [simulation("a"), simulation("b", seed=2)],
        {"a": curves(0.01), "b": curves(0.01, end=40.0)},
        times=[30, 60],
    )
    assert table["reduced@30ps"][0] == pytest.approx(0.3)
    assert np.isnan(table["reduced@60ps"][0])


def built(document, planes, layers_seed=0):
    """With a specification: what was built, and how it is run."""
    interface = {"electrolyte_plane": planes, "supercell": [1, 1], "seed": layers_seed}
    md = {"temperature": 400.0, "seed": document["seed"], "timestep": 1.0}
    return document | {
        "spec": {"interface": interface, "md": md},
        "potential": {"name": "p", "hash": "0123456789"},
    }


def test_interfaces_of_other_planes_are_not_averaged():
    table = comparison_table(
        [
            built(simulation("a"), [1, 1, 0]),
            built(simulation("b", seed=2), [1, 1, 0], layers_seed=2),
            built(simulation("c", seed=3), [1, 0, 0]),
        ],
        {"a": curves(0.01), "b": curves(0.01), "c": curves(0.02)},
        times=[50],
    )
    assert sorted(table["seeds"]) == [1, 2]
    assert table["variant"].nunique() == 2
    assert "interface" in comparison_rows(table)[0]


def test_a_run_that_was_imported_stands_beside_our_own_without_a_cell():
    imported = simulation("b") | {"supercell": None, "temperature": None}
    table = comparison_table(
        [simulation("a"), imported], {"a": curves(0.01), "b": curves(0.01)}, times=[50]
    )
    rows = comparison_rows(table)
    assert sorted(row["cell"] for row in rows) == ["-", "1x1"]
    assert all(isinstance(value, str) for row in rows for value in row.values())


def graded(own, grades):
    return own | {"grade_max": SimpleNamespace(times=np.arange(len(grades)), values=grades)}


def test_the_largest_grade_of_any_seed_is_shown_and_one_that_extrapolates_is_named():
    table = comparison_table(
        [simulation("a"), simulation("b", seed=2), simulation("c", "Li7PS6")],
        {
            "a": graded(curves(0.01), [1.2, 1.7]),
            "b": graded(curves(0.01), [np.nan, 2.4, 1.0]),
            "c": curves(0.01),
        },
        times=[50],
    )
    assert table["grade_max"][0] == 2.4
    assert np.isnan(table["grade_max"][1])
    assert any("grade over 2) in 1 of 2 rows" in caution for caution in cautions(table))


def test_a_run_that_ended_before_its_first_frame_has_a_row_without_numbers():
    empty = SimpleNamespace(times=np.array([]), values=np.array([]))
    names = ("reduction_degree", "crystalline_fraction", "sei_thickness", "grade_max")
    table = comparison_table([simulation("a")], {"a": dict.fromkeys(names, empty)})
    assert np.isnan(table["grade_max"][0])
    assert np.isnan(table["half_reduction_ps"][0])
    assert comparison_rows(table)[0]["largest\ngrade"] == "-"


def test_latex_has_the_columns_of_the_table_and_nothing_that_latex_would_run():
    table = comparison_table(
        [simulation("a", "100 %_\\input{x}"), simulation("b", "100 %_\\input{x}", seed=2)],
        {"a": curves(0.01), "b": curves(0.02)},
        times=[50],
    )
    header, row = (line for line in latex(table).splitlines() if "&" in line)
    assert "half reduced (ps)" in header
    assert r"SEI (\AA{})" in header
    assert r"100 \%\_\textbackslash input\{x\} $|$ Li" in row
    assert r"37.5 $\pm$ 17.7" in row


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.12345, "0.123"), (300.0, "300"), (1000.0, "1000"), (4123.4567, "4123"), (884, "884")],
)
def test_a_cell_has_no_more_digits_than_are_read(value, shown):
    assert cell(value) == shown
