"""Sanity gates: what no label may have before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, field_validator


class Gates(BaseModel):
    """Limits beyond which a labelled configuration is set apart, with the reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    closest: float = Field(
        0.45,
        ge=0,
        description="Shortest distance of any pair, in sums of covalent radii. The dense cells "
        "that teach repulsion reach 0.53.",
    )
    shortest: dict[str, float] = Field(
        default_factory=dict,
        description="Shortest distance of a pair in Angstrom, where it is not `closest`: "
        "`{'P-S': 1.5}`.",
    )
    max_force: float = Field(30.0, gt=0, description="Largest force on an atom, eV/A.")

    @field_validator("shortest")
    @classmethod
    def _pairs_are_named_in_order(cls, value: dict[str, float]) -> dict[str, float]:
        wrong = [name for name in value if len(name.split("-")) != 2]
        if wrong:
            raise ValueError(f"{wrong[0]!r} names no pair: write it as 'Li-S'")
        return {_pair(*name.split("-")): distance for name, distance in value.items()}

    def reasons(self, atoms: Atoms) -> list[str]:
        """Every reason against a labelled configuration; none if it may be trained on.

        Parameters
        ----------
        atoms
            With energy and forces in its calculator. ``info["converged"]``, where there is one,
            says whether its SCF did, and ``info["refused"]`` why there is no label.
        """
        if "refused" in atoms.info:
            return [str(atoms.info["refused"])]
        found = list(_not_whole(atoms))
        if not found:  # distances and forces of a broken one mean nothing
            found += [*self._too_close(atoms), *self._too_strong(atoms)]
        if not atoms.info.get("converged", True):
            found.append("its SCF did not converge")
        return found

    def _too_close(self, atoms: Atoms) -> Iterator[str]:
        for pair, (distance, limit) in sorted(self._distances(atoms).items()):
            if distance < limit:
                yield f"{pair} {distance:.3f} A apart, the limit is {limit:.2f} A"

    def _distances(self, atoms: Atoms) -> dict[str, tuple[float, float]]:
        """The shortest distance of each pair of elements that comes near, and its limit."""
        from ase.neighborlist import neighbor_list

        symbols = np.array(atoms.get_chemical_symbols())
        limits = {
            (a, b): self._limit(a, b)
            for a, b in combinations_with_replacement(sorted(set(symbols)), 2)
        }
        i, j, distances = neighbor_list("ijd", atoms, max(limits.values()))
        shortest: dict[str, tuple[float, float]] = {}
        for (a, b), limit in limits.items():
            chosen = distances[(symbols[i] == a) & (symbols[j] == b)]
            if chosen.size:
                shortest[_pair(a, b)] = (float(chosen.min()), limit)
        return shortest

    def _limit(self, a: str, b: str) -> float:
        from ase.data import atomic_numbers, covalent_radii

        radii = covalent_radii[atomic_numbers[a]] + covalent_radii[atomic_numbers[b]]
        return self.shortest.get(_pair(a, b), self.closest * float(radii))

    def _too_strong(self, atoms: Atoms) -> Iterator[str]:
        strongest = float(np.linalg.norm(atoms.calc.results["forces"], axis=1).max())
        if strongest > self.max_force:
            yield f"a force of {strongest:.1f} eV/A, the limit is {self.max_force:g} eV/A"


def _pair(a: str, b: str) -> str:
    return "-".join(sorted((a, b)))


def _not_whole(atoms: Atoms) -> Iterator[str]:
    """What is missing, of the wrong shape or not finite."""
    results = {} if atoms.calc is None else atoms.calc.results
    shapes: dict[str, list[tuple[int, ...]]] = {
        "energy": [()],
        "forces": [(len(atoms), 3)],
        "stress": [(6,), (9,), (3, 3)],
    }
    for name, allowed in shapes.items():
        value = results.get(name)
        if value is None:
            if name != "stress":
                yield f"it has no {name}"
        elif np.shape(value) not in allowed:
            yield f"{name} of the shape {np.shape(value)}"
        elif not np.isfinite(np.asarray(value, dtype=float)).all():
            yield f"{name} not finite"
    if len(atoms) == 0:
        yield "it has no atoms"
    if results.get("stress") is not None and not (atoms.pbc.all() and atoms.cell.rank == 3):
        yield "it has a stress and is not periodic in three directions"
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        yield "positions or cell not finite"
    elif (atoms.pbc & (atoms.cell.lengths() == 0)).any():
        yield "it is periodic along a direction without a cell vector"
