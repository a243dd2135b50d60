"""Curves that need the frames before: bonds with a memory, and the motion of Li.

Their state is a few arrays. Stored beside the curves, it lets them go on with new frames alone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from seicampaign.analysis.hysteresis import BondMemory
from seicampaign.analysis.motion import LithiumMotion
from seicampaign.analysis.profile import SLABS
from seicampaign.analysis.quantities import Quantity
from seicampaign.analysis.thresholds import Thresholds

if TYPE_CHECKING:
    from seicampaign.analysis.frame import FrameAnalysis

RUNNING_CURVES: dict[str, Quantity] = {
    "reduction_degree_bonds": Quantity("1", "alpha, with P-S bonds that form and break apart"),
    "bonds_formed": Quantity("1", "P-S bonds formed since the first frame"),
    "bonds_broken": Quantity("1", "P-S bonds broken since the first frame"),
    "lithium_passed_lower": Quantity("1/nm2", "Li from the anode through the lower plane, net"),
    "lithium_passed_upper": Quantity("1/nm2", "Li from the anode through the upper plane, net"),
    **{
        f"msd_{name}": Quantity("A2", f"of Li in the {name}, in plane, over a lag")
        for name in SLABS
    },
    **{
        f"diffusivity_{name}": Quantity("cm2/s", f"of Li in the {name}, in plane") for name in SLABS
    },
}


@dataclass
class Running:
    """What the frames so far have left behind. Feed it every frame in order, each once."""

    bonds: BondMemory
    lithium: LithiumMotion

    @classmethod
    def new(cls, thresholds: Thresholds | None = None) -> Self:
        """Before the first frame."""
        t = thresholds or Thresholds()
        planes = None if t.flux_planes is None else np.array(t.flux_planes)
        return cls(BondMemory(t.bond_form, t.bond_break), LithiumMotion(t.motion_lag, planes))

    def update(self, time: float, found: FrameAnalysis) -> dict[str, float]:
        """Take the next frame; returns a value for every name in `RUNNING_CURVES`."""
        self.bonds.update(found.contents)
        return self.bonds.curve_values() | self.lithium.update(time, found)

    def to_bytes(self) -> bytes:
        """All of it, to be stored."""
        file = io.BytesIO()
        np.savez_compressed(file, **self.bonds.state(), **self.lithium.state())
        return file.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes, thresholds: Thresholds) -> Self:
        """From what `to_bytes` gave, under the same thresholds."""
        with np.load(io.BytesIO(stored)) as file:
            state = dict(file)
        return cls(
            BondMemory.restored(thresholds.bond_form, thresholds.bond_break, state),
            LithiumMotion.restored(thresholds.motion_lag, state),
        )
