import numpy as np
import pytest

from seicampaign.analysis.clusters import find_clusters

SIMPLE_CUBIC = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
FCC = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, -1, 0], [0, 1, -1], [-1, 0, 1]])
"""Half of the neighbours of a site, in primitive lattice vectors."""


def lattice_bonds(size, steps, member):
    """Bonds between members of a periodic lattice of size^3 sites."""
    sites = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    ends = (sites[:, None] + steps).reshape(-1, 3)
    first = np.repeat(np.arange(size**3), len(steps))
    second = (ends % size) @ [size * size, size, 1]
    both = member[first] & member[second]
    return first[both], second[both], np.floor_divide(ends, size)[both]


def clusters_of(member):
    size = len(member)
    member = member.ravel()
    return find_clusters(member, *lattice_bonds(size, SIMPLE_CUBIC, member))


def picture(size=8):
    return np.zeros((size, size, size), bool)


def test_a_ball_does_not_wrap_wherever_it_lies():
    for shift in (0, 3, 6):
        ball = picture()
        ball[2:6, 2:6, 2:6] = True
        clusters = clusters_of(np.roll(ball, shift, axis=(0, 1, 2)))
        assert clusters.size.tolist() == [64]
        assert clusters.rank(0) == 0


def test_a_bent_rod_that_misses_itself_does_not_wrap():
    """It spans the box, but its ends lie beside each other in the plane."""
    rod = picture()
    rod[:, 0, 0] = True
    rod[4, 0, 0] = False
    assert clusters_of(rod).rank(0) == 0


@pytest.mark.parametrize(
    ("fill", "rank"),
    [
        (np.s_[:, 3, 3], 1),
        (np.s_[:, :, 3], 2),
        (np.s_[:, :, :], 3),
    ],
)
def test_rods_sheets_and_networks_wrap(fill, rank):
    shape = picture()
    shape[fill] = True
    assert clusters_of(shape).rank(0) == rank


def test_a_helix_winds_along_its_own_direction():
    stairs = picture()
    for n in range(8):
        stairs[n, n, 0] = stairs[n, (n + 1) % 8, 0] = True
    clusters = clusters_of(stairs)
    assert clusters.rank(0) == 1
    assert np.abs(clusters.windings[0][0]).tolist() == [1, 1, 0]


def test_clusters_are_numbered_by_size():
    two = picture()
    two[0, 0, 0] = two[0, 0, 1] = two[4, 4, 4] = True
    clusters = clusters_of(two)
    assert clusters.size.tolist() == [2, 1]
    label = clusters.label.reshape(two.shape)
    assert label[0, 0, 0] == label[0, 0, 1] == 0
    assert label[4, 4, 4] == 1
    assert label[1, 1, 1] == -1


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "threshold"), [(FCC, 0.199), (SIMPLE_CUBIC, 0.3116)])
def test_site_dilution_percolates_where_it_should(steps, threshold):
    """The occupation at which half of all samples wrap, by adding sites one at a time."""
    size, samples = 24, 40
    rng = np.random.default_rng(0)
    wraps_at = []
    for _ in range(samples):
        order = rng.permutation(size**3)
        low, high = 0, size**3
        while high - low > size**3 // 500:
            middle = (low + high) // 2
            member = np.zeros(size**3, bool)
            member[order[:middle]] = True
            clusters = find_clusters(member, *lattice_bonds(size, steps, member))
            wraps = any(len(w) for w in clusters.windings)
            low, high = (low, middle) if wraps else (middle, high)
        wraps_at.append(high / size**3)
    assert np.median(wraps_at) == pytest.approx(threshold, abs=0.01)
