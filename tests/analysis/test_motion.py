"""Li moved by hand: what passes the planes and how far it goes in each slab is known."""

import numpy as np
import pytest
from truth_boxes import contact

from seicampaign.analysis import RUNNING_CURVES, Phase, Running, Thresholds, classify_frame
from seicampaign.analysis.profile import SLABS, contact_planes, slabs
from seicampaign.errors import AnalysisError

AREA_NM2 = 0.01 * (3 * 10.2) ** 2


@pytest.fixture(scope="module")
def start():
    return contact(0, seed=2, lateral=3, radius=9.0, grains=((0.5, 0.5),))


@pytest.fixture(scope="module")
def found(start):
    return classify_frame(start)


def test_planes_lie_between_metal_and_electrolyte(start, found):
    low, high = contact_planes(found.contents, found.phase, 1.0) * start.cell[2, 2]
    z, truth = start.positions[:, 2], start.arrays["truth"]
    metal, electrolyte = z[truth == Phase.ANODE], z[truth == Phase.ELECTROLYTE]
    assert low == pytest.approx((metal.max() + electrolyte.min()) / 2, abs=1.5)
    assert abs(high - start.cell[2, 2]) < 2.0 or high < 2.0


def test_slabs_are_those_that_were_stacked(start, found):
    slab = slabs(found.contents, found.phase, 1.0)
    truth = start.arrays["truth"]
    for n, phases in enumerate(
        [(Phase.ANODE,), (Phase.CRYSTALLINE, Phase.AMORPHOUS), (Phase.ELECTROLYTE,)]
    ):
        assert (slab[np.isin(truth, phases)] == n).mean() > 0.9


def test_li_that_passes_a_plane_is_counted_once_and_with_its_sign(start):
    running = Running.new(Thresholds(flux_planes=(0.3, 0.95)))
    height = start.cell[2, 2]
    values = running.update(0.0, classify_frame(start))
    assert values["lithium_passed_lower"] == values["lithium_passed_upper"] == 0
    below = np.flatnonzero(
        (start.numbers == 3) & (np.abs(start.positions[:, 2] / height - 0.29) < 0.005)
    )
    moved = start.copy()
    moved.positions[below[:3], 2] += 0.02 * height
    moved.positions[:, 2] += 4 * height  # however it is wrapped
    values = running.update(1.0, classify_frame(moved))
    assert values["lithium_passed_lower"] == pytest.approx(3 / AREA_NM2)
    values = running.update(2.0, classify_frame(start))
    assert values["lithium_passed_lower"] == 0
    assert set(values) == set(RUNNING_CURVES)


def test_diffusion_in_each_slab_is_that_of_the_steps_taken(start, found):
    """In-plane random steps of 0.2 A in the metal and of 0.1 A elsewhere, every 0.5 ps."""
    rng = np.random.default_rng(0)
    lithium = np.flatnonzero(start.numbers == 3)
    size = np.where(slabs(found.contents, found.phase, 1.0)[lithium] == 0, 0.2, 0.1)
    running = Running.new(Thresholds(motion_lag=4.0))
    moving, points = start.copy(), []
    for frame in range(17):
        points.append(running.update(0.5 * frame, classify_frame(moving)))
        step = rng.normal(size=(len(lithium), 2)) * size[:, None]
        moving.positions[lithium, :2] += step
    known = [n for n, p in enumerate(points) if np.isfinite(p["msd_anode"])]
    assert known == [8, 16]
    for name, step in zip(SLABS, (0.2, 0.1, 0.1), strict=True):
        msd = np.mean([points[n][f"msd_{name}"] for n in known])
        slope = np.mean([points[n][f"diffusivity_{name}"] for n in known])
        assert msd == pytest.approx(8 * 2 * step**2, rel=0.15)
        assert slope == pytest.approx(2 * step**2 / 0.5 / 4 * 1e-4, rel=0.25)


def test_frames_of_another_simulation_are_refused(start):
    running = Running.new()
    running.update(0.0, classify_frame(start))
    fewer = start[np.flatnonzero(start.numbers == 3)[0] + 1 :]
    with pytest.raises(AnalysisError, match="one simulation"):
        running.update(1.0, classify_frame(fewer))


def test_a_tilted_box_that_flips_moves_nothing(start):
    """LAMMPS keeps tilts small: it takes b - a for b, and wraps the same atoms anew."""
    tilted = start.copy()
    a, b, c = start.cell.array
    tilted.set_cell([a, b + 0.5 * a, c])
    flipped = tilted.copy()
    flipped.set_cell([a, b - 0.5 * a, c])
    flipped.wrap()
    running = Running.new(Thresholds(motion_lag=4.0))
    for time in range(6):
        values = running.update(float(time), classify_frame(tilted if time < 3 else flipped))
        running = Running.from_bytes(running.to_bytes(), Thresholds(motion_lag=4.0))
        if time == 4:
            assert [values[f"msd_{name}"] for name in SLABS] == pytest.approx([0, 0, 0], abs=1e-4)
    assert values["lithium_passed_lower"] == values["lithium_passed_upper"] == 0
