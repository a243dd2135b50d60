"""Choosing what to label: the shipped potential and its own active set."""

import numpy as np
import pytest

from seicampaign.md.active import training_active_set
from seicampaign.mtp import load_potential
from seicampaign.structures import InterfaceSpec, build_interface, crystal
from seicampaign.training.candidates import extended, label_cell, pick


@pytest.fixture(scope="module")
def shipped():
    return load_potential("LiPSCl-level8")


@pytest.fixture(scope="module")
def active(shipped):
    return training_active_set(shipped)


def rattled(name, amount, seed):
    atoms = crystal(name)
    atoms.rattle(amount, seed=seed)
    return atoms


def test_what_was_added_has_no_grade_over_one(active):
    wild = rattled("LiCl", 0.6, 1)
    assert active.grades(wild).max() > 2
    assert extended(active, wild).grades(wild).max() < 1.01


def test_the_wildest_is_taken_first_and_its_twin_is_not(active):
    wild, wilder = rattled("LiCl", 0.5, 1), rattled("LiCl", 0.7, 1)
    known = rattled("LiCl", 0.05, 2)
    candidates = [known, wild, wilder, wilder.copy()]
    taken = pick(active, candidates, count=4, threshold=2.0)
    first = int(np.argmax([active.grades(c).max() for c in candidates]))
    assert taken[0] == first
    assert not {2, 3} <= set(taken)
    assert 0 not in taken


def test_no_more_than_asked_for(active):
    candidates = [rattled("LiCl", 0.6, seed) for seed in range(4)]
    assert len(pick(active, candidates, count=2, threshold=2.0)) == 2
    assert pick(active, candidates, count=0, threshold=2.0) == []


def test_a_label_cell_keeps_its_neighbourhood_and_calms_its_faces(shipped):
    frame = build_interface(InterfaceSpec(electrolyte="Li6PS5Cl"))
    frame.rattle(0.1, seed=3)
    raw = label_cell(frame, 450, shipped, settle=False)
    cell = label_cell(frame, 450, shipped)
    kept = cell.arrays["kept"]
    np.testing.assert_allclose(cell.positions[kept], raw.positions[kept])
    raw.calc, cell.calc = shipped.calculator(), shipped.calculator()
    outside = np.abs(raw.get_forces()[~kept]).max(), np.abs(cell.get_forces()[~kept]).max()
    assert outside[1] <= outside[0]
