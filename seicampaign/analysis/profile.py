"""Profiles along the normal of the interfaces, and the thickness they give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Thickness(NamedTuple):
    """Thickness of the reacted layer (Angstrom) above and below the anode along the normal."""

    lower: float
    upper: float

    @property
    def mean(self) -> float:
        """The mean of the two interfaces."""
        return (self.lower + self.upper) / 2


def box_height(cell: NDArray[np.float64]) -> float:
    """Distance between the two faces of the box that hold the first two lattice vectors."""
    area = np.linalg.norm(np.cross(cell[0], cell[1]))
    return float(abs(np.linalg.det(cell)) / area)


def circular_mean(s: NDArray[np.float64]) -> float | None:
    """Mean of coordinates that are periodic in [0, 1); None where they have no mean."""
    if len(s) == 0:
        return None
    resultant = np.exp(2j * np.pi * s).mean()
    if abs(resultant) < 1e-3:
        return None
    return float(np.angle(resultant) / (2 * np.pi) % 1)


def anode_centre(s: NDArray[np.float64], anode: NDArray, electrolyte: NDArray) -> float:
    """The middle of the anode, or what is opposite the electrolyte where no anode is left."""
    centre = circular_mean(s[anode])
    if centre is None:
        opposite = circular_mean(s[electrolyte])
        centre = 0.0 if opposite is None else (opposite + 0.5) % 1
    return centre


def sei_thickness(
    s: NDArray[np.float64],
    height: float,
    reacted: NDArray[np.bool_],
    anode: NDArray[np.bool_],
    electrolyte: NDArray[np.bool_],
    width: float,
) -> Thickness:
    """Equivalent thickness of the reacted layer at both interfaces.

    The number share of reacted atoms in every bin, integrated along the normal from the middle of
    the anode to the middle of the electrolyte. Being an integral, it grows smoothly, and a
    rough layer counts for the volume it holds.

    Parameters
    ----------
    s
        (N,) coordinates along the normal in [0, 1).
    height
        Height of the box, Angstrom.
    reacted, anode, electrolyte
        (N,) masks.
    width
        Width of a bin, Angstrom.
    """
    s = (s - anode_centre(s, anode, electrolyte)) % 1
    n_bins = max(1, round(height / width))
    bins = np.minimum((s * n_bins).astype(np.int64), n_bins - 1)
    everything = np.bincount(bins, minlength=n_bins)
    filled = np.flatnonzero(everything)
    share = np.bincount(bins[reacted], minlength=n_bins)[filled] / everything[filled]
    # A bin between two layers of a crystal can be empty.
    share = np.interp(np.arange(n_bins), filled, share, period=n_bins)
    middle = float(np.median(s[electrolyte])) if electrolyte.any() else 0.5
    edges = np.arange(n_bins + 1) / n_bins
    below = np.clip(middle - edges[:-1], 0, 1 / n_bins) * n_bins
    bin_height = height / n_bins
    return Thickness(float(share @ below) * bin_height, float(share @ (1 - below)) * bin_height)
