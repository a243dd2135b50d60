"""The thermodynamic output in a log of LAMMPS, whether or not its run came to an end."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.sources import open_bytes

DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError)
# As LAMMPS heads its columns, and as the curves of the package are named.
COLUMNS = {
    "Temp": "temperature",
    "Press": "pressure",
    "PotEng": "potential_energy",
    "KinEng": "kinetic_energy",
    "TotEng": "total_energy",
    "Volume": "volume",
}


def read_log(paths: Iterable[Path]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Steps and thermodynamic quantities of a run; of a step given twice, the later.

    Rows of ``thermo_style one`` and ``custom`` are read, and columns that every table has; lines
    between them that are no rows (warnings, ``fix print``) are passed over. Steps at which a
    later part starts again replace what an earlier one had from there on.

    Raises
    ------
    TrajectoryError
        If there is no table with a column ``Step`` and one of `COLUMNS`, a log cannot be read, or
        logs are not in the order of time.
    """
    rows: dict[int, dict[str, float]] = {}
    begin: int | None = None
    for path in paths:
        for number, row in enumerate(_rows(path)):
            step = int(row["Step"])
            if number == 0:
                if begin is not None and step < begin:
                    raise TrajectoryError(
                        f"The log {path} begins at step {step}, before the one that is named "
                        f"first (step {begin}): name them in the order of time."
                    )
                begin = step
            _put(rows, row)
    shared = [n for n in COLUMNS if rows and all(n in row for row in rows.values())]
    if not shared:
        raise TrajectoryError(
            "The log has no table with a column Step and one of " + ", ".join(COLUMNS) + "."
        )
    steps = sorted(rows)
    values = {COLUMNS[n]: np.array([rows[step][n] for step in steps]) for n in shared}
    return np.array(steps), values


def _rows(path: Path) -> Iterator[dict[str, float]]:
    """The rows of all tables of a log, by column."""
    names: list[str] = []
    try:
        with open_bytes(path) as file:
            for line in file:
                words = line.decode(errors="replace").split()
                if words[:1] == ["Step"]:
                    names = words
                elif words[:2] == ["Loop", "time"]:
                    names = []
                elif names and (row := _row(names, words)) is not None:
                    yield row
    except DAMAGED as error:
        raise TrajectoryError(f"The log {path} is damaged or cut off: {error}.") from None


def _row(names: list[str], words: list[str]) -> dict[str, float] | None:
    """A row of the table, None if it is something else."""
    if len(words) != len(names):
        return None
    try:
        return dict(zip(names, map(float, words), strict=True))
    except ValueError:
        return None


def _put(rows: dict[int, dict[str, float]], row: dict[str, float]) -> None:
    step = int(row["Step"])
    if rows and step < next(reversed(rows)):
        for later in [known for known in rows if known >= step]:
            del rows[later]
    rows.pop(step, None)
    rows[step] = row
