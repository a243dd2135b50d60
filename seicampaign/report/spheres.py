"""Shaded spheres, as pixels.

Light comes from the upper left; a sphere has a dark rim, and an edge that covers part of a pixel.
From front to back, so that what is hidden costs nothing.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RIM = 0.8
"""Beyond this square of the distance from the middle, in radii, a sphere is darker."""
DARKENED = 0.7


@nb.njit(cache=True)
def paint(
    size: tuple[int, int], row: Floats, column: Floats, radius: Floats, colour: Floats
) -> Floats:
    """Paint spheres on white.

    Parameters
    ----------
    size
        Rows and columns of the picture.
    row, column, radius
        (N,) in pixels, the sphere in front first.
    colour
        (N, 3) red, green and blue, 0 to 1.

    Returns
    -------
    picture : (rows, columns, 3)
    """
    rows, columns = size
    picture = np.zeros((rows, columns, 3))
    clear = np.ones((rows, columns))
    for n in range(len(row)):
        for i in range(max(int(row[n] - radius[n]), 0), min(int(row[n] + radius[n]) + 2, rows)):
            left = max(int(column[n] - radius[n]), 0)
            for j in range(left, min(int(column[n] + radius[n]) + 2, columns)):
                if clear[i, j] == 0.0:
                    continue
                down, right = (i - row[n]) / radius[n], (j - column[n]) / radius[n]
                r2 = down * down + right * right
                cover = min((1 - np.sqrt(r2)) * radius[n] + 0.5, 1.0)
                if cover <= 0.0:
                    continue
                light, highlight = _shade(down, right, r2)
                weight = clear[i, j] * cover
                for k in range(3):
                    shaded = light * colour[n, k]
                    picture[i, j, k] += weight * (shaded + highlight * (1 - shaded))
                clear[i, j] *= 1 - cover
    for k in range(3):
        picture[:, :, k] += clear
    return picture


@nb.njit(cache=True, inline="always")
def _shade(down: float, right: float, r2: float) -> tuple[float, float]:
    """Light and highlight of a point of a sphere, in radii from its middle."""
    up = np.sqrt(max(1 - r2, 0.0))
    light = 0.55 + 0.45 * min(max(0.75 * up - 0.45 * down - 0.45 * right, 0.0), 1.0)
    if r2 > RIM:
        light *= DARKENED
    gleam = min(max(0.6 * up - 0.55 * down - 0.55 * right, 0.0), 1.0)
    return light, 0.5 * gleam**12
