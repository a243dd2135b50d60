"""Pairs of atoms within a distance in a periodic cell of any shape and size."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def neighbour_pairs(
    atoms: Atoms,
    cutoff: float,
    centres: NDArray[np.bool_] | None = None,
    partners: NDArray[np.bool_] | None = None,
) -> Pairs:
    """All ordered pairs closer than a cutoff, every periodic image counted on its own.

    Parameters
    ----------
    atoms
        The structure, periodic in all three directions.
    cutoff
        Largest distance, in Angstrom. It may exceed the edges of the cell.
    centres, partners
        Boolean masks, shape (N,): the atoms a pair may start from and end at. Default: all.

    Returns
    -------
    i, j, distance
        Indices of the centre and of the partner, and their distance in Angstrom. An atom pairs
        with its own images but not with itself.
    """
    from scipy.spatial import cKDTree

    everyone = np.ones(len(atoms), dtype=bool)
    i_all = np.flatnonzero(everyone if centres is None else centres)
    j_all = np.flatnonzero(everyone if partners is None else partners)
    cell = np.asarray(atoms.cell)
    scaled = atoms.get_scaled_positions(wrap=True)
    margin = cutoff * np.linalg.norm(np.linalg.inv(cell), axis=0) + 1e-9
    images, owners = _images(scaled[j_all], margin)
    tree = cKDTree(scaled[i_all] @ cell)
    found = tree.sparse_distance_matrix(cKDTree(images @ cell), cutoff, output_type="ndarray")
    i, j, distance = i_all[found["i"]], j_all[owners[found["j"]]], found["v"]
    other = (i != j) | (distance > 1e-6)
    return i[other], j[other], distance[other]


def _images(
    scaled: NDArray[np.float64], margin: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Periodic images that lie within a margin of the cell, and the point each is an image of."""
    images, owners = [], []
    reach = np.ceil(margin).astype(int)
    for shift in product(*(range(-n, n + 1) for n in reach)):
        moved = scaled + shift
        keep = np.all((moved > -margin) & (moved < 1 + margin), axis=1)
        images.append(moved[keep])
        owners.append(np.flatnonzero(keep))
    return np.concatenate(images), np.concatenate(owners)
