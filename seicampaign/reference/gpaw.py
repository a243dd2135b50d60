"""Labels from GPAW with plane waves: one setting per data set, and nothing unconverged.

GPAW is an extra of this package (``pip install seicampaign[gpaw]``) and is imported only when a
label is made.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.errors import LabelError
from seicampaign.reference.speed import choose_blas_kernels, hasten

# With one k-point off Gamma, a shorter period than this is not sampled well enough.
SHORTEST_EDGE = 9.2


@dataclass(frozen=True)
class GPAWSetting:
    """Everything that decides a label. Labels of one data set share one setting.

    Attributes
    ----------
    version
        GPAW series that makes the labels; another series is refused.
    ecut
        Plane-wave cutoff in eV.
    kpoint
        The one k-point, in units of the reciprocal vectors; for cells of 9.2 A and more.
    width
        Fermi-Dirac width in eV.
    mixer
        Mixing fraction, number of old densities, weight of long wavelengths.
    energy, density, eigenstates
        Convergence thresholds in the units of GPAW.
    bands_factor, bands_extra
        Number of bands = int(bands_factor * occupied bands) + bands_extra.
    """

    code: str = "gpaw"
    version: str = "26.7"
    xc: str = "PBE"
    ecut: float = 300.0
    kpoint: tuple[float, float, float] = (0.25, 0.25, 0.25)
    width: float = 0.1
    eigensolver: str = "rmm-diis"
    mixer: tuple[float, int, float] = (0.1, 5, 50.0)
    energy: float = 1e-4
    density: float = 1e-3
    eigenstates: float = 1e-5
    bands_factor: float = 1.05
    bands_extra: int = 14

    def key(self) -> str:
        """Short hash of the setting: labels with different keys must never be mixed."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


MOST_ITERATIONS = 100
"""Of one start; what converges takes 8 to 43 (705 labels of the package), and then this is all."""
STARTER = GPAWSetting()
"""The setting of the starter set, which every label that joins it shares."""


def calculator(
    setting: GPAWSetting, atoms: Atoms, *, txt: Path | str | None = None, basis: str | None = None
) -> Any:
    """Make the GPAW calculator of a setting.

    Parameters
    ----------
    atoms
        Decide the number of bands, and nothing else.
    txt
        GPAW's own log.
    basis
        Local orbitals of the first guess, e.g. ``"sz(dzp)"``: they change the start only.

    Raises
    ------
    LabelError
        If GPAW is missing or of another series than the setting's.
    """
    choose_blas_kernels()
    try:
        import gpaw
    except ImportError as error:
        raise LabelError(
            "GPAW is not installed here. Install it with `pip install 'seicampaign[gpaw]'` "
            "(libxc, OpenBLAS and FFTW are needed to build it)."
        ) from error
    if not gpaw.__version__.startswith(setting.version + "."):
        raise LabelError(
            f"GPAW {gpaw.__version__} is installed, the setting {setting.key()} is for "
            f"{setting.version}. Install that series or label a new data set."
        )
    hasten()
    beta, history, weight = setting.mixer
    return gpaw.GPAW(
        mode=gpaw.PW(setting.ecut),
        xc=setting.xc,
        kpts=np.array([setting.kpoint]),
        occupations=gpaw.FermiDirac(setting.width),
        eigensolver=setting.eigensolver,
        mixer=gpaw.Mixer(beta, history, weight),
        convergence={
            "energy": setting.energy,
            "density": setting.density,
            "eigenstates": setting.eigenstates,
        },
        nbands=_bands(setting, atoms),
        maxiter=MOST_ITERATIONS,
        spinpol=False,
        txt=None if txt is None else str(txt),
        **({} if basis is None else {"basis": basis}),
    )


def label(
    atoms: Atoms,
    setting: GPAWSetting = STARTER,
    *,
    txt: Path | str | None = None,
    shortest_edge: float = SHORTEST_EDGE,
) -> Atoms:
    """Label a periodic configuration: energy, forces and stress of a converged calculation.

    Returns
    -------
    Atoms
        A copy with a single-point calculator (energy force-consistent in eV, forces in eV/A,
        stress in eV/A^3 with ASE's sign), and in ``info`` the number of iterations ``n_scf``
        and ``setting``, the key of the setting.

    Raises
    ------
    LabelError
        If an edge is too short for the one k-point, if the calculation converges from neither
        of the two starts, or if a value is not finite.
    """
    edge = float(min(atoms.cell.lengths()))
    if edge < shortest_edge or not atoms.pbc.all():
        raise LabelError(
            f"{atoms.get_chemical_formula()} has a shortest edge of {edge:.2f} A with pbc "
            f"{atoms.pbc.tolist()}; one k-point needs a periodic cell with edges of "
            f"{shortest_edge} A. Use a supercell."
        )
    reasons = []
    for basis in (None, "sz(dzp)"):
        try:
            return _converge(atoms, setting, txt, basis)
        except _not_converged() as error:
            reasons.append(f"{basis or 'default start'}: {str(error).strip() or 'not converged'}")
    raise LabelError(
        f"{atoms.get_chemical_formula()} did not converge ({'; '.join(reasons)}). Look at its "
        f"shortest distances, and at the log {txt}."
    )


def _converge(
    atoms: Atoms, setting: GPAWSetting, txt: Path | str | None, basis: str | None
) -> Atoms:
    work = atoms.copy()
    work.calc = calculator(setting, atoms, txt=txt, basis=basis)
    energy = float(work.get_potential_energy(force_consistent=True))
    forces, stress = work.get_forces(), work.get_stress(voigt=True)
    if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
        raise LabelError(f"{atoms.get_chemical_formula()}: GPAW gave values that are not finite.")
    labelled = atoms.copy()
    labelled.info |= {"n_scf": int(work.calc.get_number_of_iterations()), "setting": setting.key()}
    labelled.calc = SinglePointCalculator(labelled, energy=energy, forces=forces, stress=stress)
    return labelled


def _bands(setting: GPAWSetting, atoms: Atoms) -> int:
    from gpaw.setup import create_setup

    electrons = sum(
        count * create_setup(symbol, xc=setting.xc).Nv
        for symbol, count in atoms.symbols.formula.count().items()
    )
    occupied = int(np.ceil(electrons / 2))
    return int(setting.bands_factor * occupied) + setting.bands_extra


def _not_converged() -> type[Exception]:
    from gpaw import KohnShamConvergenceError

    return KohnShamConvergenceError
