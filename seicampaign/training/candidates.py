"""Which configurations are worth a label: cut out, settled, and chosen by their grades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.optimize import FIRE

from seicampaign.errors import StructureError
from seicampaign.mtp import Potential
from seicampaign.mtp.grade import ActiveSet, basis_vectors
from seicampaign.structures.cutting import KEPT, SOURCE, cut_cell

SETTLE_STEPS = 30
SETTLE_FORCE = 1.0
MOST = 1.0 + 1e-3
JUDGED = "judged"
"""Array of a candidate: the atoms whose grades count. Those near a new face are no atoms of MD."""


def label_cell(
    frame: Atoms, centre: int, potential: Potential, *, max_atoms: int = 110, settle: bool = True
) -> Atoms:
    """A label cell around an atom of a frame, the atoms at new faces settled a little.

    Parameters
    ----------
    settle
        Whether atoms outside the neighbourhood may give way to those they meet across a face: a
        few steps down the potential's forces. A frame that is small already is left as it is.

    Raises
    ------
    StructureError
        As `seicampaign.structures.cutting.cut_cell`; the neighbourhood is then cut narrower, down
        to 4 A, before this is raised.
    """
    for radius in (5.0, 4.5, 4.0):
        try:
            cell = cut_cell(frame, centre, radius=radius, max_atoms=max_atoms)
            break
        except StructureError:
            if radius == 4.0:
                raise
    if settle and len(cell) < len(frame):
        cell.set_constraint(FixAtoms(mask=cell.arrays[KEPT]))
        cell.calc = potential.calculator()
        FIRE(cell, logfile=None, maxstep=0.05).run(fmax=SETTLE_FORCE, steps=SETTLE_STEPS)
        cell.set_constraint()
        cell.calc = None
    judged = cell.arrays[SOURCE] == centre if len(cell) < len(frame) else np.full(len(cell), True)
    cell.set_array(JUDGED, judged)
    return cell


def extended(chosen: ActiveSet, atoms: Atoms, index: int = -1) -> ActiveSet:
    """The active set after the atoms of one more configuration have taken what rows they can.

    Parameters
    ----------
    index
        What the set says the configuration's rows come from.
    """
    candidates = basis_vectors(chosen.mtp, chosen.species, atoms)
    rows, origins = chosen.rows.copy(), chosen.origins.copy()
    while True:
        coefficients = candidates @ np.linalg.inv(rows)
        i, j = np.unravel_index(np.abs(coefficients).argmax(), coefficients.shape)
        if not abs(coefficients[i, j]) > MOST:
            return ActiveSet(chosen.mtp, chosen.species, rows, origins)
        rows[j], origins[j] = candidates[i], (index, int(i))


def pick(
    chosen: ActiveSet, candidates: Sequence[Atoms], *, count: int, threshold: float
) -> list[int]:
    """The candidates that teach most, one after the other.

    Each time the one with the highest grade is taken and its atoms join the active set, so that
    what is like it is not taken again; until no grade is over the threshold.

    Parameters
    ----------
    chosen
        The active set of what is labelled already.
    count
        The most to take.
    threshold
        Grade that a candidate must be over to be worth a label.

    Returns
    -------
    list of int
        Indices, in the order they were taken.
    """
    taken: list[int] = []
    while len(taken) < count:
        left = [i for i in range(len(candidates)) if i not in taken]
        grades = [_grade(chosen, candidates[i]) for i in left]
        if not grades or max(grades) <= threshold:
            break
        best = left[int(np.argmax(grades))]
        taken.append(best)
        chosen = extended(chosen, candidates[best], best)
    return taken


def _grade(chosen: ActiveSet, atoms: Atoms) -> float:
    """The largest grade of the atoms that count."""
    grades = chosen.grades(atoms)
    return float(grades[atoms.arrays[JUDGED]].max() if JUDGED in atoms.arrays else grades.max())
