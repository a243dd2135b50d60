"""Frames of ab initio labelled MD: what happened in them is known from how they were made."""

from importlib.resources import files

import pytest

from seicampaign.analysis import Phase, classify_frame
from seicampaign.trajectory.sources import iread_atoms


@pytest.fixture(scope="module")
def frames():
    data = files("seicampaign.mtp") / "data" / "LiPSCl.extxyz.gz"
    return list(iread_atoms(data))


def of(frames, *words):
    chosen = [a for a in frames if any(word in a.info["origin"] for word in words)]
    assert chosen, f"the data set has no frame of {words}"
    return chosen


def test_electrolytes_at_room_temperature_are_whole(frames):
    for atoms in of(frames, "LPSC 24g 300K", "LPSC 48h 400K"):
        found = classify_frame(atoms)
        assert found.reduction_degree == 0
        assert (found.phase == Phase.ELECTROLYTE).all()


def test_the_product_that_never_melted_is_crystal(frames):
    for atoms in of(frames, "5Li2S.Li3P.LiCl 300K", "af96 V+2%", "Li3P V0 300K"):
        found = classify_frame(atoms)
        assert found.reduction_degree == 1
        assert found.crystalline_fraction == 1


def test_what_was_melted_is_not_crystal(frames):
    for atoms in of(frames, "melt/quench"):
        assert classify_frame(atoms).crystalline_fraction == 0


def test_a_contact_at_600_kelvin_is_reduced_in_a_picosecond(frames):
    early, late = (classify_frame(of(frames, f"88at 600K {t}")[0]) for t in ("t=160fs", "t=1300fs"))
    assert early.reduction_degree == 0
    assert early.residual_metal > 0
    assert late.reduction_degree == 1
    assert late.crystalline_fraction == 0
    assert late.amorphous_fraction == 1
