"""What a frame must be to be stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.layout import LARGEST


def checked_numbers(numbers: ArrayLike) -> NDArray[np.uint8]:
    """Atomic numbers, shape (n_atoms,)."""
    species = np.asarray(numbers)
    if species.ndim != 1 or not species.size or not np.issubdtype(species.dtype, np.integer):
        raise TrajectoryError(
            f"Atomic numbers must be a list of integers, got {species.dtype} {species.shape}."
        )
    if species.min() < 1 or species.max() > 118:
        raise TrajectoryError("Atomic numbers must be between 1 and 118.")
    return species.astype(np.uint8)


def check_order(step: int, time: float, last_step: int | None, last_time: float | None) -> None:
    """Refuse a frame that does not come after the last."""
    if last_step is not None and step <= last_step:
        raise TrajectoryError(
            f"Step {step} does not come after step {last_step}, the last one written. "
            "To write it again, truncate the trajectory first."
        )
    if not np.isfinite(time) or (last_time is not None and time <= last_time):
        raise TrajectoryError(
            f"The time of step {step}, {time} ps, does not come after {last_time} ps."
        )


def checked_cell(step: int, cell: ArrayLike) -> NDArray[np.float64]:
    """Cell vectors as rows, Angstrom, shape (3, 3)."""
    matrix = np.array(cell, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or not np.linalg.det(matrix):
        raise TrajectoryError(
            f"The cell of step {step} is no cell: it needs three finite vectors as rows that span "
            f"a volume, got {matrix.tolist()}."
        )
    return matrix


def quantised(
    step: int, positions: ArrayLike, n_atoms: int, precision: float
) -> NDArray[np.float64]:
    """Positions in units of the precision, rounded, shape (n_atoms, 3)."""
    values = np.asarray(positions, dtype=np.float64)
    if values.shape != (n_atoms, 3):
        raise TrajectoryError(
            f"Step {step} has positions of shape {values.shape}, and the trajectory ({n_atoms}, 3)."
        )
    scaled = np.rint(values / precision)
    # NaN fails this comparison too.
    if not np.abs(scaled).max() <= LARGEST:
        atom = int(np.argmax(~(np.abs(scaled).max(axis=1) <= LARGEST)))
        raise TrajectoryError(
            f"Atom {atom} of step {step} is at {values[atom].tolist()}: positions must be finite "
            f"and within {LARGEST * precision:.0f} Angstrom of the origin."
        )
    return np.asarray(scaled)
