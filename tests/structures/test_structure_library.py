import numpy as np
import pytest

from seicampaign.errors import StructureError
from seicampaign.structures import crystal, crystals, record
from seicampaign.structures.checks import check_overlap
from seicampaign.structures.library import composition
from seicampaign.structures.neighbours import neighbour_pairs
from seicampaign.structures.slab import polyanion_bonds

NAMES = [c.name for c in crystals()]
ELECTROLYTES = [c.name for c in crystals("electrolyte")]


def closest(atoms, one, two, reach=4.0):
    return neighbour_pairs(atoms, reach, atoms.symbols == one, atoms.symbols == two)[2].min()


def test_the_library_holds_what_the_campaigns_name():
    wanted = {"Li6PS5Cl", "Li6PS5Cl-disordered", "Li5.5PS4.5Cl1.5", "Li7PS6", "beta-Li3PS4"}
    assert wanted | {"gamma-Li3PS4"} <= set(ELECTROLYTES)
    assert [c.name for c in crystals("anode")] == ["Li"]
    assert {c.name for c in crystals("product")} == {"Li2S", "Li3P", "LiCl"}


@pytest.mark.parametrize("name", NAMES)
def test_every_crystal_has_its_formula_and_a_source(name):
    found = record(name)
    atoms = crystal(name, seed=1)
    counts = {e: n * found.units for e, n in composition(found.formula).items()}
    assert {e: np.sum(atoms.symbols == e) for e in counts} == counts
    assert len(atoms) == sum(counts.values())
    assert atoms.pbc.all()
    assert len(found.source) > 15
    check_overlap(atoms, name)


@pytest.mark.parametrize("name", ELECTROLYTES)
def test_every_phosphorus_has_four_sulfurs_at_bond_length(name):
    atoms = crystal(name, seed=1)
    centres, _, lengths = polyanion_bonds(atoms)
    assert np.all(np.bincount(centres, minlength=len(atoms))[atoms.numbers == 15] == 4)
    assert 2.0 < lengths.min() <= lengths.max() < 2.15


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("Li6PS5Cl-disordered", 1.86),
        ("gamma-Li3PS4", 1.93),
        ("beta-Li3PS4", 1.86),
        ("Li2S", 1.66),
        ("Li3P", 1.43),
        ("LiCl", 2.07),
        ("Li", 0.566),
    ],
)
def test_densities_are_within_two_percent(name, measured):
    atoms = crystal(name)
    assert atoms.get_masses().sum() / atoms.get_volume() * 1.66054 == pytest.approx(
        measured, rel=0.02
    )


def test_neighbour_distances_of_the_products():
    assert closest(crystal("Li2S"), "Li", "S") == pytest.approx(5.71 * np.sqrt(3) / 4)
    assert closest(crystal("LiCl"), "Li", "Cl") == pytest.approx(5.14 / 2)
    assert closest(crystal("Li3P"), "Li", "P") == pytest.approx(4.273 / np.sqrt(3), rel=1e-4)


def test_a_lattice_can_be_overridden():
    assert crystal("Li", lattice=3.51).cell.lengths() == pytest.approx([3.51] * 3)
    assert crystal("beta-Li3PS4", lattice=(13.066, 8.015, 6.101)).get_volume() == pytest.approx(
        13.066 * 8.015 * 6.101
    )
    with pytest.raises(StructureError, match="positive"):
        crystal("Li", lattice=-1)


@pytest.mark.parametrize(
    ("name", "words"),
    [("gama-Li3PS4", "Did you mean 'gamma-Li3PS4'"), ("nowhere.cif", "no CIF file")],
)
def test_unknown_crystals(name, words):
    with pytest.raises(StructureError, match=words):
        crystal(name)


def test_unknown_elements():
    with pytest.raises(StructureError, match="Unknown element 'Xx'"):
        composition("Xx2S")
    with pytest.raises(StructureError, match="not a chemical formula"):
        composition("li2s")
