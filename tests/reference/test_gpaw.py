"""A real label, where GPAW is installed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from seicampaign.errors import LabelError
from seicampaign.reference import STARTER, label

needs_gpaw = pytest.mark.skipif(
    find_spec("gpaw") is None,
    reason="GPAW is not installed: scripts/test builds it, or says why it cannot",
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


@needs_gpaw
@pytest.mark.slow
def test_the_faster_sums_give_gpaws_own_label(tmp_path):
    """One label in a process with GPAW as it is, one with its slow places rewritten."""
    atoms = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.write(tmp_path / "atoms.xyz")
    program = (
        "import sys, ase.io, seicampaign.reference.gpaw as g\n"
        "if sys.argv[1] == 'own': g.hasten = lambda: None\n"
        "folder = sys.argv[2]\n"
        "label = g.label(ase.io.read(f'{folder}/atoms.xyz'), shortest_edge=0)\n"
        "label.write(f'{folder}/{sys.argv[1]}.xyz')\n"
    )
    for which in ("own", "faster"):
        subprocess.run([sys.executable, "-c", program, which, str(tmp_path)], check=True)
    own, faster = (ase.io.read(tmp_path / f"{which}.xyz") for which in ("own", "faster"))
    assert faster.info["n_scf"] == own.info["n_scf"]
    assert faster.get_potential_energy() == pytest.approx(own.get_potential_energy(), abs=1e-7)
    np.testing.assert_allclose(faster.get_forces(), own.get_forces(), atol=1e-6)
    np.testing.assert_allclose(faster.get_stress(), own.get_stress(), atol=1e-8)
