from dataclasses import replace

import numpy as np
import pytest
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.io.ase import AseAtomsAdaptor

from seicampaign.errors import StructureError
from seicampaign.structures import crystal, record
from seicampaign.structures.charges import OXIDATION
from seicampaign.structures.library import Site
from seicampaign.structures.neighbours import neighbour_pairs
from seicampaign.structures.occupation import occupy
from seicampaign.structures.sites import conventional_sites

DISORDERED = ["Li6PS5Cl-48h", "Li6PS5Cl-disordered", "Li5.5PS4.5Cl1.5", "Li7PS6", "Li6PS5I"]


@pytest.mark.parametrize("name", DISORDERED)
def test_a_block_is_neutral_and_no_two_lithiums_share_a_place(name):
    atoms = crystal(name, seed=5, repeat=(2, 2, 2))
    assert sum(OXIDATION[s] for s in atoms.symbols) == 0
    lithium = atoms.numbers == 3
    assert neighbour_pairs(atoms, 3.0, lithium, lithium)[2].min() > 2.2
    assert neighbour_pairs(atoms, 3.5, lithium, ~lithium)[2].min() > 2.3


@pytest.mark.parametrize("name", DISORDERED)
def test_a_seed_decides_the_draw(name):
    one, again, other = (crystal(name, seed=s, repeat=(2, 1, 1)) for s in (7, 7, 8))
    assert np.array_equal(one.numbers, again.numbers)
    assert np.array_equal(one.positions, again.positions)
    assert not np.array_equal(one.positions, other.positions)


def test_a_supercell_is_not_a_copy_of_its_cell():
    block = crystal("Li6PS5Cl-disordered", seed=1, repeat=(2, 1, 1))
    half = block.cell[0, 0] / 2
    left, right = (
        {(*np.round(a.position % [half, 99, 99], 3), a.symbol) for a in block if test(a.position)}
        for test in (lambda p: p[0] < half - 1e-6, lambda p: p[0] >= half - 1e-6)
    )
    assert left != right


def test_the_stated_share_of_sulfur_sits_on_the_chlorine_site():
    atoms = crystal("Li6PS5Cl-disordered", seed=2, repeat=(4, 4, 4))
    quarters = np.round(atoms.get_scaled_positions() * 16).astype(int)
    on_4a = np.all(quarters % 2 == 0, axis=1) & (quarters.sum(axis=1) % 4 == 0)
    on_4a &= np.isin(atoms.numbers, (16, 17))
    on_4a &= np.all(np.abs(atoms.get_scaled_positions() * 16 - quarters) < 1e-3, axis=1)
    assert np.sum(on_4a) == 256
    assert np.mean(atoms.numbers[on_4a] == 16) == pytest.approx(0.615, abs=0.005)


def test_annealed_lithium_beats_a_blind_draw_by_a_true_ewald_sum():
    def ewald(atoms):
        structure = AseAtomsAdaptor.get_structure(atoms)
        structure.add_oxidation_state_by_element({k: OXIDATION[k] for k in ("Li", "P", "S", "Cl")})
        return EwaldSummation(structure).total_energy

    sites = conventional_sites(record("Li6PS5Cl-48h"))
    random = np.random.default_rng(0)
    rest, lithium = sites[sites.numbers != 3], sites[sites.numbers == 3]
    blind = min(
        ewald(rest + lithium[random.permutation(len(lithium))[: len(lithium) // 2]])
        for _ in range(8)
    )
    assert max(ewald(crystal("Li6PS5Cl-48h", seed=s)) for s in range(2)) < blind


def test_a_block_must_hold_whole_atoms():
    crystal_ = record("Li5.5PS4.5Cl1.5")
    odd = replace(crystal_, formula="Li5.3PS4.3Cl1.7")
    with pytest.raises(StructureError, match="not a whole number"):
        occupy(odd, conventional_sites(odd), 0)


def test_a_charged_formula_is_refused():
    charged = replace(record("Li6PS5Cl-48h"), formula="Li6PS5Cl2")
    with pytest.raises(StructureError, match="not neutral"):
        occupy(charged, conventional_sites(charged), 0)


def test_an_element_without_a_charge_is_refused():
    good = record("Li6PS5Cl-48h")
    sites = (Site("4a", ((0.0, 0.0, 0.0),), (("Xe", 0.5),)), *good.sites[1:])
    strange = replace(good, formula="Li6PS5Xe0.5", sites=sites)
    with pytest.raises(StructureError, match="Xe, whose charge"):
        occupy(strange, conventional_sites(strange), 0)
