"""Frames as files of other programs have them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import TrajectoryError

if TYPE_CHECKING:
    from ase import Atoms

OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
ZSTD = b"\x28\xb5\x2f\xfd"


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
    """Open a file for reading, decompressed if it begins as gzip, bzip2, xz or zstd does.

    Raises
    ------
    TrajectoryError
        If it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(6)
        if begin.startswith(ZSTD):
            import zstandard

            return io.BufferedReader(zstandard.open(path), 1 << 20)
        for magic, opener in OPENERS.items():
            if begin.startswith(magic):
                return opener(path)
        return path.open("rb")
    except OSError as error:
        raise TrajectoryError(f"{path} cannot be opened: {error.strerror or error}.") from None
    except ImportError:
        raise TrajectoryError(
            f"{path} needs a package to be decompressed: pip install 'seicampaign[formats]'."
        ) from None


def iread_atoms(path: Path) -> Iterator[Atoms]:
    """The configurations of any file that ASE reads, one after another.

    ASE finds where each begins and goes back there, which in a compressed file decompresses all
    that comes before it, each time: such a file is decompressed once, beside the others.

    Raises
    ------
    Exception
        Whatever ASE's many readers raise.
    """
    from ase.io import iread

    with _decompressed(path) as plain:
        yield from iread(plain, ":")


@contextmanager
def _decompressed(path: Path) -> Iterator[Path]:
    if path.suffix not in (".gz", ".bz2", ".xz", ".zst"):
        yield path
        return
    kind = Path(path.stem).suffix
    with open_bytes(path) as packed, NamedTemporaryFile(suffix=kind) as plain:
        shutil.copyfileobj(packed, plain)
        plain.flush()
        yield Path(plain.name)


def read_ase(path: Path) -> Iterator[SourceFrame]:
    """The frames of any file that ASE reads; extended XYZ and .traj without holding all of it.

    ``step`` and ``time`` (ps) are taken from ``info``, as `seicampaign export` writes them.
    Positions may or may not be unwrapped.
    """
    try:
        for number, atoms in enumerate(iread_atoms(path), 1):
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
