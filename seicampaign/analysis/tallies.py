"""What the neighbours of an atom say of it: how many of them are marked, and what most are."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True)
def marked_around(index: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """(Q,) how many of the neighbours (Q, K), -1 where there is none, are `marked` (N,)."""
    count = np.zeros(len(index), np.int64)
    for q in range(len(index)):
        for n in range(index.shape[1]):
            if index[q, n] >= 0:
                count[q] += marked[index[q, n]]
    return count


@nb.njit(cache=True)
def elected(index: np.ndarray, kind: np.ndarray, votes: np.ndarray, nobody: int) -> np.ndarray:
    """(Q,) the kind that the neighbours have most votes for; `nobody` where there are none.

    Parameters
    ----------
    index
        (Q, K) neighbours, nearest first; -1 where there are fewer.
    kind
        (N,) of each of them, int8 from 0 on; of kinds with as many votes the lowest wins.
    votes
        (K,) of each neighbour.
    """
    winner = np.full(len(index), nobody, np.int8)
    ballot = np.zeros(kind.max() + 1 if len(kind) else 0, np.int64)
    for q in range(len(index)):
        for n in range(index.shape[1]):
            if index[q, n] >= 0:
                ballot[kind[index[q, n]]] += votes[n]
        most = 0
        for k in range(len(ballot)):
            if ballot[k] > most:
                most, winner[q] = ballot[k], k
            ballot[k] = 0
    return winner
