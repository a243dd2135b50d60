import numpy as np
import pytest
from pydantic import BaseModel

from seicampaign.errors import StructureError
from seicampaign.structures import InterfaceSpec, build_interface, record, spec_hash
from seicampaign.structures.charges import OXIDATION
from seicampaign.structures.neighbours import neighbour_pairs
from seicampaign.structures.slab import polyanion_bonds


def sulfur_neighbours_of_phosphorus(atoms):
    centres, _, _ = polyanion_bonds(atoms)
    return np.bincount(centres, minlength=len(atoms))[atoms.numbers == 15]


def closest_across(atoms, reach=4.0):
    anode = atoms.arrays["region"] == 0
    return neighbour_pairs(atoms, reach, anode, ~anode)[2].min()


@pytest.mark.parametrize(
    ("supercell", "atoms", "units", "metal", "area"),
    [
        ((1, 1), 884, 32, 468, 149.4),
        ((3, 3), 7956, 288, 4212, 1345),
        ((6, 6), 31824, 1152, 16848, 5380),
    ],
)
def test_the_papers_models_come_out_exactly(supercell, atoms, units, metal, area):
    built = build_interface(InterfaceSpec(electrolyte="Li6PS5Cl", anode="Li", supercell=supercell))
    assert len(built) == atoms
    assert built.info["formula_units"] == units == np.sum(built.numbers == 15)
    assert np.sum(built.arrays["region"] == 0) == metal == built.info["anode_atoms"]
    assert built.info["area"] == pytest.approx(area, rel=1e-3)
    assert np.prod(built.cell.lengths()[:2]) == pytest.approx(built.info["area"])
    assert built.cell.angles() == pytest.approx([90, 90, 90])
    assert built.pbc.all()
    assert np.all(sulfur_neighbours_of_phosphorus(built) == 4)


def test_the_two_parts_touch_twice_and_leave_no_vacuum():
    atoms = build_interface(InterfaceSpec())
    height = np.sort(atoms.positions[:, 2])
    gaps = np.diff(height, append=height[0] + atoms.cell[2, 2])
    assert gaps.max() == pytest.approx(max(atoms.info["gaps"]))
    assert gaps.max() < 3
    assert 2 < closest_across(atoms) < 3
    region = atoms.arrays["region"]
    assert atoms.positions[region == 0, 2].max() < atoms.positions[region == 1, 2].min()
    assert set(atoms.symbols[region == 0]) == {"Li"}


@pytest.mark.parametrize(
    ("name", "lithium"), [("Li6PS5Cl-disordered", 6), ("Li5.5PS4.5Cl1.5", 5.5), ("Li7PS6", 7)]
)
def test_every_argyrodite_takes_the_same_geometry(name, lithium):
    atoms = build_interface(InterfaceSpec(electrolyte=name, seed=3))
    region = atoms.arrays["region"]
    assert atoms.info["formula_units"] == 32 and np.sum(region == 0) == 468
    assert np.sum(atoms.numbers[region == 1] == 3) == 32 * lithium
    assert sum(OXIDATION[s] for s in atoms.symbols[region == 1]) == 0
    assert np.all(sulfur_neighbours_of_phosphorus(atoms) == 4)
    assert 2 < closest_across(atoms) < 3
    a = record(name).lattice[0]
    assert atoms.cell.lengths()[:2] == pytest.approx([a, a * np.sqrt(2)])


def test_disorder_is_drawn_for_the_whole_supercell():
    spec = InterfaceSpec(electrolyte="Li6PS5Cl-disordered", supercell=(2, 1))
    one, again, other = (
        build_interface(s) for s in (spec, spec, spec.model_copy(update={"seed": 1}))
    )
    assert np.array_equal(one.positions, again.positions)
    assert not np.array_equal(one.positions, other.positions)
    chlorine = one.positions[one.numbers == 17]
    left, right = (chlorine[(chlorine[:, 0] // 9.86026) == k] for k in (0, 1))
    assert len(left) != len(right) or not np.allclose(left, right - [9.86026, 0, 0], atol=1e-3)


def test_every_atom_lies_in_the_cell():
    scaled = build_interface(InterfaceSpec(supercell=(2, 2))).get_scaled_positions(wrap=False)
    assert scaled.min() > -1e-6 and scaled.max() < 1


def test_a_gap_can_be_asked_for():
    atoms = build_interface(InterfaceSpec(gap=3.0))
    assert atoms.info["gaps"] == [3.0, 3.0]


@pytest.mark.parametrize(("layers", "atoms"), [(2, 88), (3, 106), (4, 124)])
def test_thin_cells(layers, atoms):
    built = build_interface(InterfaceSpec(electrolyte_layers=1, anode_layers=layers))
    assert len(built) == atoms
    assert np.all(sulfur_neighbours_of_phosphorus(built) == 4)


def test_only_the_metal_is_strained():
    atoms = build_interface(InterfaceSpec())
    assert atoms.cell.lengths()[:2] == pytest.approx([10.28, 10.28 * np.sqrt(2)])
    assert atoms.info["strain"] == pytest.approx([10.28 / 3 / 3.44 - 1] * 2 + [0])


def test_the_hash_follows_the_physics():
    assert spec_hash(InterfaceSpec()) == spec_hash(InterfaceSpec(electrolyte="Li6PS5Cl"))
    assert spec_hash(InterfaceSpec()) != spec_hash(InterfaceSpec(supercell=(2, 1)))
    assert (
        spec_hash(InterfaceSpec(supercell=(3, 3))) == "ecf9786d1997dcf2"
    )  # changes with the builder
    assert build_interface(InterfaceSpec()).info["spec_hash"] == spec_hash(InterfaceSpec())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"electrolyte": "Li6PS5Cll"}, "Did you mean 'Li6PS5Cl'"),
        ({"anode": "Lii"}, "Did you mean 'Li'"),
        ({"supercell": (0, 1)}, "supercell"),
        ({"supercell": (1.5, 1)}, "supercell"),
        ({"supercell": (1, 1, 1)}, "supercell"),
        ({"electrolite": "Li6PS5Cl"}, "Did you mean 'electrolyte'"),
        ({"gap": -1}, "gap"),
        ({"electrolyte_plane": (0, 0, 0)}, "0, 0, 0"),
        ({"electrolyte_lattice": 9.3}, "strain"),
        ({"gap": 0.2}, "overlapping"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(values, words):
    with pytest.raises(StructureError, match=words):
        build_interface(InterfaceSpec(**values))


def test_a_model_that_holds_a_specification_passes_the_words_on():
    class Campaign(BaseModel):
        interface: InterfaceSpec

    assert Campaign.model_validate({"interface": {"supercell": [3, 3]}}).interface.supercell == (
        3,
        3,
    )
    with pytest.raises(ValueError, match="Did you mean 'electrolyte'"):
        Campaign.model_validate({"interface": {"electrolite": "Li6PS5Cl"}})
