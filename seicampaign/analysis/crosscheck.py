"""The same frame through OVITO, where it is installed: a second opinion on the crystal.

OVITO is no dependency: `pip install ovito`. It is asked about the same anions, by adaptive common
neighbour analysis and by polyhedral template matching. Both are strict at the surface of a
grain: they find less crystal than there is in small grains, and none that is not there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.frame import FrameAnalysis
from seicampaign.errors import AnalysisError


class SecondOpinion(NamedTuple):
    """Crystalline anions by three methods, as masks over `FrameAnalysis.anions`."""

    ours: NDArray[np.bool_]
    common_neighbours: NDArray[np.bool_]
    template_matching: NDArray[np.bool_]

    def fractions(self, n_anions: int) -> dict[str, float]:
        """Crystalline share of all anions, by method."""
        return {name: int(mask.sum()) / n_anions for name, mask in self._asdict().items()}


def second_opinion(found: FrameAnalysis, rmsd_cutoff: float = 0.15) -> SecondOpinion:
    """Ask OVITO which anions are fcc or hcp.

    Parameters
    ----------
    rmsd_cutoff
        Of template matching; over 0.2 a tenth of a glass becomes crystal.

    Raises
    ------
    AnalysisError
        If OVITO is not installed.
    """
    try:
        from ovito.modifiers import (  # type: ignore[import-not-found]
            CommonNeighborAnalysisModifier,
            PolyhedralTemplateMatchingModifier,
        )
    except ImportError as error:
        raise AnalysisError(
            "OVITO is not installed here. It is optional: `pip install ovito`."
        ) from error
    positions = found.contents.fractional[found.anions.atoms] @ found.contents.cell
    answers = []
    for modifier in (
        CommonNeighborAnalysisModifier(),
        PolyhedralTemplateMatchingModifier(rmsd_cutoff=rmsd_cutoff),
    ):
        data = ovito_data(positions, found.contents.cell)
        data.apply(modifier)
        kind = modifier.Type
        structure = np.asarray(data.particles["Structure Type"])
        answers.append(np.isin(structure, [int(kind.FCC), int(kind.HCP)]))
    return SecondOpinion(found.anions.crystalline, *answers)


def ovito_data(positions: NDArray[np.float64], cell: NDArray[np.float64]) -> Any:
    """Positions (N, 3) in a periodic cell (rows, Angstrom) as an OVITO data collection."""
    from ovito.data import DataCollection  # type: ignore[import-not-found]

    data = DataCollection()
    matrix = np.zeros((3, 4))
    matrix[:, :3] = cell.T
    data.create_cell(matrix, pbc=(True, True, True))
    particles = data.create_particles(count=len(positions))
    particles.create_property("Position", data=positions)
    return data
