"""What a box holds: checked once, then trusted by all of the analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import AnalysisError, CensusError

if TYPE_CHECKING:
    from seicampaign.analysis.neighbours import Sorted

PIECE_ROOM = 4
"""A box is repeated until so many steps fit into it, to see which atoms hang together."""

LITHIUM, PHOSPHORUS = 3, 15
CHALCOGENS = (16, 34)
HALOGENS = (9, 17, 35, 53)

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


class Neighbours(NamedTuple):
    """The nearest targets of every query, nearest first.

    Attributes
    ----------
    within
        (Q,) how many targets lie within the cutoff, which can exceed the width.
    which
        (Q, width) positions among the targets; -1 where there are fewer.
    distance
        (Q, width) Angstrom; infinite where there are fewer.
    vector
        (Q, width, 3) from query to target, Angstrom; empty unless asked for.
    """

    within: Indices
    which: Indices
    distance: Floats
    vector: Floats


@dataclass(frozen=True)
class Contents:
    """A frame that can be analysed, and its atoms by what they are here.

    Attributes
    ----------
    fractional
        (N, 3) coordinates in [0, 1).
    cell
        (3, 3) lattice vectors as rows, Angstrom.
    numbers
        (N,) atomic numbers.
    lithium, phosphorus, chalcogens
        Indices of those atoms; all that is not Li is an anion.
    """

    fractional: Floats
    cell: Floats
    numbers: Indices
    lithium: Indices
    phosphorus: Indices
    chalcogens: Indices

    @classmethod
    def checked(cls, positions: ArrayLike, cell: ArrayLike, numbers: ArrayLike) -> Contents:
        """Take (N, 3) positions, wrapped or not, a (3, 3) cell and (N,) atomic numbers.

        Raises
        ------
        AnalysisError
            Where no honest number can be given.
        """
        x = np.ascontiguousarray(positions, np.float64)
        h = np.ascontiguousarray(cell, np.float64)
        z = np.asarray(numbers, np.int64)
        if x.shape != (len(z), 3) or h.shape != (3, 3):
            raise AnalysisError(
                f"positions {x.shape}, cell {h.shape} and numbers {z.shape} do not fit together: "
                "(N, 3), (3, 3) and (N,) are needed."
            )
        check_elements(z)
        _check_finite(x, h)
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

    @property
    def n_anions(self) -> int:
        """P, chalcogens and halogens."""
        return len(self.numbers) - len(self.lithium)

    def nearest(
        self,
        queries: Indices,
        targets: Indices,
        cutoff: float,
        width: int,
        *,
        vectors: bool = False,
    ) -> Neighbours:
        """The nearest `width` of `targets` within `cutoff` (A) of each of `queries`.

        An atom in both is not its own neighbour, but its periodic images are.
        """
        from seicampaign.analysis.neighbours import nearest

        centres, into, own = self._search(queries, targets, cutoff)
        return Neighbours(*nearest(centres, self.cell, *into, float(cutoff), width, vectors, own))

    def count(self, queries: Indices, targets: Indices, cutoff: float) -> Indices:
        """(Q,) how many of `targets` lie within `cutoff` (A) of each of `queries`."""
        from seicampaign.analysis.neighbours import count_within

        centres, into, own = self._search(queries, targets, cutoff)
        return np.asarray(count_within(centres, self.cell, *into, float(cutoff), own))

    def _search(
        self, queries: Indices, targets: Indices, cutoff: float
    ) -> tuple[Floats, Sorted, Indices]:
        """Where to search from, in what, and which target each query itself is."""
        from seicampaign.analysis.neighbours import prepare

        place = np.full(len(self.numbers), -1)
        place[targets] = np.arange(len(targets))
        into = prepare(self.fractional, self.cell, targets, cutoff)
        return self.fractional[queries], into, place[queries]

    def in_pieces(self, atoms: Indices, size: int, cutoff: float) -> NDArray[np.bool_]:
        """(Q,) which of `atoms` hang together, in steps within `cutoff` (A), `size` or more.

        Small boxes are repeated: there a piece goes on through the faces.
        """
        from seicampaign.analysis.neighbours import heights, in_pieces, prepare

        times = np.ceil(PIECE_ROOM * cutoff / heights(self.cell)).astype(np.int64)
        places = np.indices(times.tolist()).reshape(3, -1).T
        copies = ((self.fractional[atoms] + places[:, None]) / times).reshape(-1, 3)
        cell = self.cell * times[:, None]
        into = prepare(copies, cell, np.arange(len(copies)), cutoff)
        return np.asarray(in_pieces(copies, cell, *into, float(cutoff), size))[: len(atoms)]


def check_elements(numbers: ArrayLike) -> None:
    """Refuse what the reduction census cannot count, for any frame of such atoms.

    Parameters
    ----------
    numbers
        (N,) atomic numbers.

    Raises
    ------
    CensusError
        If there is an element it does not know, or no P.
    """
    known = {LITHIUM, PHOSPHORUS, *CHALCOGENS, *HALOGENS}
    present = set(np.flatnonzero(np.bincount(np.asarray(numbers, np.int64))).tolist())
    if strange := present - known:
        from ase.data import chemical_symbols

        names = ", ".join(chemical_symbols[z] for z in sorted(strange))
        raise CensusError(
            f"The reduction census does not know {names}: it counts the S around P, in boxes of "
            "Li, P, S, Se and halogens. Another redox centre needs a census of its own."
        )
    if PHOSPHORUS not in present:
        raise CensusError(
            "There is no P in the box, and the reduction degree is counted on P. "
            "Analyse frames that hold an electrolyte with PS4 units."
        )


def _check_finite(positions: Floats, cell: Floats) -> None:
    if not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-3:
        raise AnalysisError(f"The cell {cell.tolist()} has no volume or is not finite.")
    if not np.isfinite(positions).all():
        broken = ~np.isfinite(positions).all(axis=1)
        raise AnalysisError(
            f"{int(broken.sum())} positions are not finite, the first that of atom "
            f"{int(np.argmax(broken))}: the simulation broke before this frame."
        )
