"""Frames that ASE has read, as `analyse` wants them: a trajectory without a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from ase import Atoms


class Images:
    """A list of `ase.Atoms` as `Frames`.

    Parameters
    ----------
    images
        Frames in order, with the same atoms in the same order.
    times
        (F,) ps. Default: ``info["time"]`` of each.

    Raises
    ------
    AnalysisError
        If atoms change their number or order, or a time is not known.
    """

    def __init__(self, images: Sequence[Atoms], times: ArrayLike | None = None) -> None:
        if not images:
            raise AnalysisError("There is no frame to analyse.")
        self.numbers = images[0].numbers
        for n, image in enumerate(images):
            _require_same(n, image, images[0])
        if times is None:
            times = [image.info.get("time", np.nan) for image in images]
        self.times = np.asarray(times, np.float64)
        if self.times.shape != (len(images),) or not np.isfinite(self.times).all():
            raise AnalysisError(
                f"{len(images)} frames need a time (ps) each: give `times`, or info['time']."
            )
        self.steps = np.array([image.info.get("step", n) for n, image in enumerate(images)])
        self.cells = np.array([image.cell.array for image in images])
        self.positions = _Positions(images)


class _Positions:
    def __init__(self, images: Sequence[Atoms]) -> None:
        self._images = images

    def __getitem__(self, frames: slice) -> NDArray[np.float64]:
        return np.array([image.positions for image in self._images[frames]])


def _require_same(number: int, image: Atoms, first: Atoms) -> None:
    if len(image) != len(first):
        raise AnalysisError(
            f"Frame {number} has {len(image)} atoms, and frame 0 has {len(first)}: the analysis "
            "follows atoms, and needs the same ones in every frame."
        )
    if (image.numbers != first.numbers).any():
        atom = int(np.argmax(image.numbers != first.numbers))
        raise AnalysisError(
            f"In frame {number} atom {atom} is {image.symbols[atom]}, and in frame 0 it is "
            f"{first.symbols[atom]}: the order changes. Sort every frame by atom id first (LAMMPS: "
            "dump_modify sort id)."
        )
    if not image.pbc.all():
        raise AnalysisError(f"Frame {number} is not periodic in all directions.")
