"""Every crystal of the library, as the analysis sees it before anything has happened."""

import numpy as np
import pytest

from seicampaign.analysis import Phase, classify_frame
from seicampaign.structures import InterfaceSpec, build_interface, crystal, crystals

ELECTROLYTES = [c.name for c in crystals() if c.role == "electrolyte"]


@pytest.mark.parametrize("name", ELECTROLYTES)
def test_an_electrolyte_that_has_not_reacted_is_electrolyte(name):
    atoms = crystal(name, seed=0).repeat(2)
    rng = np.random.default_rng(0)
    atoms.positions += (
        rng.normal(size=(len(atoms), 3)) * np.where(atoms.numbers == 3, 0.2, 0.1)[:, None]
    )
    found = classify_frame(atoms)
    assert found.reduction_degree == 0
    assert found.crystalline_fraction == 0
    assert (found.phase == Phase.ELECTROLYTE).all()
    assert found.sei_thickness == 0


def test_lithium_phosphide_is_crystal():
    found = classify_frame(crystal("Li3P").repeat(2))
    assert found.crystalline_fraction == 1
    assert found.reduction_degree == 1


def test_both_sides_of_a_fresh_contact_are_told_apart():
    atoms = build_interface(InterfaceSpec(electrolyte="Li6PS5Cl", anode="Li", supercell=(1, 1)))
    built_as = np.where(atoms.arrays["region"] == 0, Phase.ANODE, Phase.ELECTROLYTE)
    found = classify_frame(atoms)
    assert (found.phase == built_as).all()
    assert found.residual_metal == 468 / (468 + 192)
    assert found.residual_electrolyte == 1
