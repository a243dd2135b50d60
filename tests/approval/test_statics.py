"""Tests at rest, on the shipped potential and on one that is wrong on purpose."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from seicampaign.approval import statics
from seicampaign.approval.crystals import CrystalResponse, is_cubic, response
from seicampaign.approval.references import references
from seicampaign.mtp import load_potential
from seicampaign.structures import crystal


@pytest.fixture(scope="module")
def shipped():
    return load_potential("LiPSCl-level8")


@pytest.fixture(scope="module")
def shrunken(shipped):
    """The same, with its attraction and repulsion made weaker: another lattice, other moduli."""
    mtp = replace(shipped.mtp, moment_coeffs=shipped.mtp.moment_coeffs * 0.7)
    return replace(shipped, mtp=mtp)


def test_the_response_is_that_of_finite_differences_of_the_energy():
    copper = bulk("Cu", cubic=True)
    found = response(copper, lambda _: EMT(), cubic=True)
    at_rest = found.lattice[0]

    def energy(scale):
        strained = bulk("Cu", a=at_rest * scale, cubic=True)
        strained.calc = EMT()
        return strained.get_potential_energy()

    h = 0.005
    second = (energy(1 + h) - 2 * energy(1) + energy(1 - h)) / h**2
    modulus = second / 9 / at_rest**3 / 0.0062415091  # eV/A^3 per GPa
    assert found.bulk_modulus == pytest.approx(modulus, rel=0.02)
    assert found.bulk_modulus == pytest.approx((found.c11 + 2 * found.c12) / 3)


def test_a_cubic_crystal_has_three_constants_and_another_one_only_its_bulk_modulus(shipped):
    calculator = lambda _: shipped.calculator()  # noqa: E731
    assert response(crystal("LiCl"), calculator, cubic=True).c44 > 0
    assert response(crystal("Li3P"), calculator).c44 is None


def test_cubic_is_seen_from_the_cell():
    assert is_cubic(crystal("Li2S"))
    assert not is_cubic(crystal("Li3P"))
    assert not is_cubic(crystal("beta-Li3PS4"))


def test_a_lattice_off_by_more_than_a_percent_fails_and_says_by_how_much(shipped):
    found = CrystalResponse(-1.9, 20.0, (3.50, 3.50, 3.50), 14.0)
    result = statics._lattice("Li", found, CrystalResponse(-1.9, 20.0, (3.44,) * 3, 14.0))
    assert not result.passed
    assert "+1.74 %" in result.detail


def test_the_references_are_measured_ones_of_the_crystals():
    for name, reference in references().items():
        assert reference.bulk_modulus > 0
        published = crystal(name).cell.lengths()
        np.testing.assert_allclose(reference.lattice, published, rtol=0.05)


def test_every_crystal_gets_a_lattice_or_a_word_that_there_is_no_reference(shipped):
    results = list(statics.crystal_tests(shipped))
    for name in statics.CRYSTALS:
        mine = [r for r in results if r.name.endswith(name)]
        assert mine
        if name not in references():
            assert "no reference" in mine[0].detail


def test_the_reaction_energies_are_within_five_percent(shipped):
    for result in statics.reaction_tests(shipped):
        assert result.passed, result


def test_a_wrong_potential_fails(shrunken):
    """Without enough binding the reaction yields another energy."""
    assert any(not result.passed for result in statics.reaction_tests(shrunken))


def test_without_short_range_repulsion_squeezing_is_noticed(shipped, monkeypatch):
    """Turned upside down a potential pulls atoms together."""
    monkeypatch.setattr(statics, "COMPRESSED", ("Li", "LiCl"))
    mtp = replace(shipped.mtp, moment_coeffs=-shipped.mtp.moment_coeffs)
    results = list(statics.repulsion_tests(replace(shipped, mtp=mtp)))
    assert results
    assert not all(result.passed for result in results)


def test_the_shipped_potential_pushes_back(shipped):
    assert all(result.passed for result in statics.repulsion_tests(shipped))
