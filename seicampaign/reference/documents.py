"""Labels out of task documents: what atomate2's makers return, checked and brought to one form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa
from numpy.typing import NDArray

from seicampaign.errors import LabelError, unknown

if TYPE_CHECKING:
    from pymatgen.core import Structure

SAME_PLACE = 1e-3
"""Angstrom: how far an atom of a label may be from the atom that was to be labelled."""

KILOBAR = -0.1 * GPa
"""eV/A^3 in ASE's sign, for a kilobar in VASP's."""

REFUSED = "refused"


def labelled(atoms: Atoms, document: Any, setting: Any, last_words: str | None = None) -> Atoms:
    """A configuration with the labels of a task document.

    Parameters
    ----------
    atoms
        What was to be labelled; its ``info`` is kept.
    document
        The task document of a static maker, or None if its job died.
    setting
        What the maker was told to do.
    last_words
        What is known of a job that died.

    Returns
    -------
    Atoms
        With energy (eV, force-consistent), forces (eV/A) and stress (eV/A^3) in its calculator
        and ``info["setting"]``. A calculation that failed gives no labels but
        ``info["refused"]``, the reason, for the gates to set it apart.

    Raises
    ------
    LabelError
        If the document is of another structure.
    """
    found = atoms.copy()
    found.info["setting"] = setting.key()
    if document is None:
        failed = "its label job died or was killed"
        found.info[REFUSED] = f"its label job failed: {last_words}" if last_words else failed
        return found
    if setting.code not in _READERS:
        raise LabelError(unknown("reference code", setting.code, _READERS))
    results, reason = _READERS[setting.code](document, setting)
    if reason:
        found.info[REFUSED] = reason
        return found
    order = _places(atoms, document.structure)
    results["forces"] = np.asarray(results["forces"])[order]
    found.calc = SinglePointCalculator(found, **results)
    return found


Results = tuple[dict[str, Any], str | None]
"""Labels, and the reason against them if there is one."""


def _ase(document: Any, setting: Any) -> Results:
    """A document of `GPAWStaticMaker` or `CP2KStaticMaker`: its tag is the reason or the key."""
    if document.output is None or document.output.forces is None:
        return {}, next(iter(document.tags or []), "the calculation gave no forces")
    return _results(document.output.energy, document.output.forces, document.output.stress), None


def _vasp(document: Any, setting: Any) -> Results:
    """Labels of a task document of atomate2, or the reason against them.

    The energy is the free energy, which is what forces are derivatives of. Custodian mends a run
    that fails by changing its INCAR: such a label belongs to another setting and is refused.
    """
    calculation = document.calcs_reversed[0]
    step = calculation.output.ionic_steps[-1]
    used = calculation.input.incar or {}
    wanted = setting.incar()
    for name in ("ENCUT", "GGA", "ISMEAR", "SIGMA", "KSPACING", "ISPIN", "PREC", "LREAL"):
        if name in used and _text(used[name]) != _text(wanted[name]):
            return {}, f"it was run with {name} = {used[name]}, the setting has {wanted[name]}"
    if (step.num_electronic_steps or 0) >= setting.nelm:
        return {}, f"its SCF did not converge in {setting.nelm} steps"
    return _results(step.e_fr_energy, step.forces, step.stress), None


def _text(value: Any) -> str:
    """Values as they compare in an INCAR: 520 and 520.0 are one, and so are PE and Pe."""
    return f"{float(value):g}" if isinstance(value, int | float) else str(value).upper()


def _results(energy: float, forces: Any, stress: Any) -> dict[str, Any]:
    """Labels for ASE; stress comes as a matrix in kbar with VASP's sign."""
    results: dict[str, Any] = {"energy": float(energy), "forces": np.asarray(forces, dtype=float)}
    if stress is not None:
        matrix = np.asarray(stress, dtype=float) * KILOBAR
        results["stress"] = matrix[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    return results


_READERS: dict[str, Callable[[Any, Any], Results]] = {"gpaw": _ase, "vasp": _vasp, "cp2k": _ase}


def _places(atoms: Atoms, structure: Structure) -> NDArray[np.int64]:
    """For each atom its place in a structure that may be sorted in another way."""
    numbers = np.array([site.specie.Z for site in structure])
    if sorted(numbers) != sorted(atoms.numbers):
        raise LabelError(
            f"The label is of {structure.composition.formula}, not of "
            f"{atoms.get_chemical_formula()}: a task document was mixed up."
        )
    shares = np.linalg.solve(atoms.cell.array.T, atoms.positions.T).T
    apart = shares[:, None] - structure.frac_coords[None]
    apart -= np.round(apart)
    distances = np.linalg.norm(apart @ atoms.cell.array, axis=2)
    distances[atoms.numbers[:, None] != numbers[None]] = np.inf
    places = distances.argmin(axis=1)
    strayed = float(distances.min(axis=1).max())
    bent = float(np.abs(structure.lattice.matrix - atoms.cell.array).max())
    if max(strayed, bent) > SAME_PLACE or len(set(places)) < len(atoms):
        raise LabelError(
            f"The label of {atoms.get_chemical_formula()} is of another structure: an atom is "
            f"{strayed:.4f} A away, the cell {bent:.4f} A off. Labels are of static calculations."
        )
    return places
