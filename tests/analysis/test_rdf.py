import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from seicampaign.analysis.contents import Contents
from seicampaign.analysis.rdf import partial_rdf
from seicampaign.errors import AnalysisError


def contents(atoms):
    return Contents.checked(atoms.positions, atoms.cell.array, atoms.numbers)


@pytest.fixture
def sulfide():
    atoms = bulk("SLi2", "fluorite", a=5.71)
    atoms = atoms.repeat((2, 2, 3))
    atoms.numbers[0] = 15
    return atoms


def test_neighbours_in_a_skew_box_smaller_than_the_cutoff(sulfide):
    found = partial_rdf(contents(sulfide), 16, 3, cutoff=10.0)
    i, j = neighbor_list("ij", sulfide, 10.0)
    pairs = ((sulfide.numbers[i] == 16) & (sulfide.numbers[j] == 3)).sum()
    assert found.coordination[-1] == pytest.approx(pairs / (sulfide.numbers == 16).sum())
    near = found.coordination[np.searchsorted(found.r, 3.4)]
    assert near == 8


def test_an_ideal_gas_has_no_structure():
    rng = np.random.default_rng(0)
    numbers = np.full(4000, 3)
    numbers[0] = 15
    gas = Contents.checked(rng.random((4000, 3)) * 40, np.eye(3) * 40, numbers)
    assert partial_rdf(gas, 3, 3).g[20:].mean() == pytest.approx(1, abs=0.01)


def test_an_element_that_is_not_there_is_named(sulfide):
    with pytest.raises(AnalysisError, match="17"):
        partial_rdf(contents(sulfide), 3, 17)
