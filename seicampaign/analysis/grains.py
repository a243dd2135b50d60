"""Grains of the crystal: how many, how large, and how they are turned."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.frame import FrameAnalysis
from seicampaign.analysis.phases import AnionShells

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

    from seicampaign.analysis.clusters import Clusters

Floats = NDArray[np.float64]

FCC_NEIGHBOURS: Floats = np.array(
    [
        [a, b, 0][n:] + [a, b, 0][:n]
        for n in range(3)
        for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
) / np.sqrt(2)
GRID = 600


class Grains(NamedTuple):
    """Grains of one frame, largest first.

    Attributes
    ----------
    label
        (A,) grain of every anion of `FrameAnalysis.anions`; -1 outside the crystal.
    size
        (G,) anions of every grain, core and grown.
    """

    label: NDArray[np.int64]
    size: NDArray[np.int64]

    def curve_values(self) -> dict[str, float]:
        """Number of grains, anions of the largest, and mean size weighted by anions."""
        total = int(self.size.sum())
        return {
            "grains": float(len(self.size)),
            "largest_grain": float(self.size.max(initial=0)),
            "mean_grain": float((self.size**2).sum() / total) if total else 0.0,
        }


def crystal_clusters(found: FrameAnalysis) -> Clusters:
    """Clusters of crystalline neighbours whatever their orientation, and how they wrap."""
    from seicampaign.analysis.clusters import find_clusters

    return find_clusters(found.anions.crystalline, *found.crystal_bonds[:3])


def find_grains(found: FrameAnalysis) -> Grains:
    """Join core neighbours that are turned alike; grown anions go to the core they fit best.

    Turned alike is what makes a core link: `Thresholds.core_link`.
    """
    from seicampaign.analysis.clusters import find_clusters

    anions, bonds = found.anions, found.crystal_bonds
    alike = bonds.link >= found.thresholds.core_link
    alike &= anions.core[bonds.first] & anions.core[bonds.second]
    kept = np.flatnonzero(alike)
    clusters = find_clusters(anions.core, *(ends.take(kept, axis=0) for ends in bonds[:3]))
    label = clusters.label.copy()
    # Once onto the core; then what grew onto nothing but grown anions.
    waiting = np.flatnonzero(anions.grown)
    while len(waiting):
        _join_best(anions, label, waiting)
        waiting = waiting[label[waiting] < 0]
    size = np.bincount(label[label >= 0], minlength=len(clusters.size))
    largest = np.argsort(-size, kind="stable")
    renamed = np.empty_like(largest)
    renamed[largest] = np.arange(len(largest))
    label[label >= 0] = renamed[label[label >= 0]]
    return Grains(label, size[largest])


def _join_best(anions: AnionShells, label: NDArray[np.int64], joining: NDArray[np.int64]) -> None:
    """Give anions the label of the labelled neighbour that is turned most like them."""
    around = anions.index[joining]
    settled = (around >= 0) & (label[around] >= 0)
    best = np.where(settled, anions.link[joining], -2.0).argmax(axis=1)
    label[joining] = label[around[np.arange(len(joining)), best]]


@cache
def _orientation_grid() -> tuple[Rotation, Floats]:
    """Rotations that cover the cubic group's share of all, and the q6 of an fcc turned so."""
    from scipy.spatial.transform import Rotation

    from seicampaign.analysis.order import bond_order

    turns = Rotation.random(GRID, random_state=0).reduce(Rotation.create_group("O"))
    bonds = np.stack([turn.apply(FCC_NEIGHBOURS) for turn in turns])
    return turns, bond_order(bonds, np.ones(bonds.shape[:2]), np.ones(GRID, np.bool_))


def orientation(found: FrameAnalysis, grains: Grains, grain: int) -> Rotation:
    """How the cubic axes of a grain are turned, up to the symmetry of the cube.

    The best of a grid by q6, then a least-squares fit of all neighbour vectors of the
    core to those of the ideal lattice.
    """
    from scipy.spatial.transform import Rotation

    anions = found.anions
    mine = (grains.label == grain) & anions.core
    turns, orders = _orientation_grid()
    turn = turns[int((orders @ anions.order[mine].sum(axis=0)).argmax())]
    bonds = (anions.vector[mine] / anions.distance[mine][..., None]).reshape(-1, 3)
    for _ in range(5):
        ideal = FCC_NEIGHBOURS[(bonds @ turn.apply(FCC_NEIGHBOURS).T).argmax(axis=1)]
        turn, _ = Rotation.align_vectors(bonds, ideal)
    return turn.reduce(Rotation.create_group("O"))


def misorientation(one: Rotation, other: Rotation) -> float:
    """The smallest angle (degrees) that turns one cubic grain into the other; at most 62.8."""
    from scipy.spatial.transform import Rotation

    cube = Rotation.create_group("O")
    angles = [(one.inv() * other * symmetry).magnitude() for symmetry in cube]
    return float(np.degrees(min(angles)))
