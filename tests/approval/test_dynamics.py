"""Tests in motion, shortened: real LAMMPS, and a potential that cannot hold atoms apart."""

from dataclasses import replace

import pytest

from seicampaign.approval import approve, dynamics
from seicampaign.errors import PotentialError
from seicampaign.mtp import load_potential, write_mtp
from seicampaign.structures import crystal


@pytest.fixture(scope="module")
def shipped():
    return load_potential("LiPSCl-level8")


@pytest.fixture
def collapsing(shipped, tmp_path):
    """A potential that pulls where it should push."""
    mtp = replace(shipped.mtp, moment_coeffs=-shipped.mtp.moment_coeffs)
    write_mtp(tmp_path / "collapsing.mtp", mtp)
    return load_potential(tmp_path / "collapsing.mtp", species=shipped.species)


def test_a_lattice_has_every_ps4_whole():
    assert (dynamics.sulfur_neighbours(crystal("Li6PS5Cl")) == 4).all()


def test_a_pair_in_a_hole_is_closer_than_any_contact_may_be():
    atoms = crystal("Li6PS5Cl", repeat=(2, 1, 1))
    assert 0.85 < dynamics.closest_pair(atoms) < 1.2
    phosphorus = atoms.symbols.indices()["P"][0]
    sulfur = atoms.get_distances(phosphorus, atoms.symbols.indices()["S"], mic=True).argmin()
    atoms.set_distance(phosphorus, atoms.symbols.indices()["S"][sulfur], 1.58, fix=0, mic=True)
    assert dynamics.closest_pair(atoms) == pytest.approx(1.58 / (1.07 + 1.05))
    assert dynamics.closest_pair(atoms) < dynamics.CONTACT_CLOSEST


def test_energy_is_conserved(shipped):
    (result,) = dynamics.nve_test(shipped, share=0.25)
    assert result.passed, result


@pytest.mark.slow
def test_a_potential_that_collapses_fails_each_run_with_a_reason(collapsing):
    (result,) = dynamics.metal_test(collapsing, share=0.02)
    assert not result.passed
    assert result.detail


@pytest.mark.slow
def test_the_same_potential_gives_the_same_approval_twice(shipped, monkeypatch):
    monkeypatch.setattr("seicampaign.approval.run.QUICK", 0.01)
    seen = []
    first = approve(shipped, quick=True, report=seen.append)
    assert list(first.results) == seen
    assert first.as_dict() == approve(shipped, quick=True).as_dict()
    assert not first.approved


def test_a_potential_without_lithium_is_refused(shipped):
    with pytest.raises(PotentialError, match="no Li"):
        approve(replace(shipped, species=("Na", "P", "S", "Cl")))
