"""Reads LAMMPS's binary custom dump while LAMMPS is still writing it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import SimulationError
from seicampaign.trajectory.lammps_dump import cell_within

MAGIC = b"DUMPCUSTOM"
COLUMNS = "id xu yu zu"
_BOX = struct.Struct("<q i 6i 6d")
_TILT = struct.Struct("<3d")


@dataclass(frozen=True)
class Frame:
    """One frame of a run.

    Attributes
    ----------
    step
        Timestep of LAMMPS.
    positions
        Unwrapped positions from the corner of the box, shape (atoms, 3), Angstrom, in the
        order of the atoms' ids.
    cell
        Rows are the edges of the box, shape (3, 3), Angstrom.
    extra
        Further columns of the dump, shape (atoms, columns).
    """

    step: int
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    extra: NDArray[np.float64]


class DumpStream:
    """The complete frames of a growing binary dump, each once.

    Parameters
    ----------
    path
        File of ``dump ... custom ... PATH.bin id xu yu zu ...``, sorted by id. It may not exist
        yet.
    columns
        All columns, in order.
    """

    def __init__(self, path: Path, columns: str = COLUMNS) -> None:
        self.path = path
        self.columns = columns
        self._offset = 0

    def poll(self) -> list[Frame]:
        """Read the frames that were completed since the last call.

        Raises
        ------
        SimulationError
            If the file is not the dump it should be.
        """
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        frames = []
        start = 0
        while (found := self._parse(data, start)) is not None:
            frame, start = found
            frames.append(frame)
        self._offset += start
        return frames

    def _parse(self, data: bytes, start: int) -> tuple[Frame, int] | None:
        """One frame from `start` and the offset behind it; None while it is incomplete."""
        try:
            return self._parse_complete(data, start)
        except struct.error:
            return None

    def _parse_complete(self, data: bytes, start: int) -> tuple[Frame, int] | None:
        at = start
        if len(data) - at < 8 + len(MAGIC):
            return None
        (magic_length,) = struct.unpack_from("<q", data, at)
        if -magic_length != len(MAGIC) or data[at + 8 : at + 8 + len(MAGIC)] != MAGIC:
            raise SimulationError(
                f"{self.path} at byte {self._offset + at} is not a binary custom dump of LAMMPS."
            )
        at += 8 + len(MAGIC) + 8  # then endianness and revision
        (step,) = struct.unpack_from("<q", data, at)
        at += 8
        n_atoms, triclinic, *rest = _BOX.unpack_from(data, at)
        bounds = np.array(rest[6:])
        at += _BOX.size
        tilt = np.zeros(3)
        if triclinic:
            tilt = np.array(_TILT.unpack_from(data, at))
            at += _TILT.size
        n_columns, unit_length = struct.unpack_from("<2i", data, at)
        at += 8 + unit_length
        (has_time,) = struct.unpack_from("<b", data, at)
        at += 1 + (8 if has_time else 0)
        (names_length,) = struct.unpack_from("<i", data, at)
        at += 4
        columns = data[at : at + names_length].decode()
        at += names_length
        if len(columns) == names_length and columns.strip() != self.columns:
            raise SimulationError(f"{self.path} has the columns {columns!r}, not {self.columns!r}.")
        values, at = self._values(data, at)
        if values is None:
            return None
        table = values.reshape(n_atoms, n_columns)
        origin, cell = cell_within(bounds[0::2], bounds[1::2], tilt)
        return Frame(int(step), table[:, 1:4] - origin, cell, table[:, 4:]), at

    @staticmethod
    def _values(data: bytes, at: int) -> tuple[NDArray[np.float64] | None, int]:
        """The table's numbers, which LAMMPS writes in one block per MPI rank."""
        (n_blocks,) = struct.unpack_from("<i", data, at)
        at += 4
        blocks = []
        for _ in range(n_blocks):
            (size,) = struct.unpack_from("<i", data, at)
            at += 4
            if len(data) - at < 8 * size:
                return None, at
            blocks.append(np.frombuffer(data, dtype="<f8", count=size, offset=at))
            at += 8 * size
        return np.concatenate(blocks), at
