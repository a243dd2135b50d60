"""Labels from CP2K: the input that is written, how its output is read, and real ones."""

import shutil

import numpy as np
import pytest
from ase.build import bulk
from jobflow import run_locally
from pymatgen.io.ase import AseAtomsAdaptor

from seicampaign.errors import LabelError
from seicampaign.jobs.reference import LabelMaker
from seicampaign.reference.cp2k import CP2KSetting, input_generator, read_output
from seicampaign.reference.documents import labelled
from seicampaign.store import datasets

needs_cp2k = pytest.mark.skipif(
    shutil.which("cp2k.psmp") is None,
    reason="CP2K is not installed (Debian: apt-get install cp2k cp2k-data)",
)


def lithium():
    """Compressed, so that the stress is large."""
    atoms = bulk("Li", "bcc", a=3.1, cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms


@pytest.fixture
def structure():
    atoms = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    atoms.symbols[1], atoms.symbols[3] = "P", "S"
    return AseAtomsAdaptor.get_structure(atoms).get_sorted_structure()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Unable to validate")
def test_the_input_is_one_for_metals(structure):
    written = str(input_generator(CP2KSetting()).get_input_set(structure).cp2k_input)
    lines = {" ".join(line.split()) for line in written.splitlines()}
    assert {
        "UKS False",
        "METHOD FERMI_DIRAC",
        "ELEC_TEMP 1160.45",
        "KPOINT 0.25 0.25 0.25 1",
        "STRESS_TENSOR ANALYTICAL",
        "CUTOFF 500.0",
        "POTENTIAL GTH-PBE-q3",
        "POTENTIAL GTH-PBE-q6",
        "&PBE",
    } <= lines
    assert "&OT" not in written and "ADMM" not in written and "AUX" not in written


def test_settings_that_differ_have_other_keys():
    assert CP2KSetting().key() == CP2KSetting(kpoint=[0.25, 0.25, 0.25]).key()
    assert CP2KSetting(width=0.2).key() != CP2KSetting().key()


def test_an_output_that_is_cut_off_or_not_converged_is_refused(structure, tmp_path):
    path = tmp_path / "cp2k.out"
    with pytest.raises(LabelError, match="nothing"):
        read_output(path, structure, CP2KSetting())
    path.write_text("SCF run converged in 12 steps\n")
    with pytest.raises(LabelError, match="did not end well"):
        read_output(path, structure, CP2KSetting())
    path.write_text("*** WARNING: SCF run NOT converged ***\n PROGRAM ENDED AT 2026\n")
    with pytest.raises(LabelError, match="did not converge in 200 steps"):
        read_output(path, structure, CP2KSetting())


@needs_cp2k
@pytest.mark.slow
def test_a_real_label_has_the_forces_and_the_stress_of_its_energy(store, tmp_path, monkeypatch):
    """Moved along its forces and strained at once, the energy changes by what both say."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    maker = LabelMaker(code="cp2k", setting={"cutoff": 300.0})

    def label(frames):
        job = maker.make("Li", frames)
        run_locally(job, store=store.job_store(), create_folders=True, log=False)

    label([lithium()])
    (found,) = datasets.dataset(store, "Li")
    forces, length, strain = found.get_forces(), 0.02, 0.004
    moved = []
    for sign in (1, -1):
        atoms = lithium()
        atoms.positions += sign * length * forces
        atoms.set_cell(atoms.cell.array * (1 + sign * strain), scale_atoms=True)
        atoms.info["sign"] = sign
        moved.append(atoms)
    label(moved)
    energy = {a.info.get("sign"): a.get_potential_energy() for a in datasets.dataset(store, "Li")}
    work = -length * (forces**2).sum()
    squeeze = strain * found.get_stress()[:3].sum() * found.get_volume()
    assert min(abs(work), abs(squeeze)) > 0.2 * max(abs(work), abs(squeeze))
    assert (energy[1] - energy[-1]) / 2 == pytest.approx(work + squeeze, rel=0.05)


@needs_cp2k
@pytest.mark.slow
def test_a_calculation_that_does_not_converge_is_set_apart(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    maker = LabelMaker(code="cp2k", setting={"max_scf": 2, "cutoff": 200.0})
    job = maker.make("Li", [lithium()])
    run_locally(job, store=store.job_store(), create_folders=True, log=False)
    (document,) = datasets.quarantined(store, "Li")
    assert document["reasons"] == ["its SCF did not converge in 2 steps"]


def test_a_label_whose_job_died_has_no_labels():
    found = labelled(lithium(), None, CP2KSetting())
    assert found.calc is None and "killed" in found.info["refused"]
    np.testing.assert_array_equal(found.positions, lithium().positions)
