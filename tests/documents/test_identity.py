"""Identities: pure functions of content, pinned."""

import pytest

from seicampaign.documents import PotentialReference, Simulation, check_schema, content_hash
from seicampaign.errors import StoreError
from seicampaign.md import MDParameters
from seicampaign.structures import InterfaceSpec


def simulation(**md):
    return Simulation(
        interface=InterfaceSpec(electrolyte="Li6PS5Cl", supercell=(3, 3)),
        potential=PotentialReference(name="a name", hash="0123"),
        md=MDParameters(**({"temperature": 300} | md)),
    )


def test_the_identity_is_pinned():
    """If this fails, every database there is would be simulated anew: think before changing it."""
    assert simulation().id == "e26a7488c645dd6276d6"
    assert simulation().interface_id == "ecf9786d1997dcf2"


def test_what_decides_the_physics_decides_the_identity():
    ids = {
        s.id
        for s in (
            simulation(),
            simulation(temperature=400),
            simulation(pressure=1000),
            simulation(seed=2),
            simulation(timestep=0.5),
            simulation(pressure=None, ensemble="nvt"),
        )
    }
    assert len(ids) == 6


def test_the_name_of_the_potential_and_the_writing_of_a_number_do_not():
    renamed = simulation().model_copy(
        update={"potential": PotentialReference(name="another", hash="0123")}
    )
    assert renamed.id == simulation().id
    assert simulation(temperature=300.0).id == simulation(temperature=300).id


def test_kinds_do_not_mix():
    assert content_hash("simulation", {"a": 1}) != content_hash("interface", {"a": 1})
    assert content_hash("x", {"a": 1, "b": 2}) == content_hash("x", {"b": 2, "a": 1})


def test_a_newer_schema_is_refused():
    with pytest.raises(StoreError, match="schema version 99"):
        check_schema({"_id": "x", "schema_version": 99})


def test_ensemble_and_pressure_must_fit():
    with pytest.raises(ValueError, match="do not fit"):
        MDParameters(temperature=300, pressure=None)
