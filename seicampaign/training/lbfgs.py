"""Limited-memory BFGS with the steps of SciPy's line search (strong Wolfe conditions).

J. Nocedal and S. J. Wright, Numerical Optimization, 2nd edition, algorithms 7.4 and 7.5. SciPy's
own L-BFGS-B spends more time on bounds that are not there than a training step takes.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable

import numpy as np
from scipy.optimize import line_search

from seicampaign.mtp.model import FloatArray


class LBFGS:
    """A minimiser that is asked for one step after another.

    Parameters
    ----------
    function
        Gives value and gradient. It is called once for each point that is tried.
    start
        Where to begin.
    memory
        Number of past steps that shape the next.
    """

    def __init__(
        self,
        function: Callable[[FloatArray], tuple[float, FloatArray]],
        start: FloatArray,
        memory: int = 100,
    ) -> None:
        self._function = function
        self._tried: tuple[FloatArray, float, FloatArray] | None = None
        self._pairs: deque[tuple[FloatArray, FloatArray, float]] = deque(maxlen=memory)
        self.point = start
        self.value, self.gradient = self._evaluate(start)

    def _evaluate(self, point: FloatArray) -> tuple[float, FloatArray]:
        if self._tried is None or not np.array_equal(self._tried[0], point):
            self._tried = (point.copy(), *self._function(point))
        return self._tried[1:]

    def _value(self, point: FloatArray) -> float:
        return self._evaluate(point)[0]

    def _slope(self, point: FloatArray) -> FloatArray:
        return self._evaluate(point)[1]

    def step(self) -> bool:
        """Move to a lower point. False if there is none along the gradient either."""
        while True:
            direction = self._direction()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a failed search is seen below
                length, *_ = line_search(
                    self._value,
                    self._slope,
                    self.point,
                    direction,
                    self.gradient,
                    self.value,
                    maxiter=20,
                )
            if length is not None:
                return self._move(self.point + length * direction)
            if not self._pairs:
                return False
            self._pairs.clear()

    def _move(self, point: FloatArray) -> bool:
        value, gradient = self._evaluate(point)
        change, bend = point - self.point, gradient - self.gradient
        if (product := float(change @ bend)) > 0:
            self._pairs.append((change, bend, product))
        fell = value < self.value
        self.point, self.value, self.gradient = point, value, gradient
        return fell

    def _direction(self) -> FloatArray:
        """Minus the gradient times the approximate inverse Hessian: the two-loop recursion."""
        direction = -self.gradient
        if not self._pairs:
            return direction / max(1.0, float(np.linalg.norm(direction)))
        shares = []
        for change, bend, product in reversed(self._pairs):
            share = float(change @ direction) / product
            direction = direction - share * bend
            shares.append(share)
        _, bend, product = self._pairs[-1]
        direction = direction * (product / float(bend @ bend))
        for (change, bend, product), share in zip(self._pairs, reversed(shares), strict=True):
            direction = direction + change * (share - float(bend @ direction) / product)
        return direction
