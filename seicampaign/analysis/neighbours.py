"""Nearest neighbours in any periodic box: the one search all of the analysis rests on.

Cells are cut along the lattice vectors and images are counted, so that a triclinic box, or one
smaller than the cutoff (where an atom neighbours its own images), needs no case of its own.
"""

from __future__ import annotations

import numba as nb
import numpy as np

MAX_CELLS_PER_AXIS = 100


@nb.njit(cache=True)
def heights(cell: np.ndarray) -> np.ndarray:
    """Distance between opposite faces of the box, along each lattice vector."""
    h = np.empty(3)
    for k in range(3):
        normal = np.cross(cell[(k + 1) % 3], cell[(k + 2) % 3])
        h[k] = abs(np.dot(cell[k], normal)) / np.sqrt(np.dot(normal, normal))
    return h


@nb.njit(cache=True)
def _sort_into_cells(
    fractional: np.ndarray, members: np.ndarray, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counting sort: `order[start[c]:start[c + 1]]` are the positions in `members` of cell c."""
    where = np.empty(len(members), np.int64)
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for n, i in enumerate(members):
        c = 0
        for k in range(3):
            c = c * shape[k] + min(int(fractional[i, k] * shape[k]), shape[k] - 1)
        where[n] = c
        start[c + 1] += 1
    start = np.cumsum(start)
    order = np.empty(len(members), np.int64)
    filled = start.copy()
    for n in range(len(members)):
        order[filled[where[n]]] = n
        filled[where[n]] += 1
    return start, order


@nb.njit(cache=True)
def _insert(
    d2: float, n: int, v: np.ndarray, kept: int, d2s: np.ndarray, ns: np.ndarray, vs: np.ndarray
) -> int:
    """Keep the nearest `len(d2s)` seen so far, in order; returns how many are kept."""
    if kept == len(d2s):
        if d2 >= d2s[-1]:
            return kept
        p = kept - 1
    else:
        p = kept
        kept += 1
    while p > 0 and d2s[p - 1] > d2:
        d2s[p] = d2s[p - 1]
        ns[p] = ns[p - 1]
        vs[p] = vs[p - 1]
        p -= 1
    d2s[p] = d2
    ns[p] = n
    vs[p] = v
    return kept


@nb.njit(cache=True)
def nearest(
    fractional: np.ndarray,
    cell: np.ndarray,
    queries: np.ndarray,
    targets: np.ndarray,
    cutoff: float,
    width: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The nearest `width` targets of every query within `cutoff`, nearest first.

    Parameters
    ----------
    fractional
        (N, 3) coordinates, each in [0, 1).
    cell
        (3, 3) lattice vectors as rows, Angstrom.
    queries, targets
        (Q,) and (T,) indices into `fractional`. An atom in both is not its own neighbour,
        but its periodic images are.

    Returns
    -------
    count
        (Q,) how many targets lie within `cutoff`, which can exceed `width`.
    index
        (Q, width) positions in `targets`; -1 where there are fewer.
    distance
        (Q, width) in Angstrom; infinite where there are fewer.
    vector
        (Q, width, 3) from query to target, Angstrom.
    """
    height = heights(cell)
    shape = np.empty(3, np.int64)
    reach = np.empty(3, np.int64)
    for k in range(3):
        shape[k] = min(max(int(height[k] / cutoff), 1), MAX_CELLS_PER_AXIS)
        reach[k] = int(np.ceil(cutoff * shape[k] / height[k]))
    start, order = _sort_into_cells(fractional, targets, shape)
    xyz = np.empty((len(targets), 3))
    for n in range(len(targets)):
        f = fractional[targets[order[n]]]
        for k in range(3):
            xyz[n, k] = f[0] * cell[0, k] + f[1] * cell[1, k] + f[2] * cell[2, k]

    count = np.zeros(len(queries), np.int64)
    index = np.full((len(queries), width), -1, np.int64)
    distance = np.full((len(queries), width), np.inf)
    vector = np.zeros((len(queries), width, 3))
    shift = np.empty(3)
    v = np.empty(3)
    for q in range(len(queries)):
        f = fractional[queries[q]]
        home0 = min(int(f[0] * shape[0]), shape[0] - 1)
        home1 = min(int(f[1] * shape[1]), shape[1] - 1)
        home2 = min(int(f[2] * shape[2]), shape[2] - 1)
        kept = 0
        for a in range(home0 - reach[0], home0 + reach[0] + 1):
            ia = a // shape[0]
            for b in range(home1 - reach[1], home1 + reach[1] + 1):
                ib = b // shape[1]
                row = ((a - ia * shape[0]) * shape[1] + b - ib * shape[1]) * shape[2]
                for c in range(home2 - reach[2], home2 + reach[2] + 1):
                    ic = c // shape[2]
                    here = row + c - ic * shape[2]
                    if start[here] == start[here + 1]:
                        continue
                    for k in range(3):
                        shift[k] = (
                            (ia - f[0]) * cell[0, k]
                            + (ib - f[1]) * cell[1, k]
                            + (ic - f[2]) * cell[2, k]
                        )
                    for m in range(start[here], start[here + 1]):
                        d2 = 0.0
                        for k in range(3):
                            v[k] = xyz[m, k] + shift[k]
                            d2 += v[k] * v[k]
                        if d2 > cutoff * cutoff:
                            continue
                        same = targets[order[m]] == queries[q]
                        if same and ia == 0 and ib == 0 and ic == 0:
                            continue
                        count[q] += 1
                        kept = _insert(d2, order[m], v, kept, distance[q], index[q], vector[q])
        for p in range(kept):
            distance[q, p] = np.sqrt(distance[q, p])
    return count, index, distance, vector
