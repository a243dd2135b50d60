"""Partial radial distribution functions, on request."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.contents import Contents
from seicampaign.errors import AnalysisError

Floats = NDArray[np.float64]


class PartialRDF(NamedTuple):
    """g(r) of one pair of elements: `r` (A) in the middle of the bins, and neighbours within r."""

    r: Floats
    g: Floats
    coordination: Floats


def partial_rdf(
    box: Contents, first: int, second: int, cutoff: float = 8.0, width: float = 0.05
) -> PartialRDF:
    """g(r) of atoms of number `second` around those of number `first`, up to `cutoff` (A)."""
    from seicampaign.analysis.neighbours import distance_histogram, prepare

    around, of = np.flatnonzero(box.numbers == first), np.flatnonzero(box.numbers == second)
    if not len(around) or not len(of):
        raise AnalysisError(f"The box does not hold both elements {first} and {second}.")
    n_bins = round(cutoff / width)
    edges = np.linspace(0.0, cutoff, n_bins + 1)
    centres, (*into, _) = box.fractional[around], prepare(box.fractional, box.cell, of, cutoff)
    count = distance_histogram(centres, box.cell, *into, float(cutoff), n_bins)
    pairs = count / len(around)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    density = len(of) / abs(np.linalg.det(box.cell))
    return PartialRDF((edges[1:] + edges[:-1]) / 2, pairs / (shells * density), np.cumsum(pairs))
