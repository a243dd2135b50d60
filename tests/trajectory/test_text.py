"""Numbers as text: the same as one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seicampaign.trajectory.text import TextTable

VALUES = st.lists(st.integers(-(2**31), 2**31), min_size=3, max_size=30)


@given(VALUES, st.integers(0, 6))
def test_fields_are_those_of_formatting_one_by_one(units, decimals):
    table = np.array(units[: len(units) // 3 * 3]).reshape(-1, 3) / 10.0**decimals
    rows = TextTable(["Li"] * len(table), decimals).rows(table).decode().splitlines()
    for row, values in zip(rows, table, strict=True):
        assert row.split() == ["Li", *(f"{value:.{decimals}f}" for value in values + 0.0)]
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("value", [-0.0004, 0.0, -0.0])
def test_zero_has_no_sign(value):
    assert TextTable(["X"], 3).rows(np.array([[value]])).split() == [b"X", b"0.000"]
