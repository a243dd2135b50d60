import numpy as np
import pytest
from truth_boxes import argyrodite

from seicampaign.analysis import Images, analyse
from seicampaign.errors import AnalysisError


@pytest.fixture
def images():
    frames = []
    for n in range(4):
        atoms = argyrodite()
        atoms.positions += 0.1 * n
        atoms.info = {"time": 0.5 * n, "step": 500 * n}
        frames.append(atoms)
    return frames


def test_frames_from_ase_are_analysed_as_they_are(images):
    rows = list(analyse(Images(images)))
    assert [(row.step, row.time) for row in rows] == [
        (0, 0.0),
        (500, 0.5),
        (1000, 1.0),
        (1500, 1.5),
    ]
    assert {row.values["reduction_degree"] for row in rows} == {0.0}
    assert [row.time for row in analyse(Images(images, times=[1, 2, 3, 9]), first=2)] == [3.0, 9.0]


def test_atoms_that_change_order_are_named(images):
    images[2] = images[2][np.roll(np.arange(52), 1)]
    with pytest.raises(AnalysisError, match="frame 2 atom 0 is Li, and in frame 0 it is P"):
        Images(images)


def test_atoms_that_change_number_are_counted(images):
    images[3] = images[3][:50]
    with pytest.raises(AnalysisError, match="Frame 3 has 50 atoms, and frame 0 has 52"):
        Images(images)


def test_time_must_be_known_and_go_on(images):
    with pytest.raises(AnalysisError, match="does not come after"):
        list(analyse(Images(images, times=[0, 1, 1, 2])))
    del images[1].info["time"]
    with pytest.raises(AnalysisError, match="give `times`"):
        Images(images)
    with pytest.raises(AnalysisError, match="no frame"):
        Images([])


def test_a_surface_is_not_a_periodic_box(images):
    images[1].pbc = [True, True, False]
    with pytest.raises(AnalysisError, match="Frame 1 is not periodic"):
        Images(images)
