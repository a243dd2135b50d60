"""Labels from VASP: its inputs, and documents of its outputs.

VASP cannot be run here: it needs a licence. Every task document below is SYNTHETIC: its numbers
come from a Morse potential.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.units import GPa
from jobflow import run_locally
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from seicampaign.errors import LabelError
from seicampaign.jobs.reference import LabelMaker
from seicampaign.reference.documents import labelled
from seicampaign.reference.vasp import VASPSetting, vasp_static_maker
from seicampaign.store import datasets

SETTING = VASPSetting()


def mixed():
    """Elements in turn, which no POSCAR keeps."""
    atoms = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    atoms.symbols[1], atoms.symbols[3] = "P", "S"
    atoms.rattle(0.1, seed=1)
    return atoms


def morse(atoms):
    other = atoms.copy()
    other.calc = MorsePotential(r0=2.6, epsilon=0.2, rho0=4.0, rcut1=3.8, rcut2=4.8)
    return other


def synthetic(structure, *, incar=(), steps=20):
    """A document with the parts that are read, in the units and order that VASP has them."""
    atoms = morse(structure.to_ase_atoms())
    pressure = -atoms.get_stress(voigt=False) / GPa * 10
    step = SimpleNamespace(
        e_fr_energy=atoms.get_potential_energy(),
        e_0_energy=99.0,
        forces=atoms.get_forces().tolist(),
        stress=pressure.tolist(),
        num_electronic_steps=steps,
    )
    calculation = SimpleNamespace(
        input=SimpleNamespace(incar=SETTING.incar() | dict(incar)),
        output=SimpleNamespace(ionic_steps=[step]),
    )
    return SimpleNamespace(calcs_reversed=[calculation], structure=structure)


def sorted_structure(atoms):
    return AseAtomsAdaptor.get_structure(atoms).get_sorted_structure()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pymatgen.io.vasp.sets.BadInputSetWarning")
def test_the_inputs_are_those_for_metals():
    generator = vasp_static_maker(SETTING).input_set_generator
    written = generator.get_input_set(sorted_structure(mixed()), potcar_spec=True)
    wanted = {
        "ISMEAR": 0,
        "SIGMA": 0.1,
        "ENCUT": 520,
        "GGA": "Pe",
        "ISPIN": 1,
        "ISYM": 0,
        "KSPACING": 0.35,
        "KGAMMA": False,
        "LREAL": False,
        "NSW": 0,
        "NELM": 200,
    }
    assert {name: written.incar[name] for name in wanted} == wanted
    assert not {"MAGMOM", "LORBIT", "LAECHG"} & set(written.incar)
    assert written.kpoints is None  # KSPACING makes the mesh
    assert written.potcar.split() == ["Li_sv", "P", "S", "Cl"]


def test_labels_are_brought_into_ases_units_and_the_order_of_the_atoms():
    found = labelled(mixed(), synthetic(sorted_structure(mixed())), SETTING)
    truth = morse(mixed())
    assert found.get_potential_energy() == pytest.approx(truth.get_potential_energy())
    np.testing.assert_allclose(found.get_forces(), truth.get_forces(), atol=1e-10)
    np.testing.assert_allclose(found.get_stress(), truth.get_stress(), atol=1e-12)
    assert found.info["setting"] == SETTING.key()


def test_a_run_that_custodian_changed_is_of_another_setting():
    document = synthetic(sorted_structure(mixed()), incar={"ISMEAR": 1, "SIGMA": 0.2})
    found = labelled(mixed(), document, SETTING)
    assert found.calc is None
    assert found.info["refused"] == "it was run with ISMEAR = 1, the setting has 0"


def test_a_run_that_did_not_converge_is_refused():
    found = labelled(mixed(), synthetic(sorted_structure(mixed()), steps=200), SETTING)
    assert found.info["refused"] == "its SCF did not converge in 200 steps"


@pytest.mark.parametrize("what", ["moved", "strained", "another element"])
def test_a_document_of_another_structure_is_an_error(what):
    other = mixed()
    if what == "moved":
        other.positions[2] += 0.1
    elif what == "strained":
        other.set_cell(other.cell.array * 1.001, scale_atoms=True)
    else:
        other.symbols[0] = "Na"
    with pytest.raises(LabelError, match="label"):
        labelled(mixed(), synthetic(sorted_structure(other)), SETTING)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pymatgen.io.vasp.sets.BadInputSetWarning")
def test_labels_come_through_atomate2s_maker(store, tmp_path, monkeypatch):
    """Its job writes the inputs; in place of VASP, a synthetic document of what was written."""
    import atomate2.vasp.jobs.base as base
    from emmet.core.tasks import TaskDoc

    def document_of(folder, **_):
        found = synthetic(Structure.from_file(folder / "POSCAR"))
        calculation = found.calcs_reversed[0]
        step = vars(calculation.output.ionic_steps[0])
        return TaskDoc.model_construct(
            structure=found.structure,
            calcs_reversed=[
                {
                    "input": {"incar": calculation.input.incar, "parameters": {}},
                    "output": {"ionic_steps": [step]},
                }
            ],
            custodian=None,
            completed_at=None,
        )

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(base, "run_vasp", lambda **_: None)
    monkeypatch.setattr(base, "get_vasp_task_document", document_of)
    monkeypatch.setattr(base, "should_stop_children", lambda *_, **__: False)
    options = {"write_input_set_kwargs": {"potcar_spec": True}}
    atoms = mixed()
    atoms.info["origin"] = {"simulation": "a", "step": 1}
    job = LabelMaker(code="vasp", options=options).make("set", [atoms])
    run_locally(job, store=store.job_store(), create_folders=True, log=False)
    (found,) = datasets.dataset(store, "set")
    assert found.info["origin"] == {"simulation": "a", "step": 1}
    assert datasets.describe(store, "set")["setting"]["encut"] == 520.0
    truth = morse(found)
    np.testing.assert_allclose(found.get_forces(), truth.get_forces(), atol=1e-5)
    assert found.get_potential_energy() == pytest.approx(truth.get_potential_energy(), abs=1e-6)
