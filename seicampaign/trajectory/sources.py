"""Frames as files of other programs have them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import TrajectoryError


class SourceFrame(NamedTuple):
    """A frame as a file has it.

    Attributes
    ----------
    where
        Which frame of which file, for messages.
    step, time
        MD step and ps, None where the file has none.
    numbers
        Atomic numbers, shape (n,).
    positions
        From the cell's origin, shape (n, 3), Angstrom.
    cell
        Vectors as rows, shape (3, 3), Angstrom.
    unwrapped
        Whether positions go on where an atom leaves the cell.
    """

    where: str
    step: int | None
    time: float | None
    numbers: NDArray[np.uint8]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    unwrapped: bool


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed if it ends in ``.gz`` or ``.zst``.

    Raises
    ------
    TrajectoryError
        If it cannot be opened.
    """
    try:
        if path.suffix == ".gz":
            return gzip.open(path)  # type: ignore[return-value]
        if path.suffix != ".zst":
            return path.open("rb")
        import zstandard

        return io.BufferedReader(zstandard.open(path), 1 << 20)
    except OSError as error:
        raise TrajectoryError(f"{path} cannot be opened: {error.strerror or error}.") from None
    except ImportError:
        raise TrajectoryError(
            f"{path} needs a package to be decompressed: pip install 'seicampaign[formats]'."
        ) from None


def read_ase(path: Path) -> Iterator[SourceFrame]:
    """The frames of any file that ASE reads; extended XYZ and .traj without holding all of it.

    ``step`` and ``time`` (ps) are taken from ``info``, as `seicampaign export` writes them.
    Positions may or may not be unwrapped.
    """
    from ase.io import iread

    try:
        for number, atoms in enumerate(iread(path, ":"), 1):
            step, time = atoms.info.get("step"), atoms.info.get("time")
            where = f"Frame {number} of {path.name}"
            if not atoms.pbc.all():
                raise TrajectoryError(
                    f"{where} is not periodic in all directions, as an interface is."
                )
            yield SourceFrame(
                where,
                None if step is None else int(step),
                None if time is None else float(time),
                atoms.numbers.astype(np.uint8),
                atoms.positions,
                atoms.cell[:],
                unwrapped=False,
            )
    except TrajectoryError:
        raise
    except Exception as error:
        raise TrajectoryError(
            f"{path} is neither a LAMMPS dump nor a file that ASE reads: "
            f"{type(error).__name__}: {error}."
        ) from error
