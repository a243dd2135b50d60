import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from truth_boxes import PRODUCT_A, antifluorite, shaken

from seicampaign.analysis import classify_frame
from seicampaign.analysis.crystal import describe_crystal
from seicampaign.structures import crystal


@pytest.mark.parametrize("temperature", [0, 300, 400])
def test_the_product_is_fcc_antifluorite_of_its_own_composition(temperature):
    block = shaken(antifluorite(5), temperature)
    found = describe_crystal(classify_frame(block))
    assert found.fcc / (found.fcc + found.hcp) > 0.95
    assert found.x_phosphorus == pytest.approx(1 / 7, abs=0.01)
    assert found.x_halogen == pytest.approx(1 / 7, abs=0.01)
    assert found.lithium_coordination == pytest.approx(8 * 0.95, abs=0.4)
    assert found.lattice_constant == pytest.approx(PRODUCT_A, rel=0.02)


def test_rock_salt_has_six_lithium_around_an_anion():
    salt = bulk("LiCl", "rocksalt", a=5.14, cubic=True).repeat(4)
    salt.symbols[int(np.flatnonzero(salt.numbers == 17)[0])] = "P"
    found = describe_crystal(classify_frame(salt))
    assert found.lithium_coordination == 6
    assert found.curve_values()["crystal_fcc_share"] == 1


def test_lithium_phosphide_is_hcp():
    found = describe_crystal(classify_frame(crystal("Li3P").repeat(3)))
    assert found.hcp > 0.9 * (found.fcc + found.hcp)
    assert found.x_phosphorus == 1


def test_no_crystal_has_no_composition():
    found = classify_frame(Atoms("P", cell=[20] * 3, pbc=True))
    assert np.isnan(list(describe_crystal(found).curve_values().values())).all()
