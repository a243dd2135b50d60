"""Small labelled sets that the tests of training share."""

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.calculators.singlepoint import SinglePointCalculator

KINDS = ("solid", "liquid")


def morse_labels(count: int = 12, seed: int = 0) -> list[Atoms]:
    """Rattled, strained fcc cells of two elements, labelled by a Morse potential."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(count):
        atoms = bulk("Ar", "fcc", a=4.0 * rng.uniform(0.97, 1.04), cubic=True) * (2, 2, 1)
        atoms.symbols[rng.permutation(len(atoms))[:6]] = "Ne"
        atoms.rattle(0.1 + 0.1 * (number % 2), seed=int(rng.integers(1 << 30)))
        atoms.calc = MorsePotential(r0=2.8, epsilon=0.3, rho0=4.0, rcut1=3.8, rcut2=4.8)
        images.append(frozen(atoms, kind=KINDS[number % 2], source=f"run {number // 2}"))
    return images


def frozen(atoms: Atoms, **info: object) -> Atoms:
    """The atoms with what their calculator says as labels."""
    results = {
        "energy": atoms.get_potential_energy(),
        "forces": atoms.get_forces(),
        "stress": atoms.get_stress(),
    }
    atoms = atoms.copy()
    atoms.info.update(info)
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms
