"""The steps and times of a curve as stored: in a few numbers where they are regular.

Curves are mostly sampled evenly, and then their two axes would be five times the size of their
values. Whatever is stored gives back the same numbers to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed_steps(steps: NDArray[np.int64]) -> bytes | list[int]:
    """``[first, stride]`` of even steps, else their bytes."""
    if len(steps) > 2 and (np.diff(steps) == steps[1] - steps[0]).all():
        return [int(steps[0]), int(steps[1] - steps[0])]
    return steps.tobytes()


def unpacked_steps(stored: Any, points: int) -> NDArray[np.int64]:
    """Steps from what `packed_steps` made of them."""
    if isinstance(stored, list):
        return stored[0] + stored[1] * np.arange(points, dtype=np.int64)
    return np.frombuffer(stored, np.int64)


def packed_times(times: NDArray[np.float64], steps: NDArray[np.int64]) -> bytes | float:
    """Time per step where that gives every time exactly, else their bytes."""
    if len(steps) > 2 and steps[-1] > 0:
        exact = float(times[-1] / steps[-1])
        for ratio in (float(f"{exact:.12g}"), exact):
            if np.array_equal(steps * ratio, times):
                return ratio
    return times.tobytes()


def unpacked_times(stored: Any, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Times from what `packed_times` made of them."""
    if isinstance(stored, float):
        return np.asarray(steps * stored, np.float64)
    return np.frombuffer(stored, np.float64)
