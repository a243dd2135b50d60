"""What a round of a loop labels: candidates cut from the frames of its runs, and the choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.documents.datasets import atoms_document, atoms_of
from seicampaign.errors import StructureError
from seicampaign.reference.gates import Gates
from seicampaign.store import potentials, selections
from seicampaign.training.candidates import label_cell, pick

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.documents.learning import Exploration, LearningSpec
    from seicampaign.mtp import Potential
    from seicampaign.store import CampaignStore
    from seicampaign.store.selections import Selection

PER_RUN = 8
"""Selected configurations of one run that are looked at."""


def gather_candidates(
    store: CampaignStore,
    spec: LearningSpec,
    runs: Sequence[Exploration],
    potential: Potential,
    number: int,
) -> list[Atoms]:
    """Label cells around what the runs of a round did not know, each with where it comes from."""
    candidates = []
    for run in runs:
        found = selections.query(store, simulation_id=run.id, over=spec.threshold)
        for selection in found[:PER_RUN]:
            centre = int(np.argmax(selection.atoms.arrays["grade"]))
            try:
                cell = label_cell(selection.atoms, centre, potential, max_atoms=spec.max_atoms)
            except StructureError:
                continue
            if not _absurd(cell):
                cell.info = _origin(spec, run, selection, centre, number)
                candidates.append(cell)
    return candidates


def _absurd(cell: Atoms) -> bool:
    """Whether the gates would set its label apart for its distances: then it is not worth one."""
    named = cell.copy()
    nothing = np.zeros((len(cell), 3))
    named.calc = SinglePointCalculator(named, energy=0.0, forces=nothing)
    return bool(Gates().reasons(named))


def _origin(
    spec: LearningSpec, run: Exploration, selection: Selection, centre: int, number: int
) -> dict[str, Any]:
    """What a label says of itself: its trajectory is the run, which no split may part."""
    return {
        "kind": run.start.label_kind,
        "source": run.id,
        "origin": {
            "loop": spec.name,
            "round": number,
            "simulation": run.id,
            "what": run.title,
            "potential": selection.potential,
            "step": selection.step,
            "time_ps": selection.time,
            "atom": centre,
            "grade": selection.grade,
        },
    }


def choose(
    store: CampaignStore,
    spec: LearningSpec,
    potential: Potential,
    candidates: Sequence[Atoms],
    count: int,
) -> list[Atoms]:
    """The candidates to label, by MaxVol; the worst of all where cutting tamed every one."""
    active = potentials.load_active_set(store, potential)
    if active is None or not candidates:
        return []
    taken = pick(active, candidates, count=count, threshold=spec.threshold)
    if not taken:
        grades = [atoms.info["origin"]["grade"] for atoms in candidates]
        taken = [int(np.argmax(grades))]
    return [_bare(candidates[i]) for i in taken]


def _bare(atoms: Atoms) -> Atoms:
    """As the store keeps it, so that a label has one identity from the first."""
    return atoms_of(atoms_document(atoms))
