"""Lattice and elastic response of a crystal, by the same steps with any ASE calculator.

What is asked of a potential is asked of the reference method in the same way, so that the two
differ in the method alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.filters import UnitCellFilter
from ase.optimize import LBFGS
from numpy.typing import NDArray

from seicampaign.errors import StructureError

STRAIN = 0.01
FORCE = 0.01
STEPS = 300
CUBIC = 1e-3
FAR = 2.0

CalculatorFactory = Callable[[Atoms], Any]
"""Makes the calculator of a structure: some need to know the cell, others ignore it."""


@dataclass(frozen=True)
class CrystalResponse:
    """A crystal at rest and under small strains.

    Attributes
    ----------
    energy
        eV per atom.
    volume
        Angstrom^3 per atom.
    lattice
        Edges of the cell that was relaxed, Angstrom.
    bulk_modulus
        GPa.
    c11, c12, c44
        GPa; None where the crystal is not cubic or they were not asked for.
    """

    energy: float
    volume: float
    lattice: tuple[float, float, float]
    bulk_modulus: float
    c11: float | None = None
    c12: float | None = None
    c44: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def response(
    atoms: Atoms, calculator: CalculatorFactory, *, cubic: bool = False, force: float = FORCE
) -> CrystalResponse:
    """Relax a crystal, strain it both ways, and take the differences of its stress.

    The ions relax under each strain. Nothing breaks the symmetry of the start: a crystal on a
    saddle stays on it.

    Parameters
    ----------
    atoms
        The crystal; cubic axes along x, y, z where the three constants are asked for.
    calculator
        Makes the calculator.
    cubic
        Whether to take C11, C12 and C44; the bulk modulus is then (C11 + 2 C12) / 3.
    force
        Largest force (eV/Angstrom) of a relaxed structure.

    Raises
    ------
    StructureError
        If a structure does not relax.
    """
    rest = relaxed(atoms, calculator, cell=True, force=force)
    found: dict[str, Any] = {
        "energy": float(rest.get_potential_energy(force_consistent=True)) / len(rest),
        "volume": float(rest.get_volume()) / len(rest),
        "lattice": tuple(float(x) for x in rest.cell.lengths()),
    }
    if not cubic:
        change = _slope(rest, calculator, STRAIN * np.eye(3), force)
        return CrystalResponse(bulk_modulus=float(change[:3].mean() / 3), **found)
    stretch = _slope(rest, calculator, STRAIN * np.diag([1.0, 0.0, 0.0]), force)
    shear = np.zeros((3, 3))
    shear[1, 2] = shear[2, 1] = STRAIN / 2
    c11, c12 = float(stretch[0]), float(stretch[1:3].mean())
    c44 = float(_slope(rest, calculator, shear, force)[3])
    bulk = (c11 + 2 * c12) / 3
    return CrystalResponse(bulk_modulus=bulk, c11=c11, c12=c12, c44=c44, **found)


def _slope(
    rest: Atoms, calculator: CalculatorFactory, strain: NDArray[np.float64], force: float
) -> NDArray[np.float64]:
    """Change of the stress (xx, yy, zz, yz, xz, xy; GPa) per unit of a strain's amplitude."""
    up, down = (
        relaxed(_strained(rest, sign * strain), calculator, cell=False, force=force).get_stress()
        for sign in (1, -1)
    )
    return np.asarray((up - down) / (2 * STRAIN) / units.GPa)


def _strained(atoms: Atoms, strain: NDArray[np.float64]) -> Atoms:
    changed = _bare(atoms)
    changed.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return changed


def relaxed(
    atoms: Atoms,
    calculator: CalculatorFactory,
    *,
    cell: bool,
    force: float = FORCE,
    steps: int = STEPS,
) -> Atoms:
    """The nearest minimum of a structure, with its calculator.

    Raises
    ------
    StructureError
        If it is not reached within `steps`, or the cell collapses or flies apart.
    """
    work = _bare(atoms)
    work.calc = calculator(work)
    search = LBFGS(UnitCellFilter(work) if cell else work, logfile=None)
    for converged in search.irun(fmax=force, steps=steps):
        if converged:
            return work
        change = work.get_volume() / atoms.get_volume()
        if not 1 / FAR < change < FAR:
            raise StructureError(
                f"{atoms.get_chemical_formula()} relaxes to {change:.2f} of its volume: it does "
                "not hold together."
            )
    raise StructureError(
        f"{atoms.get_chemical_formula()} does not relax to {force} eV/A in {steps} steps."
    )


def _bare(atoms: Atoms) -> Atoms:
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def is_cubic(atoms: Atoms) -> bool:
    """Whether the axes are of one length and at right angles, along x, y and z."""
    cell = atoms.cell.array
    return bool(np.abs(cell - cell[0, 0] * np.eye(3)).max() < CUBIC * cell[0, 0])
