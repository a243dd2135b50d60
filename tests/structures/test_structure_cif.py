from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from seicampaign.errors import StructureError
from seicampaign.structures import InterfaceSpec, build_interface, crystal, spec_hash


def write(path, lattice, species, positions, group="P1"):
    Structure.from_spacegroup(group, lattice, species, positions).to(filename=str(path))
    return str(path)


@pytest.fixture
def gamma_cif(tmp_path):
    path = tmp_path / "mine.cif"
    crystal("gamma-Li3PS4").write(path)
    return str(path)


def test_an_electrolyte_can_be_a_cif_file(gamma_cif):
    atoms = build_interface(InterfaceSpec(electrolyte=gamma_cif, electrolyte_layers=2))
    listed = build_interface(InterfaceSpec(electrolyte="gamma-Li3PS4", electrolyte_layers=2))
    assert atoms.info["formula_units"] == listed.info["formula_units"]
    assert atoms.info["electrolyte_plane"] == listed.info["electrolyte_plane"]


def test_an_anode_can_be_a_cif_file(tmp_path):
    sodium = write(tmp_path / "Na.cif", Lattice.cubic(4.19), ["Na"], [[0, 0, 0]], "Im-3m")
    atoms = build_interface(InterfaceSpec(anode=sodium, anode_layers=4, electrolyte_layers=1))
    assert set(atoms.symbols[atoms.arrays["region"] == 0]) == {"Na"}


def test_partial_occupations_of_a_cif_are_drawn(tmp_path):
    species = [{"Cl": 0.5, "S": 0.5}, "P", {"Cl": 0.5, "S": 0.5}, "S", {"Li": 0.5}]
    places = [[0, 0, 0], [0, 0, 0.5], [0.25, 0.25, 0.75], [0.1186, -0.1186, 0.6186]]
    places.append([0.3202, 0.0183, 0.6798])
    path = write(tmp_path / "half.cif", Lattice.cubic(9.86), species, places, "F-43m")
    one, two = crystal(path, seed=1), crystal(path, seed=2)
    assert one.get_chemical_formula() == "Cl4Li24P4S20"
    assert (one.positions != two.positions).any()


def test_a_file_is_known_by_its_content(gamma_cif, tmp_path):
    copy = tmp_path / "renamed.cif"
    copy.write_bytes(Path(gamma_cif).read_bytes())
    one, two = (spec_hash(InterfaceSpec(electrolyte=p)) for p in (gamma_cif, str(copy)))
    assert one == two != spec_hash(InterfaceSpec(electrolyte="gamma-Li3PS4"))


def test_occupations_that_make_no_whole_atoms_are_refused(tmp_path):
    path = write(tmp_path / "part.cif", Lattice.cubic(9.0), [{"Li": 0.3}], [[0, 0, 0]])
    with pytest.raises(StructureError, match=r"add up to 0\.30 Li"):
        build_interface(InterfaceSpec(electrolyte=path))


def test_overlapping_atoms_are_refused(tmp_path):
    path = write(tmp_path / "near.cif", Lattice.cubic(9.7), ["S", "S"], [[0, 0, 0], [0.05, 0, 0]])
    with pytest.raises(StructureError, match="overlapping atoms"):
        build_interface(InterfaceSpec(electrolyte=path))


def test_a_file_that_is_no_cif_is_refused(tmp_path):
    path = tmp_path / "letter.cif"
    path.write_text("Dear reader,")
    with pytest.raises(StructureError, match="cannot be read as a CIF file"):
        crystal(str(path))
