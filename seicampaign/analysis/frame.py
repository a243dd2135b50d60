"""What a frame is: phases, reduction, and a value for every curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.analysis.contents import Contents
from seicampaign.analysis.phases import (
    FULL_SHELL,
    AnionShells,
    Phase,
    assign_phases,
    find_bonds,
    find_crystal,
    reduction_degree,
)
from seicampaign.analysis.profile import Thickness, sei_thickness
from seicampaign.analysis.thresholds import Thresholds
from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.analysis.clusters import ShellBonds

# Freed at once and never touched, this makes glibc keep up to twice as much of what a frame has
# used for the next one. Else it is given back and asked for again, page by page: 3 ms a frame.
np.empty(24 * 2**20, np.uint8)


@dataclass(frozen=True)
class FrameAnalysis:
    """What `classify_frame` found.

    Attributes
    ----------
    phase
        (N,) a `Phase` for every atom, int8.
    ps_census
        (5,) how many P have 0, 1, 2, 3 and at least 4 S.
    pp_bonds
        Number of P-P bonds. The formula of alpha does not know them.
    thickness
        Of the reacted layer at both interfaces, Angstrom.
    contents, anions
        The box and the shells of its anions, for what is built on them (grains, percolation).
    thresholds
        Those it was made with.
    """

    phase: NDArray[np.int8]
    ps_census: NDArray[np.int64]
    pp_bonds: int
    thickness: Thickness
    contents: Contents
    anions: AnionShells
    thresholds: Thresholds

    @property
    def n_phosphorus(self) -> int:
        """Number of P, which is the number of formula units."""
        return len(self.contents.phosphorus)

    @property
    def reduction_degree(self) -> float:
        """Alpha of arXiv 2402.04095: sum over P of (8 - 2 n_S) / 8, per P; 0 intact, 1 reduced."""
        return reduction_degree(self.ps_census)

    @property
    def crystalline_fraction(self) -> float:
        """Crystalline anions, core and grown, of all anions (P of PS4 included)."""
        return int(self.anions.crystalline.sum()) / self.contents.n_anions

    @property
    def crystalline_core_fraction(self) -> float:
        """Core anions of all anions: the lower end of the bracket."""
        return int(self.anions.core.sum()) / self.contents.n_anions

    @property
    def amorphous_fraction(self) -> float:
        """Reduced and not crystalline: `reduction_degree` - `crystalline_fraction`, exactly.

        Slightly negative where a crystal holds more free S and halide, which had no reduction
        to undergo, than its share of P.
        """
        return self.reduction_degree - self.crystalline_fraction

    @property
    def residual_electrolyte(self) -> float:
        """Share of P that still have four S."""
        return int(self.ps_census[FULL_SHELL]) / self.n_phosphorus

    @property
    def residual_metal(self) -> float:
        """Share of Li that is in the metal."""
        return int((self.phase == Phase.ANODE).sum()) / max(len(self.contents.lithium), 1)

    @property
    def sei_thickness(self) -> float:
        """Thickness of the reacted layer, Angstrom, mean of the two interfaces."""
        return self.thickness.mean

    @cached_property
    def crystal_bonds(self) -> ShellBonds:
        """Between crystalline neighbours; sites are the rows of `anions`."""
        from seicampaign.analysis.clusters import shell_bonds

        anions, box = self.anions, self.contents
        at, inverse = box.fractional[anions.atoms], np.linalg.inv(box.cell)
        return shell_bonds(
            anions.index, anions.vector, at, inverse, anions.crystalline, anions.link
        )

    def curve_values(self) -> dict[str, float]:
        """What is known without looking further; `frame_curves` has the rest of `CURVES`."""
        return {
            "reduction_degree": self.reduction_degree,
            "crystalline_fraction": self.crystalline_fraction,
            "crystalline_core_fraction": self.crystalline_core_fraction,
            "amorphous_fraction": self.amorphous_fraction,
            "residual_electrolyte": self.residual_electrolyte,
            "residual_metal": self.residual_metal,
            "sei_thickness": self.sei_thickness,
            "sei_thickness_lower": self.thickness.lower,
            "sei_thickness_upper": self.thickness.upper,
            **{f"ps{n}": int(c) / self.n_phosphorus for n, c in enumerate(self.ps_census)},
            "pp_bonds": float(self.pp_bonds),
        }


def classify_frame(atoms: Atoms, thresholds: Thresholds | None = None) -> FrameAnalysis:
    """Assign a phase to every atom of a lithium-metal contact.

    Parameters
    ----------
    atoms
        Li, P, S or Se, and halogens in a box that is periodic in all directions, which may be
        triclinic or small; wrapped or not. Its first two lattice vectors span the interfaces.
    thresholds
        Defaults to `Thresholds()`.

    Raises
    ------
    AnalysisError
        Without P, with an element the census does not know, with positions or a cell that
        are not finite, or without periodicity.
    """
    if not atoms.pbc.all():
        raise AnalysisError(
            f"The box is periodic along {atoms.pbc.tolist()} only; the analysis counts neighbours "
            "through all faces. Set atoms.pbc = True (with vacuum where there is a surface)."
        )
    return classify(atoms.positions, atoms.cell.array, atoms.numbers, thresholds)


def classify(
    positions: ArrayLike, cell: ArrayLike, numbers: ArrayLike, thresholds: Thresholds | None = None
) -> FrameAnalysis:
    """As `classify_frame`, from (N, 3) positions, a (3, 3) cell (Angstrom) and (N,) numbers."""
    thresholds = thresholds or Thresholds()
    box = Contents.checked(positions, cell, numbers)
    bonds = find_bonds(box, thresholds)
    anions = find_crystal(box, bonds, thresholds)
    phase = assign_phases(box, bonds, anions, thresholds)
    return FrameAnalysis(
        phase=phase,
        ps_census=np.bincount(np.minimum(bonds.sulfurs, FULL_SHELL), minlength=FULL_SHELL + 1),
        pp_bonds=bonds.pp,
        thickness=sei_thickness(box, phase, thresholds.profile_bin),
        contents=box,
        anions=anions,
        thresholds=thresholds,
    )
