"""Text dumps of LAMMPS as people have them: columns in any order, wrapped or not, compressed."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.sources import SourceFrame, open_bytes

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

# The best first: columns, whether in parts of the cell, whether unwrapped.
COORDINATES = (
    (("xu", "yu", "zu"), False, True),
    (("xsu", "ysu", "zsu"), True, True),
    (("x", "y", "z"), False, False),
    (("xs", "ys", "zs"), True, False),
)
IMAGES = ("ix", "iy", "iz")
PS_PER_UNIT = {"metal": 1.0, "real": 1e-3}


@dataclass
class Header:
    """What stands before the atoms of a frame."""

    step: int | None = None
    atoms: int = 0
    time: float | None = None
    units: str | None = None
    box: list[str] = field(default_factory=list)
    bounds: list[list[float]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)


def is_dump(path: Path) -> bool:
    """Whether a file begins as a text dump does."""
    try:
        with open_bytes(path) as file, _readable(f"The beginning of {path.name}"):
            return file.readline().startswith(b"ITEM:")
    except EOFError:
        raise TrajectoryError(f"{path} is cut off before its first line ends.") from None


def read_dump(path: Path, elements: Sequence[str] = ()) -> Iterator[SourceFrame]:
    """The frames of a text dump, their atoms in the order of their ids.

    A frame that is cut off at the end of the file is left out, with a warning.

    Parameters
    ----------
    path
        The dump; it may be compressed with gzip, bzip2, xz or zstd.
    elements
        Element of each LAMMPS type, for dumps that do not name them.

    Raises
    ------
    TrajectoryError
        Naming the frame, if it cannot be read for certain or has other atoms than the first.
    """
    first: NDArray[np.int64] | None = None
    units = "metal"
    with open_bytes(path) as file:
        for number, (header, lines) in enumerate(_blocks(file, path), 1):
            where = f"Frame {number} of {path.name} (step {header.step})"
            units = header.units or units
            with _readable(where):
                ids, frame = _frame(header, lines, where, elements, units)
            if first is not None and not np.array_equal(ids, first):
                raise TrajectoryError(
                    f"{where} has {_difference(first, ids)} before it: a trajectory "
                    "keeps its atoms."
                )
            first = ids
            yield frame


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Whatever fails in here, in the file or in what decompresses it: name the place."""
    try:
        yield
    except (TrajectoryError, EOFError):
        raise
    except Exception as error:
        raise TrajectoryError(f"{where} cannot be read: {error}.") from error


def _blocks(file: IO[bytes], path: Path) -> Iterator[tuple[Header, list[bytes]]]:
    """Header and lines of each complete frame."""
    before = "the beginning"
    for number in count(1):
        try:
            with _readable(f"Frame {number} of {path.name}, after {before},"):
                header = _header(file)
                if header is None:
                    return
                lines = list(islice(file, header.atoms))
            if len(lines) < header.atoms or not lines[-1].endswith(b"\n"):
                raise EOFError
        except EOFError:
            warnings.warn(
                f"{path.name} ends in the middle of frame {number}, after {before}: that frame is "
                "left out.",
                stacklevel=3,
            )
            return
        before = f"step {header.step}"
        yield header, lines


def _header(file: IO[bytes]) -> Header | None:
    """Read up to the atoms; None at the end of the file, EOFError if it is cut off here."""
    header, begun = Header(), False
    for line in file:
        words = line.decode(errors="replace").split()
        if not words:
            continue
        begun = True
        if not line.endswith(b"\n"):
            raise EOFError
        if words[0] != "ITEM:":
            raise ValueError(f"it does not begin as frames of a text dump do: {line[:30]!r}")
        match words[1:]:
            case ["ATOMS", *columns]:
                if header.atoms < 1:
                    raise ValueError(f"it has {header.atoms} atoms")
                header.columns = columns
                return header
            case ["TIMESTEP"]:
                header.step = int(_line(file))
            case ["TIME"]:
                header.time = float(_line(file))
            case ["UNITS"]:
                header.units = _line(file).strip()
            case ["NUMBER", "OF", "ATOMS"]:
                header.atoms = int(_line(file))
            case ["BOX", "BOUNDS", *box]:
                header.box = box
                header.bounds = [[float(word) for word in _line(file).split()] for _ in "xyz"]
    if begun:
        raise EOFError
    return None


def _line(file: IO[bytes]) -> str:
    """A line that is whole."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line.decode()


def _frame(
    header: Header, lines: list[bytes], where: str, elements: Sequence[str], units: str
) -> tuple[NDArray[np.int64], SourceFrame]:
    """Ids and frame, both in the order of the ids."""
    if units not in PS_PER_UNIT:
        raise ValueError(f"its units are {units!r}, not metal or real")
    table = _table(header, lines)
    if table["id"].dtype.kind != "i":
        raise ValueError("the ids of its atoms are not all whole numbers")
    ids = table["id"].to_numpy(np.int64)
    order = np.argsort(ids)
    ids = ids[order]
    if (np.diff(ids) == 0).any():
        raise ValueError(f"atom {ids[:-1][np.diff(ids) == 0][0]} is in it twice")
    origin, cell = _box(header)
    positions, unwrapped = _positions(table, origin, cell)
    bad = ~np.isfinite(positions).all(axis=1)
    if bad.any():
        raise ValueError(f"the position of atom {table['id'][bad.argmax()]} is not finite")
    time = None if header.time is None else header.time * PS_PER_UNIT[units]
    numbers = _numbers(table, elements)
    frame = SourceFrame(where, header.step, time, numbers[order], positions[order], cell, unwrapped)
    return ids, frame


def _table(header: Header, lines: list[bytes]) -> pd.DataFrame:
    import pandas as pd

    if "id" not in header.columns:
        raise ValueError(
            "it has no column id, and LAMMPS changes the order of atoms from frame to frame"
        )
    if any(b"ITEM:" in line for line in lines):
        raise ValueError("the next one begins in the middle of it: cut the file before it")
    wanted = {"id", "type", "element", *IMAGES, *(name for c in COORDINATES for name in c[0])}
    return pd.read_csv(
        io.BytesIO(b"".join(lines)),
        sep=r"\s+",
        header=None,
        names=header.columns,
        usecols=[name for name in header.columns if name in wanted],
        index_col=False,
    )


def _positions(table: pd.DataFrame, origin: Array, cell: Array) -> tuple[Array, bool]:
    """Positions from the cell's origin, and whether they are unwrapped."""
    for columns, scaled, unwrapped in COORDINATES:
        if set(columns) <= set(table):
            values = table[list(columns)].to_numpy(np.float64)
            positions = values @ cell if scaled else values - origin
            if not unwrapped and set(IMAGES) <= set(table):
                return positions + table[list(IMAGES)].to_numpy(np.float64) @ cell, True
            return positions, unwrapped
    raise ValueError(
        "it has no positions: its columns are none of x y z, xu yu zu, xs ys zs and xsu ysu zsu"
    )


def _numbers(table: pd.DataFrame, elements: Sequence[str]) -> NDArray[np.uint8]:
    """Atomic numbers by the dump's own names, by its types, or by both if they agree."""
    named = table.get("element")
    if "type" in table and table["type"].dtype.kind == "O":  # labels of types
        named = table["type"] if named is None else named
    elif "type" in table and (elements or named is None):
        told = _by_type(table["type"].to_numpy(), elements)
        # LAMMPS writes C for all that it was not told the elements of.
        if named is None or (named == "C").all():
            return told
        found = _by_name(named)
        differ = np.flatnonzero(found != told)
        if len(differ):
            row = table.iloc[differ[0]]
            raise ValueError(
                f"type {row['type']} is {row['element']} in it and "
                f"{elements[int(row['type']) - 1]} by --elements"
            )
        return found
    if named is None:
        raise ValueError("it has neither a column element nor a column type")
    return _by_name(named)


def _by_name(names: pd.Series[str]) -> NDArray[np.uint8]:
    from ase.data import atomic_numbers

    for name in names.unique():
        if name not in atomic_numbers:
            raise ValueError(f"{name!r} is no element")
    return names.map(atomic_numbers).to_numpy(np.uint8)


def _by_type(types: NDArray[Any], elements: Sequence[str]) -> NDArray[np.uint8]:
    from ase.data import atomic_numbers

    for name in elements:
        if name not in atomic_numbers:
            raise ValueError(f"{name!r} is no element")
    if types.dtype.kind != "i" or types.min() < 1:
        raise ValueError("the types of its atoms are not all whole numbers from 1 on")
    if types.max() > len(elements):
        raise ValueError(
            f"it has {types.max()} types of atoms: name the element of each type, in order "
            f"(--elements); got {len(elements)}"
        )
    return np.array([atomic_numbers[name] for name in elements], np.uint8)[types - 1]


def _box(header: Header) -> tuple[Array, Array]:
    """Origin and vectors of the cell."""
    flags = [word for word in header.box if set(word) <= set("pfsm")]
    if any(word != "pp" for word in flags):
        raise ValueError(f"it is not periodic in all directions ({' '.join(flags)})")
    general = header.box[:2] == ["abc", "origin"]
    columns = {len(row) for row in header.bounds}
    if columns not in ([{4}] if general else [{2}, {3}]) or not np.isfinite(header.bounds).all():
        raise ValueError(f"its box cannot be told from {header.bounds}")
    rows = np.array(header.bounds)
    if general:
        origin, cell = rows[:, 3], rows[:, :3]
    else:
        tilt = rows[:, 2] if rows.shape[1] > 2 else np.zeros(3)
        origin, cell = cell_within(rows[:, 0], rows[:, 1], tilt)
    if not np.linalg.det(cell):
        raise ValueError(f"its cell has no volume: {cell.tolist()}")
    return origin, cell


def cell_within(low: Array, high: Array, tilt: Array) -> tuple[Array, Array]:
    """Origin and vectors of a cell from the bounds LAMMPS gives: of the box around a tilted one.

    Parameters
    ----------
    low, high
        Bounds, shape (3,).
    tilt
        xy, xz and yz.
    """
    xy, xz, yz = tilt
    origin = low - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    cell = np.diag(high - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0] - origin)
    cell[1, 0], cell[2, 0], cell[2, 1] = xy, xz, yz
    return origin, cell


def _difference(before: NDArray[np.int64], now: NDArray[np.int64]) -> str:
    if len(before) != len(now):
        return f"{len(now)} atoms and there were {len(before)}"
    return f"atom {np.setdiff1d(now, before)[0]}, which was not"
