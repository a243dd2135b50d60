"""P-S bonds with a memory: formed under one distance, broken over another.

With a single cutoff a bond that vibrates about it is broken and formed again many times. A bond
that forms under 2.4 A and lasts until 3.0 A changes about as often as the bond really does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.contents import Contents
from seicampaign.analysis.phases import FULL_SHELL, reduction_degree
from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM, BREAK = 2.4, 3.0
NEAREST = 8


@dataclass
class BondMemory:
    """The P-S bonds of a trajectory so far.

    Feed it every frame in order. `state` can be stored, to go on later.

    Attributes
    ----------
    form, break_
        Distances, Angstrom.
    bonds
        (B, 2) P and S of every bond, as atom indices; None before the first frame.
    formed, broken
        How many bonds have formed and broken since the first frame.
    """

    form: float = FORM
    break_: float = BREAK
    bonds: NDArray[np.int64] | None = None
    formed: int = 0
    broken: int = 0
    census: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FULL_SHELL + 1, np.int64))

    def __post_init__(self) -> None:
        if not 0 < self.form <= self.break_:
            raise AnalysisError(
                f"A bond cannot form under {self.form} A and break over {self.break_} A: "
                "0 < form <= break is needed."
            )

    def update(self, box: Contents) -> float:
        """Take the next frame; returns the reduction degree with these bonds."""
        _, index, distance, _ = box.nearest(box.phosphorus, box.chalcogens, self.break_, NEAREST)
        p, n = np.nonzero(index >= 0)
        pairs = np.stack([box.phosphorus[p], box.chalcogens[index[p, n]]], axis=1)
        keys = pairs @ [len(box.numbers), 1]
        before = np.zeros(0, np.int64) if self.bonds is None else self._keys(box)
        bonded = (distance[p, n] < self.form) | np.isin(keys, before)
        if self.bonds is not None:
            self.formed += int((~np.isin(keys[bonded], before)).sum())
            self.broken += int((~np.isin(before, keys[bonded])).sum())
        self.bonds = pairs[bonded]
        sulfurs = np.bincount(p[bonded], minlength=len(box.phosphorus))
        self.census = np.bincount(np.minimum(sulfurs, FULL_SHELL), minlength=FULL_SHELL + 1)
        return self.reduction_degree

    @property
    def reduction_degree(self) -> float:
        """Alpha of the last frame, with these bonds."""
        return reduction_degree(self.census)

    def curve_values(self) -> dict[str, float]:
        """Alpha with these bonds, and how many have formed and broken so far."""
        return {
            "reduction_degree_bonds": self.reduction_degree,
            "bonds_formed": float(self.formed),
            "bonds_broken": float(self.broken),
        }

    def state(self) -> dict[str, Any]:
        """All of it as arrays."""
        bonds = np.zeros((0, 2)) if self.bonds is None else self.bonds
        counts = np.array([self.bonds is not None, self.formed, self.broken])
        return {"bonds": bonds.astype(np.int32), "counts": counts, "census": self.census}

    @classmethod
    def restored(cls, form: float, break_: float, state: Mapping[str, NDArray]) -> BondMemory:
        """From what `state` gave."""
        begun, formed, broken = (int(n) for n in state["counts"])
        bonds = state["bonds"].astype(np.int64) if begun else None
        return cls(form, break_, bonds, formed, broken, state["census"])

    def _keys(self, box: Contents) -> NDArray[np.int64]:
        assert self.bonds is not None
        return np.asarray(self.bonds @ [len(box.numbers), 1], np.int64)
