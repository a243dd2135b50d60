import numpy as np
import pytest

from seicampaign.errors import StructureError
from seicampaign.structures import InterfaceSpec, build_interface, match
from seicampaign.structures.interface import _bounds, _parts
from seicampaign.structures.matching import strain_between
from seicampaign.structures.search import search
from seicampaign.structures.slab import polyanion_bonds


@pytest.mark.parametrize("name", ["beta-Li3PS4", "gamma-Li3PS4"])
def test_crystals_without_the_argyrodite_geometry_are_matched(name):
    spec = InterfaceSpec(electrolyte=name)
    found, atoms = match(spec), build_interface(spec)
    assert 800 <= len(atoms) <= 1500
    assert 140 < found.area < 260
    assert found.largest_strain < 0.03
    assert atoms.info["strain"] == pytest.approx(found.strain)
    assert atoms.cell.angles()[:2] == pytest.approx([90, 90])
    electrolyte = atoms.positions[atoms.arrays["region"] == 1, 2]
    assert 45 < np.ptp(electrolyte) < 60
    centres, _, _ = polyanion_bonds(atoms)
    assert np.all(np.bincount(centres, minlength=len(atoms))[atoms.numbers == 15] == 4)


def test_beta_sits_on_an_orthogonal_cell():
    assert match(InterfaceSpec(electrolyte="beta-Li3PS4")).angle == pytest.approx(90)


@pytest.mark.parametrize("name", ["beta-Li3PS4", "gamma-Li3PS4"])
def test_the_listed_contacts_are_no_worse_than_what_the_search_finds(name):
    spec = InterfaceSpec(electrolyte=name)
    found = search(*_parts(spec), _bounds(spec))
    assert match(spec).largest_strain <= found.largest_strain + 1e-6
    assert found.contact.planes == match(spec).contact.planes


def test_another_plane_is_searched_when_asked_for():
    spec = InterfaceSpec(electrolyte="Li6PS5Cl", electrolyte_plane=(1, 0, 0), anode_layers=4)
    atoms = build_interface(spec)
    assert atoms.info["electrolyte_plane"] == [1, 0, 0]
    assert np.abs(atoms.info["strain"]).max() < spec.max_strain


def test_a_plane_without_a_clean_cut_is_refused():
    with pytest.raises(StructureError, match="No plane of beta-Li3PS4"):
        match(InterfaceSpec(electrolyte="beta-Li3PS4", electrolyte_plane=(0, 0, 1)))


def test_the_best_strain_is_named_when_it_is_too_large():
    with pytest.raises(StructureError, match=r"2\.8% .*Raise max_strain"):
        match(InterfaceSpec(electrolyte="beta-Li3PS4", max_strain=0.02))
    with pytest.raises(StructureError, match=r"Raise max_(area|strain)"):
        match(InterfaceSpec(electrolyte="gamma-Li3PS4", max_area=60, min_width=7))


def test_strain_leaves_rotation_out():
    square = np.array([[3.0, 0.0], [0.0, 3.0]])
    turned = 1.02 * square @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    assert strain_between(square, turned) == pytest.approx((0.02, 0.02, 0))
    sheared = square @ np.array([[1.0, 0.0], [0.04, 1.0]])
    assert strain_between(square, sheared)[2] == pytest.approx(0.02, rel=0.01)
