import numpy as np
import pytest
from ase import Atoms

from seicampaign.analysis.contents import Contents
from seicampaign.analysis.hysteresis import BondMemory
from seicampaign.errors import AnalysisError


def pair(distance):
    return Contents.checked([[1.0, 1, 1], [1.0 + distance, 1, 1]], np.eye(3) * 15, [15, 16])


def test_a_bond_lasts_until_it_is_long_and_returns_only_when_short():
    memory = BondMemory()
    bonded = []
    for distance in (2.1, 2.7, 2.95, 3.1, 2.7, 2.5, 2.3, 2.9):
        memory.update(pair(distance))
        bonded.append(bool(memory.census[1]))
    assert bonded == [True, True, True, False, False, False, True, True]
    assert (memory.formed, memory.broken) == (1, 1)


def test_a_bond_that_rattles_about_three_angstrom_breaks_once():
    rattle = 2.9 + 0.2 * np.sin(np.arange(100))
    memory = BondMemory()
    memory.update(pair(2.1))
    for distance in rattle:
        memory.update(pair(distance))
    assert (memory.formed, memory.broken) == (0, 1)
    assert np.count_nonzero(np.diff(rattle < 3.0)) > 20


def test_alpha_is_that_of_the_stateless_census_where_bonds_are_plain():
    corners = 1.2 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    atoms = Atoms("PS4", positions=np.vstack([[0, 0, 0], corners]), cell=[20] * 3, pbc=True)
    box = Contents.checked(atoms.positions, atoms.cell.array, atoms.numbers)
    assert BondMemory().update(box) == 0.0
    assert BondMemory().update(pair(2.1)) == 0.75


def test_the_memory_can_be_put_aside_and_taken_up():
    first = BondMemory()
    first.update(pair(2.1))
    second = BondMemory(bonds=first.bonds)
    second.update(pair(2.8))
    assert second.census[1] == 1


def test_forming_over_what_breaks_is_refused():
    with pytest.raises(AnalysisError, match="cannot form"):
        BondMemory(form=3.2)
