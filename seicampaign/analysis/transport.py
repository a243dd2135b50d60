"""How Li moves: through planes, and within a region.

Both need unwrapped positions, as the trajectory store keeps them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import AnalysisError

Floats = NDArray[np.float64]
A2_PER_PS_IN_CM2_PER_S = 1e-4


class Crossings(NamedTuple):
    """Atoms through planes between one frame and the next, (F - 1, planes)."""

    up: NDArray[np.int64]
    down: NDArray[np.int64]

    @property
    def net(self) -> NDArray[np.int64]:
        """Up less down."""
        return self.up - self.down


class MeanSquare(NamedTuple):
    """In-plane mean square displacement.

    Attributes
    ----------
    lags
        (L,) ps.
    msd
        (L,) Angstrom^2; NaN where no atom stayed that long.
    samples
        (L,) how many displacements it is the mean of.
    """

    lags: Floats
    msd: Floats
    samples: NDArray[np.int64]

    def diffusivity(self, first: float, last: float) -> float:
        """Slope over 4 between two lags (ps), in cm^2/s; NaN with fewer than two lags."""
        use = (self.lags >= first) & (self.lags <= last) & np.isfinite(self.msd)
        if use.sum() < 2:
            return np.nan
        slope = np.polyfit(self.lags[use], self.msd[use], 1)[0]
        return float(slope) / 4 * A2_PER_PS_IN_CM2_PER_S


def crossings(positions: ArrayLike, cells: ArrayLike, planes: ArrayLike) -> Crossings:
    """Count atoms that pass planes parallel to the interfaces.

    Parameters
    ----------
    positions
        (F, M, 3) unwrapped positions of the atoms to count, Angstrom.
    cells
        (F, 3, 3).
    planes
        (K,) heights as fractions of the third lattice vector, so that they follow the box.
    """
    x, h = np.asarray(positions, np.float64), np.asarray(cells, np.float64)
    _require_unwrapped(x, h)
    s = np.einsum("fmx,fx->fm", x, np.linalg.inv(h)[:, :, 2])
    side = np.floor(s[..., None] - np.asarray(planes, np.float64)).astype(np.int64)
    step = np.diff(side, axis=0)
    return Crossings(np.maximum(step, 0).sum(axis=1), np.maximum(-step, 0).sum(axis=1))


def regional_msd(
    times: ArrayLike,
    positions: ArrayLike,
    cells: ArrayLike,
    inside: ArrayLike,
    max_lag: float = 40.0,
) -> MeanSquare:
    """In-plane displacement of atoms while they stay in a region.

    An atom counts for a lag from every frame from which it stays inside for all of the lag:
    with atoms labelled at the origin only, the fast ones that leave inflate a slow region.

    Parameters
    ----------
    times
        (F,) ps, evenly spaced.
    positions
        (F, M, 3) unwrapped, Angstrom; any drift of the whole box removed.
    cells
        (F, 3, 3): displacements are taken in the plane of the first two vectors.
    inside
        (F, M) mask.
    max_lag
        Longest lag, ps.
    """
    t, x = np.asarray(times, np.float64), np.asarray(positions, np.float64)
    h, there = np.asarray(cells, np.float64), np.asarray(inside, np.bool_)
    _require_unwrapped(x, h)
    if len(t) < 2 or not np.allclose(np.diff(t), t[1] - t[0], rtol=1e-3):
        raise AnalysisError("Lags need at least two frames, evenly spaced in time.")
    normal = np.cross(h[0, 0], h[0, 1])
    normal /= np.linalg.norm(normal)
    plane = x - (x @ normal)[..., None] * normal
    n_lags = min(len(t) - 1, int(max_lag / (t[1] - t[0]) + 1e-6))
    stays = there.copy()
    msd, samples = np.full(n_lags, np.nan), np.zeros(n_lags, np.int64)
    for lag in range(1, n_lags + 1):
        stays = stays[:-1] & there[lag:]
        samples[lag - 1] = stays.sum()
        if samples[lag - 1]:
            step = plane[lag:][stays] - plane[:-lag][stays]
            msd[lag - 1] = (step**2).sum(axis=1).mean()
    return MeanSquare(t[1 : n_lags + 1] - t[0], msd, samples)


def _require_unwrapped(x: Floats, h: Floats) -> None:
    if x.ndim != 3 or h.shape != (len(x), 3, 3):
        raise AnalysisError(
            f"positions {x.shape} and cells {h.shape} do not fit together: (F, M, 3) and (F, 3, 3)."
        )
    jump = np.abs(np.diff(x @ np.linalg.inv(h), axis=0)).max(initial=0.0)
    if jump > 0.5:
        raise AnalysisError(
            f"An atom moves {jump:.2f} of a box edge from one frame to the next: the positions are "
            "wrapped, or the frames too far apart to unwrap them."
        )
