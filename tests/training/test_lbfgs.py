"""L-BFGS on functions whose minimum is known."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from seicampaign.training.lbfgs import LBFGS


def test_rosenbrock_is_minimised():
    search = LBFGS(lambda x: (rosen(x), rosen_der(x)), np.full(10, -1.2), memory=20)
    values = [search.value]
    while search.step() and len(values) < 300:
        values.append(search.value)
    assert (np.diff(values) < 0).all()
    np.testing.assert_allclose(search.point, 1.0, atol=1e-6)


def test_a_quadratic_form_takes_as_many_steps_as_it_has_dimensions():
    matrix = np.diag([1.0, 3.0, 10.0, 30.0])
    search = LBFGS(lambda x: (x @ matrix @ x / 2, matrix @ x), np.ones(4), memory=10)
    for _ in range(12):
        search.step()
    assert search.value < 1e-10


def test_there_is_no_step_from_a_minimum():
    search = LBFGS(lambda x: (x @ x, 2 * x), np.zeros(3))
    assert not search.step()


def test_a_point_is_evaluated_once():
    calls = []

    def function(x):
        calls.append(x.copy())
        return float(x @ x), 2 * x

    search = LBFGS(function, np.array([3.0, -4.0]))
    for _ in range(3):
        search.step()
    assert len({x.tobytes() for x in calls}) == len(calls)
    assert search.value == pytest.approx(0.0, abs=1e-12)
