"""Profiles along the normal of the interfaces, and the thickness they give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.contents import Contents
from seicampaign.analysis.phases import Phase

Floats = NDArray[np.float64]


class Thickness(NamedTuple):
    """Thickness of the reacted layer (Angstrom) above and below the anode along the normal."""

    lower: float
    upper: float

    @property
    def mean(self) -> float:
        """The mean of the two interfaces."""
        return (self.lower + self.upper) / 2


class Axis(NamedTuple):
    """The normal, seen from the middle of the anode.

    Attributes
    ----------
    s
        (N,) coordinates in [0, 1) of every atom, 0 in the middle of the anode.
    height
        Of the box, Angstrom.
    anode, electrolyte
        Where the middle of the anode is in the box, and that of the electrolyte from there.
    """

    s: Floats
    height: float
    anode: float
    electrolyte: float


def normal_axis(box: Contents, phase: NDArray[np.int8]) -> Axis:
    """Measure along the normal of the first two lattice vectors, from the middle of the anode.

    Where no anode is left, from opposite the electrolyte; where that is gone too, from 0.
    """
    z = box.fractional[:, 2]
    electrolyte = phase == Phase.ELECTROLYTE
    anode = _circular_mean(z[phase == Phase.ANODE])
    if anode is None:
        opposite = _circular_mean(z[electrolyte])
        anode = 0.0 if opposite is None else (opposite + 0.5) % 1
    s = z - anode
    s -= np.floor(s)
    s[s >= 1.0] = 0.0
    area = np.linalg.norm(np.cross(box.cell[0], box.cell[1]))
    middle = float(s[electrolyte].mean()) if electrolyte.any() else 0.5
    return Axis(s, float(abs(np.linalg.det(box.cell)) / area), anode, middle)


def _circular_mean(s: Floats) -> float | None:
    """Mean of coordinates that are periodic in [0, 1); None where they have none."""
    if len(s) == 0:
        return None
    x, y = np.cos(2 * np.pi * s).mean(), np.sin(2 * np.pi * s).mean()
    if np.hypot(x, y) < 1e-3:
        return None
    return float(np.arctan2(y, x) / (2 * np.pi) % 1)


class Profiles(NamedTuple):
    """Shares along the normal, the middle of the anode at 0.

    Attributes
    ----------
    edges
        (B + 1,) of the bins, Angstrom.
    atoms
        (B,) number of atoms.
    phases
        (B, 4) share of each `Phase` among them.
    elements
        Share of each atomic number among them, (B,) each.
    axis
        What it was measured along.
    """

    edges: Floats
    atoms: NDArray[np.int64]
    phases: Floats
    elements: dict[int, Floats]
    axis: Axis


def profiles(box: Contents, phase: NDArray[np.int8], width: float) -> Profiles:
    """Shares of the phases and of the elements in bins about `width` Angstrom wide."""
    axis = normal_axis(box, phase)
    bins, n_bins = _bins(axis, width)
    of_phase = _count(bins, n_bins, phase, len(Phase))
    atoms = of_phase.sum(axis=0)
    elements = np.flatnonzero(np.bincount(box.numbers))
    of_element = _count(bins, n_bins, np.searchsorted(elements, box.numbers), len(elements))
    return Profiles(
        edges=np.linspace(0, axis.height, n_bins + 1),
        atoms=atoms,
        phases=np.stack([_share(count, atoms) for count in of_phase], axis=1),
        elements={
            int(z): _share(count, atoms) for z, count in zip(elements, of_element, strict=True)
        },
        axis=axis,
    )


SLABS = ("anode", "sei", "electrolyte")
"""What a bin along the normal belongs to where most of its atoms are of those phases."""
_SLAB_PHASES = ((Phase.ANODE,), (Phase.CRYSTALLINE, Phase.AMORPHOUS), (Phase.ELECTROLYTE,))


def slabs(box: Contents, phase: NDArray[np.int8], width: float) -> NDArray[np.int8]:
    """(N,) which of `SLABS` every atom lies in: what most atoms of its bin are of; -1 in none."""
    axis = normal_axis(box, phase)
    bins, n_bins = _bins(axis, width)
    of_phase = _count(bins, n_bins, phase, len(Phase))
    kind = np.full(n_bins, -1, np.int8)
    for n, phases in enumerate(_SLAB_PHASES):
        kind[2 * of_phase[list(phases)].sum(axis=0) > of_phase.sum(axis=0)] = n
    return kind[bins]


def contact_planes(box: Contents, phase: NDArray[np.int8], width: float) -> Floats:
    """(2,) heights midway between metal and electrolyte at both interfaces.

    Fractions of the third lattice vector, first above the anode and then below it. The two edges
    are those of slabs that are flat and pure. NaN where the frame lacks one of the two.
    """
    axis = normal_axis(box, phase)
    if not ((phase == Phase.ANODE).any() and (phase == Phase.ELECTROLYTE).any()):
        return np.full(2, np.nan)
    bins, n_bins = _bins(axis, width)
    of_phase = _count(bins, n_bins, phase, len(Phase))
    metal, electrolyte = (
        _share(of_phase[p], of_phase.sum(axis=0)) / n_bins for p in (Phase.ANODE, Phase.ELECTROLYTE)
    )
    above = np.clip(axis.electrolyte * n_bins - np.arange(n_bins), 0, 1)
    lower = (metal @ above + axis.electrolyte - electrolyte @ above) / 2
    upper = (1 - metal @ (1 - above) + axis.electrolyte + electrolyte @ (1 - above)) / 2
    return (np.array([lower, upper]) + axis.anode) % 1


def sei_thickness(box: Contents, phase: NDArray[np.int8], width: float) -> Thickness:
    """Equivalent thickness of the reacted layer at both interfaces.

    The number share of reacted atoms in every bin, integrated along the normal from the middle of
    the anode to the middle of the electrolyte. Being an integral, it grows smoothly, and a
    rough layer counts for the volume it holds.
    """
    axis = normal_axis(box, phase)
    bins, n_bins = _bins(axis, width)
    of_phase = _count(bins, n_bins, phase, len(Phase))
    reacted = of_phase[Phase.CRYSTALLINE] + of_phase[Phase.AMORPHOUS]
    share = _share(reacted, of_phase.sum(axis=0))
    below = np.clip(axis.electrolyte * n_bins - np.arange(n_bins), 0, 1)
    bin_height = axis.height / n_bins
    return Thickness(float(share @ below) * bin_height, float(share @ (1 - below)) * bin_height)


def _bins(axis: Axis, width: float) -> tuple[NDArray[np.int64], int]:
    n_bins = max(1, round(axis.height / width))
    return np.minimum((axis.s * n_bins).astype(np.int64), n_bins - 1), n_bins


def _count(
    bins: NDArray[np.int64], n_bins: int, kind: NDArray[np.integer], n_kinds: int
) -> NDArray[np.int64]:
    """(n_kinds, n_bins) atoms of each kind in each bin."""
    both = kind.astype(np.int64) * n_bins + bins
    return np.bincount(both, minlength=n_kinds * n_bins).reshape(n_kinds, n_bins)


def _share(count: NDArray, of: NDArray) -> Floats:
    """Bins between two layers of a crystal can be empty: they take the share of those around."""
    filled = np.flatnonzero(of)
    return np.interp(np.arange(len(of)), filled, count[filled] / of[filled], period=len(of))
