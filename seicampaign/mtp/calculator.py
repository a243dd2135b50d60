"""Energies, forces and stresses of configurations: an ASE calculator and a batch evaluator."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_numbers, chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from seicampaign.errors import PotentialError, StructureError, unknown
from seicampaign.mtp.model import MTP
from seicampaign.mtp.native import Plan, library, plan


@dataclass(frozen=True)
class Evaluation:
    """What a potential says of one configuration of N atoms.

    Parameters
    ----------
    energies
        float64 (N,), of each atom, eV.
    forces
        float64 (N, 3), eV/Angstrom.
    virial
        float64 (3, 3), eV: minus the derivative of the energy by strain. A third of its trace over
        the volume is the pressure without kinetic part.
    """

    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    virial: NDArray[np.float64]

    @property
    def energy(self) -> float:
        """Potential energy, eV."""
        return float(self.energies.sum())


def species_index(atoms: Atoms, species: Sequence[str]) -> NDArray[np.int32]:
    """Index into `species` of each atom, int32 (N,).

    Raises
    ------
    PotentialError
        If an element is not among `species`.
    """
    lookup = np.full(len(chemical_symbols), -1, dtype=np.int32)
    for index, symbol in enumerate(species):
        if symbol not in atomic_numbers:
            raise PotentialError(unknown("element", symbol, chemical_symbols[1:]))
        lookup[atomic_numbers[symbol]] = index
    types = lookup[atoms.numbers]
    if (types < 0).any():
        lacking = sorted({chemical_symbols[z] for z in atoms.numbers[types < 0]})
        raise PotentialError(
            f"The potential knows {', '.join(species)}, not {', '.join(lacking)}, which the "
            "structure has."
        )
    return types


def check_species(mtp: MTP, species: Sequence[str]) -> tuple[str, ...]:
    """The species as a tuple, if they are as many as the potential has and all different.

    Raises
    ------
    PotentialError
        If they are not.
    """
    if len(species) != mtp.species_count or len(set(species)) != len(species):
        raise PotentialError(
            f"The potential has {mtp.species_count} species: {len(species)} elements were "
            f"named for them ({', '.join(species)}), which must be as many and all different."
        )
    return tuple(species)


def native_call(
    function: Callable[..., int],
    handles: Sequence[Any],
    species: Sequence[str],
    atoms: Atoms,
    *outputs: NDArray[np.float64],
) -> Evaluation:
    """Call a function of the kernel that evaluates one configuration and gives `outputs` besides.

    Raises
    ------
    StructureError
        With the kernel's reason.
    """
    n = len(atoms)
    inputs = (
        species_index(atoms, species),
        np.ascontiguousarray(atoms.positions, dtype=np.float64),
        np.ascontiguousarray(atoms.cell.array, dtype=np.float64),
        np.ascontiguousarray(atoms.pbc, dtype=np.int32),
    )
    result = Evaluation(np.empty(n), np.empty((n, 3)), np.empty((3, 3)))
    arrays: tuple[NDArray[Any], ...]
    arrays = (*inputs, result.energies, result.forces, result.virial, *outputs)
    error = ctypes.create_string_buffer(1024)
    if function(*handles, n, *(a.ctypes.data for a in arrays), error, len(error)) != 0:
        raise StructureError(f"{atoms.symbols} cannot be evaluated: {error.value.decode()}.")
    return result


def _evaluate(ready: Plan, species: Sequence[str], atoms: Atoms) -> Evaluation:
    return native_call(library().mtp_evaluate, [ready.handle], species, atoms)


def evaluate(
    mtp: MTP, species: Sequence[str], images: Sequence[Atoms], *, threads: int = 1
) -> list[Evaluation]:
    """Evaluate a potential on many configurations.

    Atoms closer than `min_dist` are evaluated as MLIP-2 does: the Chebyshev polynomials continue.

    Parameters
    ----------
    mtp
        A trained potential.
    species
        Chemical symbols, in the order of the potential's species.
    images
        Configurations: periodic in any directions, cells of any size and shape.
    threads
        Configurations evaluated at once. The result does not depend on it.

    Raises
    ------
    PotentialError
        If the potential is not trained, or lacks an element.
    StructureError
        If atoms coincide, positions are not finite, or a periodic cell is flat.
    """
    species = check_species(mtp, species)
    ready = plan(mtp)
    if threads == 1:
        return [_evaluate(ready, species, atoms) for atoms in images]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda atoms: _evaluate(ready, species, atoms), images))


class MTPCalculator(Calculator):
    """ASE calculator of a moment tensor potential on the native kernel.

    Parameters
    ----------
    mtp
        A trained potential.
    species
        Chemical symbols, in the order of the potential's species.
    isa
        Instruction set, see `seicampaign.mtp.native.Plan`.
    """

    implemented_properties: ClassVar[list[str]] = [
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
    ]

    def __init__(
        self, mtp: MTP, species: Sequence[str], *, isa: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.mtp = mtp
        self.species = check_species(mtp, species)
        self._plan = plan(mtp, isa)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute all properties at once; the stress only where the cell is fully periodic."""
        super().calculate(atoms, properties, system_changes)
        result = _evaluate(self._plan, self.species, self.atoms)
        self.results = {
            "energy": result.energy,
            "free_energy": result.energy,
            "energies": result.energies,
            "forces": result.forces,
        }
        if self.atoms.pbc.all():
            stress = -result.virial / self.atoms.get_volume()
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress)
