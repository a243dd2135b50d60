"""What the crystal is made of and how it is stacked: the product is measured, never assumed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.contents import HALOGENS, PHOSPHORUS
from seicampaign.analysis.frame import FrameAnalysis

OPPOSITE = -0.9
FCC_OPPOSITES = 9
LITHIUM_DISTANCE = 3.4


class Crystal(NamedTuple):
    """The crystal of one frame.

    Attributes
    ----------
    fcc, hcp
        Core anions stacked so.
    x_phosphorus, x_halogen
        Shares of crystalline anions; the rest is S and Se.
    lithium_coordination
        Mean number of Li within 3.4 A of a core anion: 8 in antifluorite, 6 in rock salt.
    lattice_constant
        Of the fcc lattice whose neighbours are as far apart as those in the core, Angstrom.
    """

    fcc: int
    hcp: int
    x_phosphorus: float
    x_halogen: float
    lithium_coordination: float
    lattice_constant: float

    def curve_values(self) -> dict[str, float]:
        """One value per curve; NaN where there is no crystal."""
        core = self.fcc + self.hcp
        return {
            "crystal_fcc_share": self.fcc / core if core else np.nan,
            "crystal_x_phosphorus": self.x_phosphorus,
            "crystal_x_halogen": self.x_halogen,
            "crystal_lithium_coordination": self.lithium_coordination,
            "crystal_lattice_constant": self.lattice_constant,
        }


def describe_crystal(found: FrameAnalysis) -> Crystal:
    """Stacking, composition and coordination of the crystalline anions of a frame."""
    anions, box = found.anions, found.contents
    fcc = stacked_as_fcc(anions.vector[anions.core], anions.distance[anions.core])
    numbers = box.numbers[anions.atoms[anions.crystalline]]
    if not len(fcc):
        return Crystal(0, 0, *_composition(numbers), np.nan, np.nan)
    core = anions.atoms[anions.core]
    lithium = box.nearest(core, box.lithium, LITHIUM_DISTANCE, 1).within
    return Crystal(
        int(fcc.sum()),
        int((~fcc).sum()),
        *_composition(numbers),
        float(lithium.mean()),
        float(anions.distance[anions.core].mean() * np.sqrt(2)),
    )


def stacked_as_fcc(vector: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell fcc from hcp by how many of 12 neighbours have another opposite: 12 in fcc, 6 in hcp.

    Coarser than common neighbour analysis, and it still works at thermal displacements at which
    that finds neither.
    """
    from seicampaign.analysis.order import count_opposites

    return np.asarray(count_opposites(vector, distance, OPPOSITE) >= FCC_OPPOSITES)


def _composition(numbers: NDArray[np.int64]) -> tuple[float, float]:
    if not len(numbers):
        return np.nan, np.nan
    return float((numbers == PHOSPHORUS).mean()), float(np.isin(numbers, HALOGENS).mean())
