"""Axes of curves come back to the last bit, and even ones take next to no space."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seicampaign.store.axes import packed_steps, packed_times, unpacked_steps, unpacked_times


def round_trip(steps, times):
    stored = packed_steps(steps), packed_times(times, steps)
    again = unpacked_steps(stored[0], len(steps))
    np.testing.assert_array_equal(again, steps)
    assert unpacked_times(stored[1], again).tobytes() == times.tobytes()
    assert again.dtype == np.int64
    return stored


@pytest.mark.parametrize("timestep", [0.001, 0.002, 0.0005, 1 / 3000])
@pytest.mark.parametrize(("first", "stride"), [(0, 500), (500, 500), (7, 3)])
def test_even_axes_are_a_few_numbers(timestep, first, stride):
    steps = first + stride * np.arange(10_000)
    stored = round_trip(steps, steps * timestep)
    assert stored[0] == [first, stride]
    assert isinstance(stored[1], float)


def test_uneven_axes_are_kept_whole():
    steps = np.array([0, 10, 20, 31])
    assert round_trip(steps, steps * 0.1 + 0.05) == (
        steps.tobytes(),
        (steps * 0.1 + 0.05).tobytes(),
    )


@given(
    arrays(np.int64, st.integers(0, 6), elements=st.integers(-(2**40), 2**40)),
    st.floats(1e-6, 1e6),
)
def test_any_axis_comes_back(steps, ratio):
    round_trip(steps, steps * ratio)
    round_trip(steps, np.full(len(steps), ratio))
