"""Tables in terminals of all widths: no cell is broken where that can be helped."""

import pytest

from seicampaign.cli import tables
from seicampaign.cli.tables import show_table

SALT = {"name": "LiCl | Li", "T (K)": "400", "half reduced\n(ps)": "12.3 ± 0.5", "error": ""}
SULFIDE = SALT | {"name": "Li2S | Li", "half reduced\n(ps)": "9.1 ± 0.4"}


@pytest.fixture
def shown(monkeypatch, capsys):
    def show(rows, width):
        monkeypatch.setattr(tables, "PIPE_WIDTH", width)
        show_table("Salts", rows)
        return capsys.readouterr().out.splitlines()

    return show


def test_rows_are_lines_where_they_fit_and_empty_columns_are_left_out(shown):
    lines = shown([SALT, SULFIDE], 60)
    assert "│ LiCl | Li │ 400   │ 12.3 ± 0.5   │" in lines
    assert "│ Li2S | Li │ 400   │ 9.1 ± 0.4    │" in lines
    assert "error" not in "".join(lines)


def test_a_column_that_one_row_fills_stays(shown):
    assert any("refused" in line for line in shown([SALT, SULFIDE | {"error": "refused"}], 60))


def test_few_wide_rows_stand_beside_each_other(shown):
    wide = {f"share at\n{n} ps": f"0.{n}" for n in range(10, 20)}
    lines = shown([SALT | wide, SULFIDE | wide], 60)
    assert "│ half reduced (ps) │ 12.3 ± 0.5 │ 9.1 ± 0.4 │" in lines
    assert "│ share at 19 ps    │ 0.19       │ 0.19      │" in lines


def test_what_many_rows_share_is_said_once(shown):
    rows = [SALT | {"name": f"salt {n}", "state": "completed"} for n in range(9)]
    *table, last = shown(rows, 30)
    assert "│ salt 8 │" in table
    assert last == "All rows: T (K) 400, half reduced (ps) 12.3 ± 0.5, state completed."


def test_nothing_to_show_is_said(shown):
    assert shown([], 80) == ["Salts: nothing yet."]


def test_brackets_in_a_name_are_shown(shown):
    lines = "".join(shown([{"name": "see [/scratch/a]", "comment": "[wip] :smile:"}], 60))
    assert "see [/scratch/a]" in lines and "[wip] :smile:" in lines
