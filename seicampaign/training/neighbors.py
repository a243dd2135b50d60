"""Neighbour lists of labelled cells, which may be smaller than the cutoff."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray


class Neighbors(NamedTuple):
    """Pairs sorted by central atom, then by the order key of the neighbour.

    `centers` and `neighbors` are int32 (pairs,), `vectors` float64 (pairs, 3) in Angstrom, from
    the central atom to its neighbour.
    """

    centers: NDArray[np.int32]
    neighbors: NDArray[np.int32]
    vectors: NDArray[np.float64]


def neighbors(atoms: Atoms, cutoff: float, order: NDArray[np.int32]) -> Neighbors:
    """All pairs closer than `cutoff`, periodic images included.

    Parameters
    ----------
    atoms
        Any cell; directions that are not periodic have no images.
    cutoff
        Angstrom.
    order
        int32 (atoms,): neighbours of an atom are sorted by it, and then by index.
    """
    cell, periodic = atoms.cell.complete(), atoms.pbc
    scaled = cell.scaled_positions(atoms.positions)
    scaled = np.where(periodic, scaled - np.floor(scaled), scaled)
    positions = scaled @ cell.array
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell.array), axis=0)
    reach = np.where(periodic, np.ceil(cutoff / heights), 0).astype(int)
    parts = []
    for shift in product(*(range(-n, n + 1) for n in reach)):
        vectors = positions[None] + shift @ cell.array - positions[:, None]
        squares = np.einsum("ijx,ijx->ij", vectors, vectors)
        near = squares < cutoff**2
        if not any(shift):
            np.fill_diagonal(near, False)
        i, j = near.nonzero()
        parts.append((i, j, vectors[i, j]))
    i, j, vectors = (np.concatenate(part) for part in zip(*parts, strict=True))
    rank = np.lexsort((j, order[j], i))
    return Neighbors(i[rank].astype(np.int32), j[rank].astype(np.int32), vectors[rank])
