"""Nearest neighbours in any periodic box: the one search all of the analysis rests on.

Targets are copied across the faces as far as the cutoff reaches, so that a triclinic box, or one
smaller than the cutoff (where an atom neighbours its own images), needs no case of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

CELLS_PER_REACH_IN_ROW = 4
MAX_CELLS_PER_POINT = 4
LANES, CROWD = 16, 64


class Sorted(NamedTuple):
    """Targets and their images, in order of cells.

    Attributes
    ----------
    reach, shape
        (3,) the cutoff as a fraction of the box along each axis, and the number of cells.
    start
        (cells + 1,) where each cell begins in `xyz`.
    xyz
        (M, 3) positions, Angstrom.
    slot
        (M,) which target each is.
    """

    reach: np.ndarray
    shape: np.ndarray
    start: np.ndarray
    xyz: np.ndarray
    slot: np.ndarray


def heights(cell: np.ndarray) -> np.ndarray:
    """Distance between opposite faces of the box, along each lattice vector."""
    one, other = [1, 2, 0], [2, 0, 1]
    u, v = cell[one], cell[other]
    normals = u[:, one] * v[:, other] - u[:, other] * v[:, one]
    return np.abs(np.linalg.det(cell)) / np.linalg.norm(normals, axis=1)


def prepare(fractional: np.ndarray, cell: np.ndarray, targets: np.ndarray, cutoff: float) -> Sorted:
    """Sort targets and their images into cells that are thin along the last axis.

    A search reads whole rows along it, so that thin cells cut the ends of a row for nothing.
    """
    reach = cutoff / heights(cell) * (1 + 1e-9)
    slot, where = np.arange(len(targets)), fractional[targets]
    for axis, away in enumerate(reach):
        whole = int(np.ceil(away))
        shifts = np.array([0, *range(-whole, 0), *range(1, whole + 1)])
        slot, where = _with_images(slot, where, axis, away, shifts)
    wanted = (1 + 2 * reach) / reach
    wanted[2] *= CELLS_PER_REACH_IN_ROW
    room = float((MAX_CELLS_PER_POINT * len(where) + 1) / np.prod(wanted))
    shape = np.maximum(wanted * min(room, 1.0) ** (1 / 3), 1.0).astype(np.int64)
    start, slot, where = _sort_into_cells(slot, where, reach, shape)
    return Sorted(reach, shape, start, where @ cell, slot)


@nb.njit(cache=True)
def _with_images(
    slot: np.ndarray, where: np.ndarray, axis: int, reach: float, shifts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points, and after them their images along an axis that lie less than `reach` outside."""
    most = len(slot) * len(shifts)
    slots, places = np.empty(most, np.int64), np.empty((most, 3))
    n = 0
    for shift in shifts:
        for i in range(len(slot)):
            x = where[i, axis] + shift
            if shift == 0 or -reach <= x < 1 + reach:
                slots[n] = slot[i]
                for k in range(3):
                    places[n, k] = where[i, k]
                places[n, axis] = x
                n += 1
    return slots[:n], places[:n]


@nb.njit(cache=True)
def _sort_into_cells(
    slot: np.ndarray, where: np.ndarray, reach: np.ndarray, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counting sort of points in [-reach, 1 + reach): cell c is start[c] to start[c + 1]."""
    home = np.empty(len(where), np.int64)
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for n in range(len(where)):
        c = 0
        for k in range(3):
            c = c * shape[k] + cell_of(where[n, k], reach[k], shape[k])
        home[n] = c
        start[c + 1] += 1
    start = np.cumsum(start)
    filled = start.copy()
    slots, places = np.empty_like(slot), np.empty_like(where)
    for n in range(len(where)):
        at = filled[home[n]]
        slots[at] = slot[n]
        for k in range(3):
            places[at, k] = where[n, k]
        filled[home[n]] += 1
    return start, slots, places


@nb.njit(cache=True, inline="always")
def cell_of(x: float, reach: float, n_cells: int) -> int:
    """Which of `n_cells` between -reach and 1 + reach a fractional coordinate lies in."""
    c = int((x + reach) / (1 + 2 * reach) * n_cells)
    return min(max(c, 0), n_cells - 1)


@nb.njit(cache=True)
def nearest(
    centres: np.ndarray,
    cell: np.ndarray,
    reach: np.ndarray,
    shape: np.ndarray,
    start: np.ndarray,
    xyz: np.ndarray,
    slot: np.ndarray,
    cutoff: float,
    width: int,
    with_vectors: bool,
    own: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The nearest `width` of sorted targets around every centre, nearest first.

    Parameters
    ----------
    centres
        (Q, 3) fractional coordinates in [0, 1).
    own
        (Q,) which target the centre itself is; -1 for none.
    reach, shape, start, xyz, slot
        `Sorted`.

    Returns
    -------
    count, index, distance, vector
        See `Neighbours`.
    """
    count = np.zeros(len(centres), np.int64)
    index = np.full((len(centres), width), -1, np.int64)
    distance = np.full((len(centres), width), np.inf)
    vector = np.zeros((len(centres) if with_vectors else 0, width, 3))
    d2, near = np.empty(len(xyz) + LANES), np.empty(len(xyz) + LANES, np.int64)
    found = np.empty(width, np.int64)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for q in range(len(centres)):
        x, y, z = at = _search_range(centres[q], cell, reach, shape, low, high)
        n = 0
        for a in range(low[0], high[0] + 1):
            for b in range(low[1], high[1] + 1):
                row = (a * shape[1] + b) * shape[2]
                for m in range(start[row + low[2]], start[row + high[2] + 1]):
                    away = (xyz[m, 0] - x) ** 2 + (xyz[m, 1] - y) ** 2 + (xyz[m, 2] - z) ** 2
                    d2[n], near[n] = away, m
                    n += (away <= cutoff * cutoff) & ((away >= 1e-12) | (slot[m] != own[q]))
        count[q] = n
        if n <= CROWD:
            _sort_few(d2, n, found)
        else:
            _sort_crowd(d2, n, found)
        for n in range(min(count[q], width)):
            m = near[found[n]]
            distance[q, n] = np.sqrt(d2[found[n]])
            index[q, n] = slot[m]
            if with_vectors:
                for k in range(3):
                    vector[q, n, k] = xyz[m, k] - at[k]
    return count, index, distance, vector


@nb.njit(cache=True, inline="always")
def _sort_few(d2: np.ndarray, n: int, found: np.ndarray) -> None:
    """Write which of n are nearest, in order; those as near stay in the order they were found in.

    Each is put where the number of nearer ones says. Of so few, branches that the processor
    guesses wrong would cost more than all these comparisons, `LANES` at a time.
    """
    whole = (n + LANES - 1) // LANES * LANES
    for other in range(n, whole):
        d2[other] = np.inf
    for k in range(len(found)):
        found[k] = -1
    for m in range(n):
        nearer = 0
        for other in range(whole):
            nearer += d2[other] < d2[m]
        while nearer < len(found) and found[nearer] >= 0:
            nearer += 1
        if nearer < len(found):
            found[nearer] = m


@nb.njit(cache=True)
def _sort_crowd(d2: np.ndarray, n: int, found: np.ndarray) -> None:
    """The same by insertion: of thousands on one spot each comes after all that are kept."""
    kept, width = 0, len(found)
    for m in range(n):
        if kept == width and d2[m] >= d2[found[width - 1]]:
            continue
        kept = min(kept + 1, width)
        p = kept - 1
        while p > 0 and d2[found[p - 1]] > d2[m]:
            found[p] = found[p - 1]
            p -= 1
        found[p] = m


@nb.njit(cache=True)
def _search_range(
    centre: np.ndarray,
    cell: np.ndarray,
    reach: np.ndarray,
    shape: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[float, float, float]:
    """Write the first and last cell within reach of a point; returns where it lies (A)."""
    for k in range(3):
        low[k] = cell_of(centre[k] - reach[k], reach[k], shape[k])
        high[k] = cell_of(centre[k] + reach[k], reach[k], shape[k])
    x = centre[0] * cell[0, 0] + centre[1] * cell[1, 0] + centre[2] * cell[2, 0]
    y = centre[0] * cell[0, 1] + centre[1] * cell[1, 1] + centre[2] * cell[2, 1]
    z = centre[0] * cell[0, 2] + centre[1] * cell[1, 2] + centre[2] * cell[2, 2]
    return x, y, z


@nb.njit(cache=True)
def count_within(
    centres: np.ndarray,
    cell: np.ndarray,
    reach: np.ndarray,
    shape: np.ndarray,
    start: np.ndarray,
    xyz: np.ndarray,
    slot: np.ndarray,
    cutoff: float,
    own: np.ndarray,
) -> np.ndarray:
    """(Q,) how many targets lie within `cutoff`: the count of `nearest`, for less."""
    count = np.zeros(len(centres), np.int64)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for q in range(len(centres)):
        x, y, z = _search_range(centres[q], cell, reach, shape, low, high)
        n = 0
        for a in range(low[0], high[0] + 1):
            for b in range(low[1], high[1] + 1):
                row = (a * shape[1] + b) * shape[2]
                for m in range(start[row + low[2]], start[row + high[2] + 1]):
                    d2 = (xyz[m, 0] - x) ** 2 + (xyz[m, 1] - y) ** 2 + (xyz[m, 2] - z) ** 2
                    n += (d2 <= cutoff * cutoff) & ((d2 >= 1e-12) | (slot[m] != own[q]))
        count[q] = n
    return count


@nb.njit(cache=True)
def in_pieces(
    centres: np.ndarray,
    cell: np.ndarray,
    reach: np.ndarray,
    shape: np.ndarray,
    start: np.ndarray,
    xyz: np.ndarray,
    slot: np.ndarray,
    cutoff: float,
    enough: int,
) -> np.ndarray:
    """(Q,) whether `enough` queries, which are the targets too, hang together with each.

    A query in a piece that is large enough already need not look: who is left finds it.
    """
    parent, size = np.arange(len(centres)), np.ones(len(centres), np.int64)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for q in range(len(centres)):
        root = _root(parent, q)
        if size[root] >= enough:
            continue
        x, y, z = _search_range(centres[q], cell, reach, shape, low, high)
        for a in range(low[0], high[0] + 1):
            for b in range(low[1], high[1] + 1):
                row = (a * shape[1] + b) * shape[2]
                for m in range(start[row + low[2]], start[row + high[2] + 1]):
                    d2 = (xyz[m, 0] - x) ** 2 + (xyz[m, 1] - y) ** 2 + (xyz[m, 2] - z) ** 2
                    if d2 > cutoff * cutoff:
                        continue
                    other = _root(parent, slot[m])
                    if other != root:
                        if size[other] > size[root]:
                            root, other = other, root
                        parent[other] = root
                        size[root] += size[other]
    large = np.empty(len(centres), np.bool_)
    for q in range(len(centres)):
        large[q] = size[_root(parent, q)] >= enough
    return large


@nb.njit(cache=True)
def _root(parent: np.ndarray, q: int) -> int:
    """The root of the piece that q is in; paths to it are halved."""
    while parent[q] != q:
        parent[q] = parent[parent[q]]
        q = parent[q]
    return q


@nb.njit(cache=True)
def distance_histogram(
    centres: np.ndarray,
    cell: np.ndarray,
    reach: np.ndarray,
    shape: np.ndarray,
    start: np.ndarray,
    xyz: np.ndarray,
    cutoff: float,
    n_bins: int,
) -> np.ndarray:
    """How many pairs of a query and a target lie how far apart: (n_bins,) from 0 to `cutoff`."""
    pairs = np.zeros(n_bins, np.int64)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for q in range(len(centres)):
        x, y, z = _search_range(centres[q], cell, reach, shape, low, high)
        for a in range(low[0], high[0] + 1):
            for b in range(low[1], high[1] + 1):
                row = (a * shape[1] + b) * shape[2]
                for m in range(start[row + low[2]], start[row + high[2] + 1]):
                    d2 = (xyz[m, 0] - x) ** 2 + (xyz[m, 1] - y) ** 2 + (xyz[m, 2] - z) ** 2
                    if 1e-12 < d2 < cutoff * cutoff:
                        pairs[int(np.sqrt(d2) / cutoff * n_bins)] += 1
    return pairs
