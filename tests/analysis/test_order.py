import numpy as np
import pytest
from ase.build import bulk
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y

from seicampaign.analysis.contents import Contents
from seicampaign.analysis.grains import FCC_NEIGHBOURS
from seicampaign.analysis.order import bond_order, closes, count_opposites

HCP_NEIGHBOURS = np.array(
    [[np.cos(a), np.sin(a), 0] for a in np.arange(6) * np.pi / 3]
    + [
        [np.cos(a) / np.sqrt(3), np.sin(a) / np.sqrt(3), z * np.sqrt(2 / 3)]
        for a in np.pi / 6 + np.arange(3) * 2 * np.pi / 3
        for z in (1, -1)
    ]
)


def order_of(*shells):
    vectors = np.array(shells)
    distances = np.linalg.norm(vectors, axis=2)
    return bond_order(vectors, distances, np.ones(len(vectors), np.bool_))


def test_products_are_those_of_spherical_harmonics():
    rng = np.random.default_rng(0)
    shells = rng.normal(size=(2, 12, 3)) * 4
    r = np.linalg.norm(shells, axis=2)
    theta, phi = np.arccos(shells[..., 2] / r), np.arctan2(shells[..., 1], shells[..., 0])
    q = np.array([sph_harm_y(6, m, theta, phi).sum(axis=1) for m in range(-6, 7)]).T
    q /= np.linalg.norm(q, axis=1)[:, None]
    one, other = order_of(*shells)
    assert one @ other == pytest.approx(np.vdot(q[0], q[1]).real)
    assert one @ one == pytest.approx(1)


def test_the_product_does_not_depend_on_how_both_are_turned():
    turn = Rotation.random(random_state=1)
    a, b = FCC_NEIGHBOURS, Rotation.from_euler("z", 20, degrees=True).apply(FCC_NEIGHBOURS)
    one, other, one_turned, other_turned = order_of(a, b, turn.apply(a), turn.apply(b))
    assert one @ other == pytest.approx(one_turned @ other_turned)
    assert one @ other < 0.8


def test_fcc_has_twelve_opposites_and_hcp_six():
    shells = np.array([FCC_NEIGHBOURS, HCP_NEIGHBOURS]) * 4.1
    count = count_opposites(shells, np.linalg.norm(shells, axis=2), -0.9)
    assert count.tolist() == [12, 6]


def test_an_anion_at_the_face_of_a_crystal_closes_parallelograms_and_one_off_its_site_does_not():
    block = bulk("S", "fcc", a=5.75, cubic=True).repeat((4, 4, 3))
    block.cell[2, 2] += 20.0
    face = int(np.argmax(block.positions[:, 2]))
    everyone = np.arange(len(block))
    crystal = everyone != face
    for off, closed in (((0, 0, 0), True), ((0, 0, 0.6), True), ((1.6, 0, 1.0), False)):
        moved = block.positions.copy()
        moved[face] += off
        numbers = np.where(crystal, 16, 15)
        box = Contents.checked(moved, block.cell.array, numbers)
        found = box.nearest(everyone, everyone, 5.8, 12, vectors=True)
        assert closes(face, found.which, found.vector, crystal, 1.3, 15) is closed
