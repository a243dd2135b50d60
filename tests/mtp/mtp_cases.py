"""Random potentials and structures that the tests of the kernel share."""

import dataclasses

import numpy as np
from ase import Atoms
from ase.build import bulk

from seicampaign.mtp import MTP, untrained

SYMBOLS = ("Li", "P", "S", "Cl", "Na", "O", "F", "Br", "I", "K")


def random_mtp(level: int, species: int = 4, seed: int = 0, size: int = 8) -> MTP:
    """A potential with random coefficients of ordinary size."""
    empty = untrained(level, species, min_dist=1.6, max_dist=5.0, radial_basis_size=size)
    rng = np.random.default_rng(seed)
    shape = (species, species, empty.radial_funcs_count, size)
    return dataclasses.replace(
        empty,
        scaling=0.01,
        radial_coeffs=rng.uniform(-1, 1, shape),
        species_coeffs=rng.uniform(-1, 1, species),
        moment_coeffs=rng.uniform(-1, 1, empty.alpha_scalar_moments),
    )


def disordered(repeat: tuple[int, int, int], species: int = 4, seed: int = 1) -> Atoms:
    """A rattled, sheared bcc crystal with its sites filled at random."""
    atoms = bulk("Li", "bcc", a=3.45, cubic=True) * repeat
    rng = np.random.default_rng(seed)
    atoms.symbols = rng.choice(SYMBOLS[:species], len(atoms))
    shear = np.array([[1, 0, 0], [0.06, 1, 0], [0.03, -0.05, 1]])
    atoms.set_cell(atoms.cell.array @ shear, scale_atoms=True)
    atoms.rattle(0.2, seed=seed)
    return atoms
