"""Some frames and some atoms of a trajectory, read in order with little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seicampaign.errors import TrajectoryError, unknown
from seicampaign.trajectory.reader import Trajectory


class Frame(NamedTuple):
    """One frame: MD step, ps, positions (n, 3) in Angstrom and the cell's vectors as rows."""

    step: int
    time: float
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]


@dataclass(frozen=True)
class Selection:
    """Frames and atoms of a trajectory, both in the order of the trajectory."""

    trajectory: Trajectory
    frames: range
    atoms: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        trajectory: Trajectory,
        frames: slice = slice(None),
        atoms: Sequence[str] | ArrayLike | None = None,
    ) -> Selection:
        """Choose frames by a slice, and atoms by element, index or mask; None is all.

        Raises
        ------
        TrajectoryError
            If nothing is left, the frames go backwards or an element or index is not there.
        """
        chosen = range(trajectory.n_frames)[frames]
        if chosen.step < 0:
            raise TrajectoryError("Frames are read forwards: the step of a slice must be positive.")
        if not chosen:
            asked = f"{frames.start}:{frames.stop}:{frames.step}".replace("None", "")
            raise TrajectoryError(
                f"No frame is left: {asked} of the {trajectory.n_frames} frames there are."
            )
        return cls(trajectory, chosen, _indices(trajectory, atoms))

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        whole = len(self.atoms) == self.trajectory.n_atoms
        part = slice(None) if whole else self.atoms
        steps, times, cells = self.trajectory.steps, self.trajectory.times, self.trajectory.cells
        for number, positions in self.trajectory.arrays(self.frames):
            yield Frame(int(steps[number]), float(times[number]), positions[part], cells[number])

    @cached_property
    def numbers(self) -> NDArray[np.uint8]:
        """Atomic numbers, shape (n_atoms,)."""
        return self.trajectory.numbers[self.atoms]

    @cached_property
    def symbols(self) -> list[str]:
        """Element of each atom."""
        from ase.data import chemical_symbols

        return [chemical_symbols[number] for number in self.numbers]

    @property
    def decimals(self) -> int:
        """Digits behind the point, in Angstrom, that lose nothing of what is stored."""
        return max(0, int(np.ceil(-np.log10(self.trajectory.precision) - 1e-9)))


def _indices(trajectory: Trajectory, atoms: Sequence[str] | ArrayLike | None) -> NDArray[np.int64]:
    everything = np.arange(trajectory.n_atoms)
    if atoms is None:
        return everything
    wanted = np.asarray(atoms)
    if wanted.dtype.kind == "U":
        return everything[np.isin(trajectory.numbers, _elements(trajectory, wanted.tolist()))]
    try:
        chosen = np.unique(everything[wanted])
    except IndexError as error:
        raise TrajectoryError(f"Atoms cannot be chosen by {atoms!r}: {error}.") from None
    if not len(chosen):
        raise TrajectoryError("No atom is left.")
    return chosen


def _elements(trajectory: Trajectory, symbols: list[str]) -> list[int]:
    from ase.data import chemical_symbols

    present = {chemical_symbols[number]: int(number) for number in np.unique(trajectory.numbers)}
    for symbol in symbols:
        if symbol not in present:
            raise TrajectoryError(unknown("element in this trajectory", symbol, present))
    return [present[symbol] for symbol in symbols]
