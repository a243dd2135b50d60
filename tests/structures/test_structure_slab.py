import numpy as np
import pytest

from seicampaign.errors import StructureError
from seicampaign.structures import record
from seicampaign.structures.charges import mean_charges
from seicampaign.structures.checks import check_overlap, check_polyanions
from seicampaign.structures.sites import conventional_sites
from seicampaign.structures.slab import cuts, layer_dipole, plane_basis, surface_cell


@pytest.mark.parametrize("plane", [(1, 1, 0), (1, 0, 0), (1, 1, 1), (2, 1, 0), (1, -1, 2)])
def test_a_plane_basis_is_unimodular_and_lies_in_its_plane(plane):
    cell = np.diag([7.7, 6.5, 6.1])
    basis = plane_basis(cell, plane)
    assert np.linalg.det(basis) == pytest.approx(1)
    assert np.array_equal(basis @ plane, [0, 0, 1])


def test_the_only_cut_of_the_argyrodite_that_keeps_ps4_whole():
    sites = conventional_sites(record("Li6PS5Cl"))
    layer = surface_cell(sites, plane_basis(np.asarray(sites.cell), (1, 1, 0)))
    assert layer.cell.lengths()[:2] == pytest.approx([10.28, 10.28 * np.sqrt(2)])
    assert layer.cell[2, 2] == pytest.approx(10.28 / np.sqrt(2))
    charges = mean_charges(record("Li6PS5Cl"), layer)
    best = cuts(layer, charges)[0]
    assert best % (10.28 / np.sqrt(8)) == pytest.approx(10.28 / (4 * np.sqrt(2)), abs=0.05)
    assert layer_dipole(layer, charges, best) == pytest.approx(0, abs=1e-3)


def test_broken_and_overlapping_structures_are_refused():
    atoms = conventional_sites(record("gamma-Li3PS4"))
    check_polyanions(atoms, 8, "It")
    check_overlap(atoms, "It")
    sulfur = int(np.flatnonzero(atoms.numbers == 16)[0])
    atoms.positions[sulfur] += 1.0
    with pytest.raises(StructureError, match="8: some are broken"):
        check_polyanions(atoms, 8, "It")
    atoms.positions[sulfur] = atoms.positions[0] + 0.3
    with pytest.raises(StructureError, match=r"overlapping atoms.*A apart"):
        check_overlap(atoms, "It")
