"""The thermodynamic output in a log of LAMMPS, whether or not its run came to an end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.sources import open_bytes

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

    Rows of ``thermo_style one`` and ``custom`` are read, and columns that every table has. Steps
    at which a later part starts again replace what an earlier one had from there on.

    Raises
    ------
    TrajectoryError
        If there is no table with a column ``Step`` and one of `COLUMNS`.
    """
    rows: dict[int, dict[str, float]] = {}
    for path in paths:
        names: list[str] = []
        with open_bytes(path) as file:
            for line in file:
                words = line.decode(errors="replace").split()
                if "Step" in words[:1]:
                    names = words
                elif names:
                    row = _row(names, words)
                    if row is None:
                        names = []
                    else:
                        _put(rows, row)
    shared = [n for n in COLUMNS if rows and all(n in row for row in rows.values())]
    if not shared:
        raise TrajectoryError(
            "The log has no table with a column Step and one of " + ", ".join(COLUMNS) + "."
        )
    steps = sorted(rows)
    values = {COLUMNS[n]: np.array([rows[step][n] for step in steps]) for n in shared}
    return np.array(steps), values


def _row(names: list[str], words: list[str]) -> dict[str, float] | None:
    """A row of the table, None where the table ends."""
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
