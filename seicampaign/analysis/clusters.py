"""Clusters on a periodic lattice of neighbours, and which way they wrap around the box.

A union-find that carries the periodic image of every member relative to its root: where two
members meet again in another image, their difference is a winding of the cluster. A cluster
can span the bounding box without wrapping, and wrap without spanning; only windings tell.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray


class Clusters(NamedTuple):
    """Connected members.

    Attributes
    ----------
    label
        (N,) cluster of every site, largest first; -1 for sites that are no members.
    size
        (C,) number of members.
    windings
        For every cluster its winding vectors in lattice units, (W, 3), as found, with repeats.
    """

    label: NDArray[np.int64]
    size: NDArray[np.int64]
    windings: list[NDArray[np.int64]]

    def rank(self, cluster: int) -> int:
        """Number of independent directions in which it wraps: 1 a rod, 2 a sheet, 3 a network."""
        w = self.windings[cluster]
        return int(np.linalg.matrix_rank(w)) if len(w) else 0


class ShellBonds(NamedTuple):
    """Bonds between neighbours that are both members, each once.

    Attributes
    ----------
    first, second
        (B,) sites of every bond.
    offset
        (B, 3) the periodic image of `second` that `first` is bonded to, in lattice units.
    link
        (B,) what was given of the two.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    offset: NDArray[np.int32]
    link: NDArray[np.float64]


@nb.njit(cache=True)
def _find(parent: np.ndarray, shift: np.ndarray, i: int, total: np.ndarray) -> int:
    """The root of i; `total` becomes its image relative to the root. Paths are halved."""
    for k in range(3):
        total[k] = 0
    while parent[i] != i:
        up = parent[i]
        if parent[up] != up:
            for k in range(3):
                shift[i, k] += shift[up, k]
            parent[i] = parent[up]
        for k in range(3):
            total[k] += shift[i, k]
        i = parent[i]
    return i


@nb.njit(cache=True)
def _join(
    n_sites: int, first: np.ndarray, second: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parent = np.arange(n_sites)
    size = np.ones(n_sites, np.int64)
    shift = np.zeros((n_sites, 3), np.int64)
    winding = np.empty((len(first), 3), np.int64)
    wound = np.empty(len(first), np.int64)
    a, b = np.zeros(3, np.int64), np.zeros(3, np.int64)
    found = 0
    for n in range(len(first)):
        i = _find(parent, shift, first[n], a)
        j = _find(parent, shift, second[n], b)
        if i == j:
            wound[found] = i
            around = False
            for k in range(3):
                winding[found, k] = a[k] + offset[n, k] - b[k]
                around |= winding[found, k] != 0
            found += around
            continue
        sign = 1
        if size[i] < size[j]:
            i, j, sign = j, i, -1
        parent[j] = i
        size[i] += size[j]
        for k in range(3):
            shift[j, k] = sign * (a[k] + offset[n, k] - b[k])
    root = np.empty(n_sites, np.int64)
    for i in range(n_sites):
        root[i] = _find(parent, shift, i, a)
    for n in range(found):
        wound[n] = root[wound[n]]
    return root, wound[:found], winding[:found]


@nb.njit(cache=True)
def shell_bonds(
    index: np.ndarray,
    vector: np.ndarray,
    fractional: np.ndarray,
    inverse: np.ndarray,
    member: np.ndarray,
    link: np.ndarray,
) -> ShellBonds:
    """Bonds between neighbours that are both members.

    Parameters
    ----------
    index, vector, link, fractional
        (N, K), (N, K, 3) and (N, K) of neighbours, (N, 3) where the sites are.
    inverse
        (3, 3) inverse of the cell.
    member
        (N,) mask.
    """
    width = index.shape[1]
    most = member.sum() * width
    first, second = np.empty(most, np.int32), np.empty(most, np.int32)
    offset, of_bond = np.empty((most, 3), np.int32), np.empty(most)
    found = 0
    for i in range(len(index)):
        if not member[i]:
            continue
        for n in range(width):
            j = index[i, n]
            if j < 0 or not member[j] or (j < i and i in index[j]):
                continue
            first[found], second[found], of_bond[found] = i, j, link[i, n]
            for k in range(3):
                x = fractional[i, k] - fractional[j, k] + 0.5
                for m in range(3):
                    x += vector[i, n, m] * inverse[m, k]
                offset[found, k] = int(np.floor(x))
            found += 1
    return ShellBonds(first[:found], second[:found], offset[:found], of_bond[:found])


def find_clusters(
    member: NDArray[np.bool_],
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    offset: NDArray[np.integer],
) -> Clusters:
    """Join members along bonds.

    Parameters
    ----------
    member
        (N,) mask; bonds must be between members.
    first, second
        (B,) sites of every bond.
    offset
        (B, 3) the periodic image of `second` that `first` is bonded to, in lattice units.
    """
    root, wound, winding = _join(len(member), first, second, offset)
    roots, sizes = np.unique(root[member], return_counts=True)
    largest = np.argsort(-sizes, kind="stable")
    number = np.full(len(member), -1)
    number[roots[largest]] = np.arange(len(roots))
    label = np.where(member, number[root], -1)
    of_winding = number[wound]
    windings = [winding[:0]] * len(roots)
    for cluster in np.unique(of_winding):
        windings[cluster] = winding[of_winding == cluster]
    return Clusters(label, sizes[largest], windings)
