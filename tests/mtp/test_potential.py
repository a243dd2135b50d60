"""Potentials by name or path: found, checked, and put to use."""

import json

import numpy as np
import pytest
from mtp_cases import disordered, random_mtp

from seicampaign.errors import PotentialError
from seicampaign.mtp import load_potential, potential, shipped_potentials, untrained, write_mtp

SPECIES = ("Li", "P", "S", "Cl")


@pytest.fixture
def own(tmp_path):
    """A user's file, without anything beside it."""
    write_mtp(tmp_path / "own.mtp", random_mtp(6))
    return tmp_path / "own.mtp"


@pytest.fixture
def described(own):
    own.with_suffix(".json").write_text(json.dumps({"species": SPECIES, "data": "labels"}))
    return own


def test_a_file_needs_its_species(own):
    with pytest.raises(PotentialError, match=r"4 species but does not say which\. Name them"):
        load_potential(own)
    loaded = load_potential(own, species=SPECIES)
    assert (loaded.name, loaded.species, loaded.path) == ("own", SPECIES, own)


def test_a_json_file_beside_it_says_them(described):
    loaded = load_potential(described)
    assert loaded.species == SPECIES
    assert loaded.metadata["data"] == "labels"
    assert load_potential(described, species=list(SPECIES)).species == SPECIES
    with pytest.raises(PotentialError, match=r"is for Li, P, S, Cl, in this order, .* not for Cl"):
        load_potential(described, species=SPECIES[::-1])


def test_identity_is_of_content_and_species_not_of_names(own, tmp_path):
    write_mtp(tmp_path / "copy.mtp", random_mtp(6))
    write_mtp(tmp_path / "other.mtp", random_mtp(6, seed=1))
    first = load_potential(own, species=SPECIES)
    assert first.hash == load_potential(tmp_path / "copy.mtp", species=SPECIES).hash
    assert first.hash != load_potential(tmp_path / "other.mtp", species=SPECIES).hash
    assert first.hash != load_potential(own, species=SPECIES[::-1]).hash


@pytest.mark.parametrize(
    ("species", "message"),
    [
        (("Li", "P", "S"), "has 4 species; 3 were named"),
        (("Li", "P", "S", "S"), "each must be named once"),
        (("Li", "P", "S", "Cll"), "Unknown element 'Cll'"),
    ],
)
def test_species_that_do_not_fit_are_refused(own, species, message):
    with pytest.raises(PotentialError, match=message):
        load_potential(own, species=species)


def test_a_potential_that_is_not_trained_is_refused(tmp_path):
    write_mtp(tmp_path / "empty.mtp", untrained(4, 2, min_dist=2.0, max_dist=5.0))
    with pytest.raises(PotentialError, match="untrained"):
        load_potential(tmp_path / "empty.mtp", species=("Li", "S"))


def test_a_json_file_that_makes_no_sense_is_refused(own):
    beside = own.with_suffix(".json")
    beside.write_text("{")
    with pytest.raises(PotentialError, match="is no valid JSON"):
        load_potential(own)
    beside.write_text("[1]")
    with pytest.raises(PotentialError, match="should hold an object"):
        load_potential(own)


def test_names_that_are_not_known_are_refused(tmp_path, described, monkeypatch):
    monkeypatch.setattr(potential, "SHIPPED", tmp_path)
    assert shipped_potentials() == ["own"]
    assert load_potential("own").species == SPECIES
    with pytest.raises(PotentialError, match="Did you mean 'own'"):
        load_potential("owm")
    with pytest.raises(PotentialError, match="There is no potential file"):
        load_potential(tmp_path / "none.mtp")


def test_it_is_a_calculator_for_its_elements(described):
    loaded = load_potential(described)
    atoms = disordered((1, 1, 2))
    atoms.calc = loaded.calculator()
    assert np.isfinite(atoms.get_forces()).all()
    loaded.require(["Cl", "Li"])
    with pytest.raises(PotentialError, match="lacks O, Na: it knows Li, P, S, Cl"):
        loaded.require(["Li", "O", "Na"])


def test_lammps_lines_map_types_to_species(described):
    lines = load_potential(described).pair_lines(["Cl", "Li"])
    assert any(line.startswith("plugin load") for line in lines)
    assert any(line.startswith("pair_style") and str(described) in line for line in lines)
    assert lines[-1].split() == ["pair_coeff", "*", "*", "3", "0"]
    with pytest.raises(PotentialError, match="lacks O"):
        load_potential(described).pair_lines(["O"])


def test_force_field_has_pymatgens_order_of_types(described):
    field = load_potential(described).lammps_force_field()
    assert field.species == ["Li", "P", "S", "Cl"]
    assert "pair_coeff * * 0 1 2 3" in field.pair_coeff
