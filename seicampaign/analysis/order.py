"""Crystalline anions: bond order q6, cores, and one layer grown around them.

Steinhardt, Nelson and Ronchetti, Phys. Rev. B 28, 784 (1983) for q6; the per-neighbour
product q6(i).q6(j) as in ten Wolde, Ruiz-Montero and Frenkel, J. Chem. Phys. 104, 9932 (1996).
"""

from __future__ import annotations

import numba as nb
import numpy as np

# Normalisation of Y6m for m = 0..6, times sqrt(2) for m > 0 as -m adds the same again.
_NORM = np.array(
    [
        np.sqrt(13 / np.pi) / 32,
        np.sqrt(273 / np.pi) / 16,
        np.sqrt(2 * 1365 / np.pi) / 64,
        np.sqrt(2 * 1365 / np.pi) / 32,
        3 * np.sqrt(91 / np.pi) / 32,
        3 * np.sqrt(2 * 1001 / np.pi) / 32,
        np.sqrt(2 * 3003 / np.pi) / 64,
    ]
)


@nb.njit(cache=True)
def bond_order(vector: np.ndarray, distance: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The unit vector of q6 of every wanted anion, from all its neighbours.

    Parameters
    ----------
    vector, distance
        (N, K, 3) and (N, K), all finite where `wanted`.

    Returns
    -------
    numpy.ndarray
        (N, 13) the real and imaginary parts of q6m, scaled so that the ordinary scalar product
        of two rows is q6(i).q6(j) normalised; zero where not wanted.
    """
    q = np.zeros((len(vector), 13))
    polynomial = np.empty(7)
    for i in range(len(vector)):
        if not wanted[i]:
            continue
        for n in range(vector.shape[1]):
            x = vector[i, n, 0] / distance[i, n]
            y = vector[i, n, 1] / distance[i, n]
            z = vector[i, n, 2] / distance[i, n]
            z2 = z * z
            polynomial[0] = ((231 * z2 - 315) * z2 + 105) * z2 - 5
            polynomial[1] = ((33 * z2 - 30) * z2 + 5) * z
            polynomial[2] = (33 * z2 - 18) * z2 + 1
            polynomial[3] = (11 * z2 - 3) * z
            polynomial[4] = 11 * z2 - 1
            polynomial[5] = z
            polynomial[6] = 1.0
            re, im = 1.0, 0.0
            q[i, 0] += _NORM[0] * polynomial[0]
            for m in range(1, 7):
                re, im = re * x - im * y, re * y + im * x
                q[i, 2 * m - 1] += _NORM[m] * polynomial[m] * re
                q[i, 2 * m] += _NORM[m] * polynomial[m] * im
        length = 0.0
        for m in range(13):
            length += q[i, m] * q[i, m]
        for m in range(13):
            q[i, m] /= max(np.sqrt(length), 1e-300)
    return q


@nb.njit(cache=True)
def link_products(index: np.ndarray, q: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N, K) products of the unit vectors of q6 of neighbours, zero unless both are wanted."""
    link = np.zeros(index.shape)
    for i in range(len(index)):
        if wanted[i]:
            for n in range(index.shape[1]):
                j = index[i, n]
                if wanted[j]:
                    for m in range(q.shape[1]):
                        link[i, n] += q[i, m] * q[j, m]
    return link


@nb.njit(cache=True)
def core_and_grown(
    index: np.ndarray,
    distance: np.ndarray,
    vector: np.ndarray,
    link: np.ndarray,
    free: np.ndarray,
    dense: np.ndarray,
    core_link: float,
    core_links: int,
    core_neighbours: int,
    core_distance: float,
    grow_link: float,
    corner_distance: float,
    corners_to_join: int,
    corners_to_stay: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (N,) of the core anions and of those grown onto them, disjoint.

    All are `free`; those that are judged by q6 are `dense` too. Of what has grown, that is dropped
    which closes few parallelograms: it lies on a grain, by chance in its order, not in it.
    """
    n_anions, width = index.shape
    allowed = free & dense
    linked = np.zeros(n_anions, np.bool_)
    for i in range(n_anions):
        if allowed[i]:
            links = 0
            for n in range(width):
                links += link[i, n] > core_link
            linked[i] = links >= core_links
    core = np.zeros(n_anions, np.bool_)
    for i in range(n_anions):
        if linked[i]:
            beside = 0
            for n in range(width):
                beside += linked[index[i, n]] and distance[i, n] < core_distance
            core[i] = beside >= core_neighbours
    crystal = core.copy()
    for i in range(n_anions):
        if allowed[i] and not core[i]:
            for n in range(width):
                crystal[i] |= core[index[i, n]] and link[i, n] > grow_link
    added = 1
    while added > 0:
        added = 0
        settled = crystal.copy()
        for i in range(n_anions):
            if free[i] and not settled[i]:
                crystal[i] = closes(i, index, vector, settled, corner_distance, corners_to_join)
                added += crystal[i]
    settled = crystal.copy()
    for i in range(n_anions):
        if crystal[i] and not core[i]:
            crystal[i] = closes(i, index, vector, settled, corner_distance, corners_to_stay)
    return core, crystal & ~core


@nb.njit(cache=True)
def closes(
    i: int,
    index: np.ndarray,
    vector: np.ndarray,
    crystal: np.ndarray,
    corner_distance: float,
    enough: int,
) -> bool:
    """Whether anion i closes `enough` parallelograms with crystalline anions.

    At the surface of a grain half of the neighbours are foreign and q6 is not that of the crystal
    any more, but the anion still sits where the lattice leads: of two neighbours j and k the point
    j + k - i is a site too. j = k is a straight row, and where i lies halfway between two it is the
    fourth corner itself. In a glass few of these points are taken.
    """
    width = index.shape[1]
    beside = np.empty(width, np.int64)
    n_beside = 0
    for n in range(width):
        if index[i, n] >= 0 and crystal[index[i, n]]:
            beside[n_beside] = n
            n_beside += 1
    possible = n_beside * (n_beside + 1) // 2
    closed = 0
    for a in range(n_beside):
        j = index[i, beside[a]]
        for b in range(a, n_beside):
            if closed >= enough or closed + possible < enough:
                return closed >= enough
            possible -= 1
            for m in range(width):
                corner = index[j, m]
                if corner < 0 or not (crystal[corner] or corner == i):
                    continue
                d2 = 0.0
                for x in range(3):
                    d2 += (vector[j, m, x] - vector[i, beside[b], x]) ** 2
                if d2 < corner_distance * corner_distance:
                    closed += 1
                    break
    return closed >= enough


@nb.njit(cache=True)
def count_opposites(vector: np.ndarray, distance: np.ndarray, cosine: float) -> np.ndarray:
    """(N,) how many neighbours have another opposite: an angle with a cosine under `cosine`."""
    opposites = np.zeros(len(vector), np.int64)
    width = vector.shape[1]
    x, y, z = np.empty(width), np.empty(width), np.empty(width)
    for i in range(len(vector)):
        for n in range(width):
            x[n], y[n], z[n] = vector[i, n, 0], vector[i, n, 1], vector[i, n, 2]
        for n in range(width):
            across = 0
            for m in range(width):
                dot = x[n] * x[m] + y[n] * y[m] + z[n] * z[m]
                across += dot < cosine * distance[i, n] * distance[i, m]
            opposites[i] += across > 0
    return opposites
