import numpy as np
import pytest

from seicampaign.analysis.transport import crossings, regional_msd
from seicampaign.errors import AnalysisError

CELL = np.diag([20.0, 20.0, 40.0])


def walk(n_frames, n_atoms, step, seed=0):
    """Random walkers of a given r.m.s. step per component."""
    steps = np.random.default_rng(seed).normal(size=(n_frames - 1, n_atoms, 3)) * step
    start = np.random.default_rng(seed + 1).random((1, n_atoms, 3)) * np.diag(CELL)
    return np.concatenate([start, start + np.cumsum(steps, axis=0)])


def cells(n_frames):
    return np.repeat(CELL[None], n_frames, axis=0)


def test_what_goes_up_through_a_plane_is_counted_up():
    positions = np.zeros((4, 2, 3))
    positions[:, 0, 2] = [9, 11, 9, 9]
    positions[:, 1, 2] = [38, 42, 46, 52]
    found = crossings(positions, cells(4), [0.25, 0.0])
    assert found.up.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert found.down.tolist() == [[0, 0], [1, 0], [0, 0]]
    assert found.net.tolist() == [[1, 1], [-1, 0], [1, 0]]


def test_planes_follow_the_box():
    positions = np.full((2, 1, 3), 10.0)
    positions[1, 0, 2] = 10.6
    grown = np.stack([CELL, CELL * 1.06])
    assert crossings(positions, grown, [0.26]).net.sum() == 0


def test_free_walkers_diffuse_as_they_should():
    n_frames, step, dt = 400, 0.3, 0.5
    x = walk(n_frames, 100, step)
    found = regional_msd(np.arange(n_frames) * dt, x, cells(n_frames), np.ones((n_frames, 100)))
    assert found.lags[0] == dt and found.lags[-1] == 40.0
    exact = step**2 / (2 * dt) * 1e-4
    assert found.diffusivity(1.0, 20.0) == pytest.approx(exact, rel=0.1)


def test_a_fast_neighbourhood_does_not_leak_into_a_slow_region():
    """Atoms rattle in the lower half and fly in the upper; some cross over."""
    n_frames = 300
    slow, fast = walk(n_frames, 60, 0.1), walk(n_frames, 60, 1.0, seed=5)
    leaves = 150
    mixed = slow.copy()
    mixed[leaves:, :30] = slow[leaves, :30] + fast[leaves:, :30] - fast[leaves, :30]
    inside = np.ones((n_frames, 60), bool)
    inside[leaves + 1 :, :30] = False
    found = regional_msd(np.arange(n_frames) * 1.0, mixed, cells(n_frames), inside)
    assert found.diffusivity(2.0, 30.0) == pytest.approx(0.1**2 / 2 * 1e-4, rel=0.15)


def test_nobody_who_stays_gives_no_number():
    found = regional_msd([0.0, 1.0], walk(2, 3, 0.1), cells(2), np.zeros((2, 3)))
    assert np.isnan(found.msd).all()
    assert np.isnan(found.diffusivity(0, 10))


def test_wrapped_positions_are_refused():
    positions = np.zeros((2, 1, 3))
    positions[1, 0, 2] = 39.0
    with pytest.raises(AnalysisError, match="wrapped"):
        crossings(positions, cells(2), [0.5])
    with pytest.raises(AnalysisError, match="evenly"):
        regional_msd([0.0, 1.0, 5.0], walk(3, 2, 0.1), cells(3), np.ones((3, 2)))
