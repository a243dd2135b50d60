"""Whether the crystal closes the way from the metal to the electrolyte.

A crystal that wraps around the box need not block it, and one that does not may: so the rest is
flooded instead. Voxels farther than a radius from every crystalline anion are open; a way is open
if they connect, through in-plane periodic images, the middle of the anode with the middle of the
electrolyte. The two interfaces are two ways.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from seicampaign.analysis.frame import FrameAnalysis
from seicampaign.analysis.profile import normal_axis


class Ways(NamedTuple):
    """Whether Li can pass from the anode to the electrolyte around the crystal."""

    lower: bool
    upper: bool

    def curve_values(self) -> dict[str, float]:
        """1 for open and 0 for closed."""
        return {"way_lower": float(self.lower), "way_upper": float(self.upper)}


@nb.njit(cache=True)
def _paint(
    points: np.ndarray, cell: np.ndarray, shape: np.ndarray, reach: np.ndarray, radius: float
) -> np.ndarray:
    """Mark the voxels whose centre lies within `radius` of a point, all periodic.

    Of a row of voxels along the last axis those are marked that lie between where it enters the
    sphere and where it leaves it.
    """
    blocked = np.zeros((shape[0], shape[1], shape[2]), np.bool_)
    length2 = (cell[2] ** 2).sum()
    per_length2 = shape[2] / length2
    for n in range(len(points)):
        at = points[n] * shape
        i, j = int(at[0]), int(at[1])
        for a in range(i - reach[0], i + reach[0] + 1):
            u = (a + 0.5 - at[0]) / shape[0]
            for b in range(j - reach[1], j + reach[1] + 1):
                v = (b + 0.5 - at[1]) / shape[1]
                along, away2 = 0.0, 0.0
                for x in range(3):
                    d = u * cell[0, x] + v * cell[1, x]
                    along += d * cell[2, x]
                    away2 += d * d
                inside = along * along - length2 * (away2 - radius * radius)
                if inside < 0:
                    continue
                middle, half = at[2] - 0.5 - along * per_length2, np.sqrt(inside) * per_length2
                first, last = int(np.ceil(middle - half)), int(np.floor(middle + half))
                row = blocked[a % shape[0], b % shape[1]]
                if first >= 0 and last < shape[2]:
                    row[first : last + 1] = True
                else:
                    for c in range(first, last + 1):
                        row[c % shape[2]] = True
    return blocked


def find_ways(found: FrameAnalysis) -> Ways:
    """Flood both interfaces of a frame, in voxels of about `Thresholds.way_voxel` (A).

    Li cannot pass the sphere of `Thresholds.way_radius` (A) around a crystalline anion.
    """
    from seicampaign.analysis.neighbours import heights

    box, axis = found.contents, normal_axis(found.contents, found.phase)
    points = box.fractional[found.anions.atoms[found.anions.crystalline]].copy()
    points[:, 2] = (points[:, 2] - axis.anode) % 1
    height, radius = heights(box.cell), found.thresholds.way_radius
    shape = np.maximum(np.rint(height / found.thresholds.way_voxel), 1).astype(np.int64)
    reach = np.ceil(radius / height * shape).astype(np.int64)
    blocked = _paint(points, box.cell, shape, reach, radius)
    middle = min(max(round(axis.electrolyte * shape[2]), 1), int(shape[2]) - 1)
    lower, upper = blocked[:, :, :middle], blocked[:, :, middle:]
    return Ways(bool(passable(lower)), bool(passable(upper)))


@nb.njit(cache=True)
def passable(blocked: np.ndarray) -> bool:
    """Whether free voxels connect the first layer along the last axis with the last.

    Periodic along the first two axes only. Depth first and forward first: an open way is found
    after few voxels.
    """
    n_a, n_b, n_c = blocked.shape
    wet = blocked.copy()
    stack = np.empty((blocked.size, 3), np.int64)
    for i in range(n_a):
        for j in range(n_b):
            if wet[i, j, 0]:
                continue
            wet[i, j, 0] = True
            stack[0, 0], stack[0, 1], stack[0, 2] = i, j, 0
            height = 1
            while height > 0:
                height -= 1
                a, b, c = stack[height]
                if c == n_c - 1:
                    return True
                for n in range(6):
                    at, bt, ct = a, b, c
                    if n == 0:
                        ct -= 1
                    elif n == 1:
                        at = (a + 1) % n_a
                    elif n == 2:
                        at = (a - 1) % n_a
                    elif n == 3:
                        bt = (b + 1) % n_b
                    elif n == 4:
                        bt = (b - 1) % n_b
                    else:
                        ct += 1
                    if ct >= 0 and not wet[at, bt, ct]:
                        wet[at, bt, ct] = True
                        stack[height, 0], stack[height, 1], stack[height, 2] = at, bt, ct
                        height += 1
    return False
