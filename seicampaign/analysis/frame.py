"""Which phase every atom of a frame is in, and how far the electrolyte is reduced."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.analysis.profile import Thickness, box_height, sei_thickness
from seicampaign.analysis.thresholds import Thresholds
from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from ase import Atoms

LITHIUM, PHOSPHORUS = 3, 15
CHALCOGENS = (16, 34)
HALOGENS = (9, 17, 35, 53)
FULL_SHELL = 4

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Phase(IntEnum):
    """The phase an atom is in."""

    ANODE = 0
    CRYSTALLINE = 1
    AMORPHOUS = 2
    ELECTROLYTE = 3


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
    core
        (N,) whether the atom is a core anion of the crystal (others of the crystal are grown).
    n_anions, n_lithium
        P, chalcogens and halogens together; Li.
    thickness
        Of the reacted layer at both interfaces, Angstrom.
    thresholds
        Those it was made with.
    """

    phase: NDArray[np.int8]
    ps_census: Indices
    pp_bonds: int
    core: Mask
    n_anions: int
    n_lithium: int
    n_crystalline: int
    thickness: Thickness
    thresholds: Thresholds

    @property
    def n_phosphorus(self) -> int:
        """Number of P, which is the number of formula units."""
        return int(self.ps_census.sum())

    @property
    def reduction_degree(self) -> float:
        """Alpha of arXiv 2402.04095: sum over P of (8 - 2 n_S) / 8, per P; 0 intact, 1 reduced."""
        electrons = 8 - 2 * np.arange(FULL_SHELL + 1)
        return float(self.ps_census @ electrons) / (8 * self.n_phosphorus)

    @property
    def crystalline_fraction(self) -> float:
        """Crystalline anions, core and grown, of all anions (P of PS4 included)."""
        return self.n_crystalline / self.n_anions

    @property
    def crystalline_core_fraction(self) -> float:
        """Core anions of all anions: the lower end of the bracket."""
        return int(self.core.sum()) / self.n_anions

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
        return int((self.phase == Phase.ANODE).sum()) / max(self.n_lithium, 1)

    @property
    def sei_thickness(self) -> float:
        """Thickness of the reacted layer, Angstrom, mean of the two interfaces."""
        return self.thickness.mean

    def curve_values(self) -> dict[str, float]:
        """One value for every name in `CURVES`."""
        scalars = (
            "reduction_degree",
            "crystalline_fraction",
            "crystalline_core_fraction",
            "amorphous_fraction",
            "residual_electrolyte",
            "residual_metal",
            "sei_thickness",
        )
        values = {name: float(getattr(self, name)) for name in scalars}
        values["sei_thickness_lower"] = self.thickness.lower
        values["sei_thickness_upper"] = self.thickness.upper
        for n, count in enumerate(self.ps_census):
            values[f"ps{n}"] = int(count) / self.n_phosphorus
        values["pp_bonds"] = float(self.pp_bonds)
        return values


def classify_frame(atoms: Atoms, thresholds: Thresholds | None = None) -> FrameAnalysis:
    """Assign a phase to every atom of a lithium-metal contact.

    Parameters
    ----------
    atoms
        Li, P, S or Se, and halogens in a box that is periodic in all directions, which may be
        triclinic or small; wrapped or not. Two of its lattice vectors span the interfaces.
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
    frame = _Frame.checked(positions, cell, numbers)
    bonds = _bonds(frame, thresholds)
    phase = np.full(len(frame.numbers), Phase.AMORPHOUS, np.int8)
    core = np.zeros(len(frame.numbers), np.bool_)
    phase[frame.phosphorus[bonds.sulfurs >= FULL_SHELL]] = Phase.ELECTROLYTE
    core[_assign_anions(frame, bonds, phase, thresholds)] = True
    n_crystalline = int((phase == Phase.CRYSTALLINE).sum())
    _assign_lithium(frame, phase, thresholds)
    reacted = (phase == Phase.CRYSTALLINE) | (phase == Phase.AMORPHOUS)
    return FrameAnalysis(
        phase=phase,
        ps_census=np.bincount(np.minimum(bonds.sulfurs, FULL_SHELL), minlength=FULL_SHELL + 1),
        pp_bonds=bonds.pp,
        core=core,
        n_anions=len(frame.numbers) - len(frame.lithium),
        n_lithium=len(frame.lithium),
        n_crystalline=n_crystalline,
        thickness=sei_thickness(
            frame.fractional[:, 2],
            box_height(frame.cell),
            reacted,
            phase == Phase.ANODE,
            phase == Phase.ELECTROLYTE,
            thresholds.profile_bin,
        ),
        thresholds=thresholds,
    )


@dataclass(frozen=True)
class _Frame:
    """A frame that can be analysed, and its elements by what they are here."""

    fractional: NDArray[np.float64]
    cell: NDArray[np.float64]
    numbers: Indices
    lithium: Indices
    phosphorus: Indices
    chalcogens: Indices

    @classmethod
    def checked(cls, positions: ArrayLike, cell: ArrayLike, numbers: ArrayLike) -> _Frame:
        """Raises AnalysisError where no honest number can be given."""
        x = np.ascontiguousarray(positions, np.float64)
        h = np.ascontiguousarray(cell, np.float64)
        z = np.asarray(numbers, np.int64)
        if x.shape != (len(z), 3) or h.shape != (3, 3):
            raise AnalysisError(
                f"positions {x.shape}, cell {h.shape} and numbers {z.shape} do not fit together: "
                "(N, 3), (3, 3) and (N,) are needed."
            )
        _check_elements(z)
        if not np.isfinite(h).all() or abs(np.linalg.det(h)) < 1e-3:
            raise AnalysisError(f"The cell {h.tolist()} has no volume or is not finite.")
        finite = np.isfinite(x).all(axis=1)
        if not finite.all():
            raise AnalysisError(
                f"{int((~finite).sum())} positions are not finite, the first that of atom "
                f"{int(np.argmin(finite))}: the simulation broke before this frame."
            )
        fractional = x @ np.linalg.inv(h)
        fractional -= np.floor(fractional)
        fractional[fractional >= 1.0] = 0.0
        return cls(
            fractional,
            h,
            z,
            lithium=np.flatnonzero(z == LITHIUM),
            phosphorus=np.flatnonzero(z == PHOSPHORUS),
            chalcogens=np.flatnonzero(np.isin(z, CHALCOGENS)),
        )


def _check_elements(numbers: Indices) -> None:
    known = {LITHIUM, PHOSPHORUS, *CHALCOGENS, *HALOGENS}
    present = set(np.flatnonzero(np.bincount(numbers)).tolist()) if len(numbers) else set()
    if strange := present - known:
        from ase.data import chemical_symbols

        names = ", ".join(chemical_symbols[z] for z in sorted(strange))
        raise AnalysisError(
            f"The reduction census does not know {names}: it counts the S around P, in boxes of "
            "Li, P, S, Se and halogens. Another redox centre needs a census of its own."
        )
    if PHOSPHORUS not in present:
        raise AnalysisError(
            "There is no P in the box, and the reduction degree is counted on P. "
            "Analyse frames that hold an electrolyte with PS4 units."
        )


@dataclass(frozen=True)
class _Bonds:
    """Covalent bonds of P: how many S each P has, and what each S is part of."""

    sulfurs: Indices
    pp: int
    in_intact: Mask
    in_partial: Mask


def _bonds(frame: _Frame, thresholds: Thresholds) -> _Bonds:
    from seicampaign.analysis.neighbours import nearest

    sulfurs, index, _, _ = nearest(
        frame.fractional, frame.cell, frame.phosphorus, frame.chalcogens, thresholds.ps_bond, 8
    )
    pp, _, _, _ = nearest(
        frame.fractional, frame.cell, frame.phosphorus, frame.phosphorus, thresholds.pp_bond, 1
    )
    in_intact, in_partial = np.zeros((2, len(frame.numbers)), np.bool_)
    for mask, chosen in (
        (in_intact, sulfurs >= FULL_SHELL),
        (in_partial, (sulfurs > 0) & (sulfurs < FULL_SHELL)),
    ):
        bonded = index[chosen]
        mask[frame.chalcogens[bonded[bonded >= 0]]] = True
    return _Bonds(sulfurs, int(pp.sum()) // 2, in_intact, in_partial & ~in_intact)


def _assign_anions(frame: _Frame, bonds: _Bonds, phase: NDArray, thresholds: Thresholds) -> Indices:
    """Write the phase of every anion but the P of whole PS4; return the core of the crystal."""
    from seicampaign.analysis.neighbours import nearest
    from seicampaign.analysis.order import bond_order, core_and_grown

    bonded_p = frame.phosphorus[bonds.sulfurs > 0]
    is_anion = frame.numbers != LITHIUM
    is_anion[bonded_p] = False
    anions = np.flatnonzero(is_anion)
    _, index, distance, vector = nearest(
        frame.fractional, frame.cell, anions, anions, thresholds.anion_cutoff, 12
    )
    intact, partial = bonds.in_intact[anions], bonds.in_partial[anions]
    full = index[:, -1] >= 0
    mean = distance.mean(axis=1)
    dense = (mean > thresholds.anion_distance_min) & (mean < thresholds.anion_distance_max)
    core, grown = core_and_grown(
        index,
        distance,
        bond_order(vector, distance, full),
        full & dense & ~intact & ~partial,
        thresholds.core_link,
        thresholds.core_links,
        thresholds.core_neighbours,
        thresholds.core_distance,
        thresholds.grow_link,
    )
    around = (intact[index] & (index >= 0)).sum(axis=1) / np.maximum((index >= 0).sum(axis=1), 1)
    free = ~intact & ~partial & (frame.numbers[anions] != PHOSPHORUS)
    phase[anions[intact | (free & (around > thresholds.electrolyte_share))]] = Phase.ELECTROLYTE
    phase[anions[core | grown]] = Phase.CRYSTALLINE
    return anions[core]


def _assign_lithium(frame: _Frame, phase: NDArray, thresholds: Thresholds) -> None:
    """Write the phase of every Li: metal by what is not around it, else that of its anions."""
    from seicampaign.analysis.neighbours import nearest

    anions = np.flatnonzero(frame.numbers != LITHIUM)
    touching, index, _, _ = nearest(
        frame.fractional, frame.cell, frame.lithium, anions, thresholds.metal_distance, 4
    )
    bare = frame.lithium[touching == 0]
    maybe = frame.lithium[touching <= thresholds.metal_contact]
    beside, _, _, _ = nearest(
        frame.fractional, frame.cell, maybe, bare, thresholds.metal_neighbour_distance, 1
    )
    votes = np.zeros((len(frame.lithium), len(Phase)), np.int64)
    for n in range(index.shape[1]):
        there = index[:, n] >= 0
        np.add.at(votes, (np.flatnonzero(there), phase[anions[index[there, n]]]), 1)
    phase[frame.lithium] = np.where(touching > 0, votes.argmax(axis=1), Phase.AMORPHOUS)
    phase[maybe[beside >= thresholds.metal_neighbours]] = Phase.ANODE
