"""Neighbourhoods cut out of large cells."""

import numpy as np
import pytest

from seicampaign.errors import StructureError
from seicampaign.mtp import load_potential
from seicampaign.structures import InterfaceSpec, build_interface, crystal
from seicampaign.structures.cutting import cut_cell


@pytest.fixture(scope="module")
def contact():
    atoms = build_interface(InterfaceSpec(electrolyte="Li6PS5Cl"))
    atoms.rattle(0.15, seed=1)
    return atoms


def environment(atoms, index, radius):
    """Elements and distances around an atom, sorted."""
    vectors = atoms.get_distances(index, np.arange(len(atoms)), mic=True)
    near = (vectors <= radius) & (np.arange(len(atoms)) != index)
    return sorted(zip(atoms.numbers[near], np.round(vectors[near], 6), strict=True))


@pytest.mark.parametrize("centre", [0, 200, 500, 880])
def test_the_neighbourhood_of_the_centre_is_that_of_the_frame(contact, centre):
    cell = cut_cell(contact, centre)
    here = int(np.flatnonzero(cell.arrays["source_index"] == centre)[0])
    assert len(cell) <= 110
    assert environment(cell, here, 5.0) == environment(contact, centre, 5.0)


def test_so_the_energy_of_the_centre_is_the_same(contact):
    calculator = load_potential("LiPSCl-level8").calculator()
    whole = calculator.get_property("energies", contact)
    cell = cut_cell(contact, 450)
    here = int(np.flatnonzero(cell.arrays["source_index"] == 450)[0])
    assert calculator.get_property("energies", cell)[here] == pytest.approx(whole[450], abs=1e-9)


def test_a_narrow_contact_keeps_its_plane(contact):
    cell = cut_cell(contact, 450)
    np.testing.assert_allclose(cell.cell.lengths()[:2], contact.cell.lengths()[:2])
    assert 10.0 <= cell.cell.lengths()[2] <= 14.0


def test_a_wide_cell_is_cut_in_three_directions():
    wide = crystal("Li6PS5Cl", repeat=(3, 3, 3))
    wide.rattle(0.1, seed=2)
    cell = cut_cell(wide, 700)
    assert (cell.cell.lengths() < 14.1).all()
    assert len(cell) <= 110


def test_atoms_do_not_meet_across_the_faces(contact):
    distances = cut_cell(contact, 300).get_all_distances(mic=True)
    whole = contact.get_all_distances(mic=True)
    assert distances[distances > 0].min() > 0.85 * whole[whole > 0].min()


def test_a_small_cell_stays_whole():
    small = crystal("Li6PS5Cl")
    cell = cut_cell(small, 3)
    np.testing.assert_array_equal(cell.positions, small.positions)


def test_too_few_atoms_allowed_is_an_error(contact):
    with pytest.raises(StructureError, match="more than 20"):
        cut_cell(contact, 450, max_atoms=20)
