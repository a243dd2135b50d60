"""A real label, where GPAW is installed."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from ase.build import bulk

from seicampaign.errors import LabelError
from seicampaign.reference import STARTER, label

needs_gpaw = pytest.mark.skipif(
    find_spec("gpaw") is None,
    reason="GPAW is not installed: pip install 'seicampaign[gpaw]' (see docs/validation.md)",
)


def test_a_changed_setting_has_another_key():
    assert STARTER.key() == "ef6e9855b855"
    assert replace(STARTER, ecut=400.0).key() != STARTER.key()


def test_a_short_cell_is_refused_before_any_calculation():
    with pytest.raises(LabelError, match="edge"):
        label(bulk("Li", "bcc", a=3.44))


@needs_gpaw
def test_another_gpaw_series_is_refused():
    with pytest.raises(LabelError, match="installed"):
        label(bulk("Li", "bcc", a=3.44), replace(STARTER, version="1.0"), shortest_edge=0)


@needs_gpaw
@pytest.mark.slow
def test_a_label_has_energy_forces_and_stress(tmp_path):
    atoms = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    atoms.positions[1] += 0.3
    labelled = label(atoms, shortest_edge=0, txt=tmp_path / "log.txt")
    forces = labelled.get_forces()
    assert labelled.info["setting"] == STARTER.key()
    assert labelled.info["n_scf"] > 1
    # An ion moved along [111] is pulled back, and what it pulls at leaves no net force.
    assert (forces[1] < -0.3).all()
    np.testing.assert_allclose(forces.sum(axis=0), 0.0, atol=0.1)
    assert labelled.get_stress().shape == (6,)


@needs_gpaw
@pytest.mark.slow
def test_a_calculation_that_does_not_converge_is_refused(tmp_path):
    impossible = replace(STARTER, density=1e-30, ecut=100.0)
    with pytest.raises(LabelError, match="did not converge"):
        label(bulk("Li", "bcc", a=3.44), impossible, shortest_edge=0, txt=tmp_path / "log.txt")
