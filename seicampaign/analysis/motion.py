"""How Li moves while a trajectory goes by: through two planes, and within three slabs.

Fed every frame in order, with nothing kept but one vector per Li: the steps from frame to frame are
taken to the nearest image, so that it does not matter whether positions are wrapped. An atom
must not go half a box between two frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.frame import FrameAnalysis
from seicampaign.analysis.profile import SLABS, contact_planes, slabs
from seicampaign.analysis.transport import A2_PER_PS_IN_CM2_PER_S
from seicampaign.cells import cell_flip
from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]
A2_IN_NM2 = 0.01
MIN_ATOMS = 10
"""A mean square displacement of fewer atoms is not given."""


def _nothing(dtype: type) -> NDArray:
    return np.zeros(0, dtype)


@dataclass
class LithiumMotion:
    """Net passage of Li through two planes, and its in-plane displacement in each slab.

    Displacements are taken over one lag after another, of the Li that stay in their slab for all
    of it. The slope between half of the lag and the whole is free of vibration.

    Attributes
    ----------
    lag
        ps.
    planes
        (2,) fractions of the third lattice vector; None until they are found in the first frame.
    passed
        (2,) Li through each plane so far, from the side of the anode, net.
    area
        Of the first frame, Angstrom^2.
    previous, cell
        (M, 3) fractional coordinates of the Li in the last frame, float32, and (3, 3) its cell.
    start, moved, slab
        Time (ps) the lag began at; (M, 2) fractional steps since; (M,) slab of the Li
        that never left it, else -1.
    half_time, half
        Time and (3,) mean squares at half of the lag.
    """

    lag: float
    planes: Floats | None = None
    passed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    area: float = np.nan
    previous: NDArray[np.float32] = field(default_factory=lambda: _nothing(np.float32))
    cell: Floats = field(default_factory=lambda: np.eye(3))
    start: float = np.nan
    moved: NDArray[np.float32] = field(default_factory=lambda: _nothing(np.float32))
    slab: NDArray[np.int8] = field(default_factory=lambda: _nothing(np.int8))
    half_time: float = np.nan
    half: Floats = field(default_factory=lambda: np.full(len(SLABS), np.nan))

    def update(self, time: float, found: FrameAnalysis) -> dict[str, float]:
        """Take the next frame (`time` in ps); returns its curve values."""
        box = found.contents
        here = box.fractional[box.lithium].astype(np.float32)
        slab = slabs(box, found.phase, found.thresholds.profile_bin)[box.lithium]
        if np.isnan(self.start):
            self._begin(found)
            self._restart(time, slab)
        else:
            self._turn_to(box.cell)
            self._follow(here, slab)
        self.previous, self.cell = here, box.cell
        return self._passage() | self._displacement(time, box.cell, slab)

    def _begin(self, found: FrameAnalysis) -> None:
        cell = found.contents.cell
        self.area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
        if self.planes is None:
            self.planes = contact_planes(found.contents, found.phase, found.thresholds.profile_bin)

    def _restart(self, time: float, slab: NDArray[np.int8]) -> None:
        self.start, self.half_time = time, np.nan
        self.moved = np.zeros((len(slab), 2), np.float32)
        self.slab = slab

    def _turn_to(self, cell: Floats) -> None:
        """Let what is kept count along a cell that LAMMPS has flipped since."""
        flip = cell_flip(cell, self.cell)
        if (flip != np.eye(3)).any():
            back = np.linalg.inv(flip).astype(np.float32)
            self.previous = self.previous @ back
            self.moved = self.moved @ back[:2, :2]

    def _follow(self, here: NDArray[np.float32], slab: NDArray[np.int8]) -> None:
        assert self.planes is not None
        if here.shape != self.previous.shape:
            raise AnalysisError(
                f"The frame has {len(here)} Li, and the one before had {len(self.previous)}: they "
                "are not frames of one simulation."
            )
        step = here - self.previous
        step -= np.rint(step)
        self.moved += step[:, :2]
        self.slab = np.where(self.slab == slab, slab, -1).astype(np.int8)
        height = self.previous[:, 2, None] - self.planes
        height -= np.floor(height)
        through = np.floor(height + step[:, 2, None]).sum(axis=0)
        self.passed += np.nan_to_num(through).astype(np.int64) * [1, -1]

    def _passage(self) -> dict[str, float]:
        assert self.planes is not None
        each = np.where(np.isnan(self.planes), np.nan, self.passed / (self.area * A2_IN_NM2))
        return {"lithium_passed_lower": float(each[0]), "lithium_passed_upper": float(each[1])}

    def _displacement(self, time: float, cell: Floats, slab: NDArray[np.int8]) -> dict[str, float]:
        msd, slope = np.full((2, len(SLABS)), np.nan)
        since = time - self.start + 1e-9
        if np.isnan(self.half_time) and since >= self.lag / 2:
            self.half_time, self.half = time, self._mean_squares(cell)
        if since >= self.lag:
            msd = self._mean_squares(cell)
            if time > self.half_time:
                slope = (msd - self.half) / (4 * (time - self.half_time)) * A2_PER_PS_IN_CM2_PER_S
            self._restart(time, slab)
        return {f"msd_{name}": float(msd[n]) for n, name in enumerate(SLABS)} | {
            f"diffusivity_{name}": float(slope[n]) for n, name in enumerate(SLABS)
        }

    def _mean_squares(self, cell: Floats) -> Floats:
        squares = ((self.moved @ cell[:2]) ** 2).sum(axis=1)
        each = [squares[self.slab == n] for n in range(len(SLABS))]
        return np.array([s.mean() if len(s) >= MIN_ATOMS else np.nan for s in each])

    def state(self) -> dict[str, Any]:
        """All of it as arrays, to go on from later."""
        planes = np.full(2, np.nan) if self.planes is None else self.planes
        times = np.array([self.area, self.start, self.half_time])
        return {
            "planes": planes,
            "passed": self.passed,
            "times": times,
            "previous": self.previous,
            "cell": self.cell,
            "moved": self.moved,
            "slab": self.slab,
            "half": self.half,
        }

    @classmethod
    def restored(cls, lag: float, state: Mapping[str, NDArray]) -> LithiumMotion:
        """From what `state` gave."""
        area, start, half_time = (float(x) for x in state["times"])
        kept = ("planes", "passed", "previous", "cell", "moved", "slab")
        rest = {
            name: state[name] for name in kept if name in state
        }  # a state of before has no cell
        return cls(lag, area=area, start=start, half_time=half_time, half=state["half"], **rest)
