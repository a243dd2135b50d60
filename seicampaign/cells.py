"""Tilted cells that LAMMPS flips: the same lattice, spanned by other vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cell_flip(cell: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) whole numbers: how many of the vectors `before` make up each vector of `cell`.

    The unit matrix where the two span different lattices, or the same vectors have only changed.
    """
    flip = np.rint(cell @ np.linalg.inv(before))
    return flip if round(abs(np.linalg.det(flip))) == 1 else np.eye(3)
