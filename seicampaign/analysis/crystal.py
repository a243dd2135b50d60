"""What the crystal is made of and how it is stacked: the product is measured, never assumed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.contents import HALOGENS, PHOSPHORUS
from seicampaign.analysis.frame import FrameAnalysis


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
    """Stacking, composition and coordination of the crystalline anions of a frame.

    Fcc is told from hcp by how many of 12 neighbours have another opposite, 12 in fcc and 6 in hcp:
    coarser than common neighbour analysis, and it still works where thermal displacements
    are so large that that finds neither.
    """
    from seicampaign.analysis.order import count_opposites

    anions, box, t = found.anions, found.contents, found.thresholds
    numbers = box.numbers[anions.atoms[anions.crystalline]]
    if not anions.core.any():
        return Crystal(0, 0, *_composition(numbers), np.nan, np.nan)
    distance = anions.distance[anions.core]
    opposites = count_opposites(anions.vector[anions.core], distance, t.fcc_cosine)
    fcc = opposites >= t.fcc_opposites
    core = anions.atoms[anions.core]
    lithium = box.count(core, box.lithium, t.shell_distance)
    return Crystal(
        int(fcc.sum()),
        int((~fcc).sum()),
        *_composition(numbers),
        float(lithium.mean()),
        float(distance.mean() * np.sqrt(2)),
    )


def _composition(numbers: NDArray[np.int64]) -> tuple[float, float]:
    if not len(numbers):
        return np.nan, np.nan
    return float((numbers == PHOSPHORUS).mean()), float(np.isin(numbers, HALOGENS).mean())
