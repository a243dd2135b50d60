"""Labels from CP2K, through atomate2's inputs and runner: one setting, nothing unconverged.

The program and its data are free (Debian: cp2k, cp2k-data).
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import Bohr, GPa, Hartree

from seicampaign.errors import LabelError
from seicampaign.reference.settings import setting_key

if TYPE_CHECKING:
    from ase import Atoms
    from atomate2.cp2k.sets.core import StaticSetGenerator
    from pymatgen.core import Structure

KELVIN_PER_EV = 11604.518


@dataclass(frozen=True)
class CP2KSetting:
    """Everything that decides a label from CP2K.

    atomate2's own set is for molecules and insulators: two spins, orbital transformation at Gamma,
    auxiliary bases for hybrids, no smearing to speak of. None of it is taken over.

    Attributes
    ----------
    cutoff, relative_cutoff
        Of the density's grids in Ry.
    kpoint
        The one k-point, in units of the reciprocal vectors; for cells of 9 A and more.
    width
        Fermi-Dirac width in eV.
    eps_scf
        Convergence of the density matrix.
    mixing
        Share of the new density.
    max_scf
        Steps after which a calculation counts as not converged.
    basis, potential
        By element, out of the files that are named.
    """

    code: str = "cp2k"
    xc: str = "PBE"
    cutoff: float = 500.0
    relative_cutoff: float = 60.0
    kpoint: tuple[float, float, float] = (0.25, 0.25, 0.25)
    width: float = 0.1
    eps_scf: float = 1e-6
    eps_default: float = 1e-12
    mixing: float = 0.1
    max_scf: int = 200
    basis_file: str = "BASIS_MOLOPT"
    potential_file: str = "GTH_POTENTIALS"
    basis: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(("Li", "P", "S", "Cl"), "DZVP-MOLOPT-SR-GTH")
    )
    potential: dict[str, str] = field(
        default_factory=lambda: {
            "Li": "GTH-PBE-q3",
            "P": "GTH-PBE-q5",
            "S": "GTH-PBE-q6",
            "Cl": "GTH-PBE-q7",
        }
    )

    def key(self) -> str:
        """Short hash of the setting: labels with different keys must never be mixed."""
        return setting_key(asdict(self))

    def inputs(self) -> dict[str, Any]:
        """What atomate2's generator makes the input from, in full."""
        kinds = {
            element: {"basis": name, "potential": self.potential[element], "aux_basis": None}
            for element, name in self.basis.items()
        }
        printed = ("dos", "pdos", "mo_cubes", "v_hartree", "e_density", "bandstructure")
        return {
            "basis_and_potential": {
                **kinds,
                "basis_filenames": [self.basis_file],
                "potential_filename": self.potential_file,
            },
            "xc_functionals": self.xc,
            "spin_polarized": False,
            "ot": False,
            "smearing": True,
            "elec_temp": round(self.width * KELVIN_PER_EV, 2),
            "alpha": self.mixing,
            "cutoff": self.cutoff,
            "rel_cutoff": self.relative_cutoff,
            "eps_scf": self.eps_scf,
            "eps_default": self.eps_default,
            **{f"print_{name}": False for name in printed},
            "override_default_params": {
                "FORCE_EVAL": {
                    "STRESS_TENSOR": "ANALYTICAL",
                    "DFT": {
                        "SCF": {"MAX_SCF": self.max_scf, "ADDED_MOS": -1},
                        # pymatgen's own section loses the one point of a general scheme
                        "KPOINTS": {
                            "SCHEME": "GENERAL",
                            "KPOINT": " ".join(f"{x:g}" for x in (*self.kpoint, 1.0)),
                        },
                    },
                }
            },
        }


OUTPUT = "cp2k.out"


def run_cp2k_label(structure: Structure, setting: CP2KSetting, command: str) -> Atoms:
    """Label a structure in the current directory.

    atomate2 writes the input and runs CP2K. What it would do next is left out: custodian mends a
    run by changing its input, which is another setting, and atomate2's task document cannot read
    a calculation without spin.

    Raises
    ------
    LabelError
        If CP2K fails, or its SCF does not converge.
    """
    from atomate2.cp2k.files import write_cp2k_input_set
    from atomate2.cp2k.run import JobType, run_cp2k

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unable to validate")  # names of bases are as meant
        write_cp2k_input_set(structure, input_generator(setting))
    run_cp2k(job_type=JobType.DIRECT, cp2k_cmd=f"{command} -i cp2k.inp -o {OUTPUT}")
    return read_output(Path.cwd() / OUTPUT, structure, setting)


def input_generator(setting: CP2KSetting) -> StaticSetGenerator:
    """atomate2's generator of static inputs, with nothing but the setting."""
    from atomate2.cp2k.sets.core import StaticSetGenerator

    return StaticSetGenerator(
        config_dict={"cp2k_input": setting.inputs(), "KPOINTS": None}, sort_structure=False
    )


def read_output(path: Path, structure: Structure, setting: CP2KSetting) -> Atoms:
    """The labels of a CP2K output file.

    Raises
    ------
    LabelError
        If it is not that of a whole and converged calculation.
    """
    from ase.calculators.singlepoint import SinglePointCalculator
    from pymatgen.io.cp2k.outputs import Cp2kOutput

    said = path.read_text(errors="replace") if path.is_file() else ""
    if "PROGRAM ENDED AT" not in said:
        end = "\n".join(said.strip().splitlines()[-15:]) or "(nothing)"
        raise LabelError(f"CP2K did not end well in {path.parent}. The end of its output:\n{end}")
    if "SCF run converged" not in said or "SCF run NOT converged" in said:
        raise LabelError(f"its SCF did not converge in {setting.max_scf} steps")
    data = Cp2kOutput(path, auto_load=True).data
    atoms = structure.to_ase_atoms()
    stress = -np.array(data["stress_tensor"][-1]) * GPa  # CP2K's is positive under pressure
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=float(data["total_energy"][-1]),
        forces=np.array(data["forces"][-1]) * Hartree / Bohr,
        stress=stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
    )
    return atoms
