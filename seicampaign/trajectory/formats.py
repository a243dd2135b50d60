"""What the files of other programs look like: extended XYZ, LAMMPS dump, XTC, H5MD."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.selection import Frame, Selection
from seicampaign.trajectory.text import TextTable

Frames = Iterator[Frame]


def write_extxyz(selection: Selection, frames: Frames, path: Path) -> None:
    """Extended XYZ: Angstrom, unwrapped; step and time (ps) in the comment line."""
    table = TextTable(selection.symbols, selection.decimals)
    with path.open("wb") as file:
        for frame in frames:
            lattice = " ".join(f"{value:.10g}" for value in frame.cell.ravel())
            head = (
                f'{len(selection.atoms)}\nLattice="{lattice}" Properties=species:S:1:pos:R:3 '
                f'step={frame.step} time={frame.time:.10g} pbc="T T T"\n'
            )
            file.write(head.encode() + table.rows(frame.positions))


def write_lammps_dump(selection: Selection, frames: Frames, path: Path) -> None:
    """LAMMPS's text dump, unwrapped (xu yu zu), in the cell orientation that LAMMPS demands."""
    elements = sorted(set(selection.symbols), key=selection.symbols.index)
    labels = [
        f"{index + 1} {elements.index(symbol) + 1} {symbol}"
        for index, symbol in zip(selection.atoms, selection.symbols, strict=True)
    ]
    table = TextTable(labels, selection.decimals)
    with path.open("wb") as file:
        for frame in frames:
            upright = _upright(frame)
            head = (
                f"ITEM: TIMESTEP\n{frame.step}\nITEM: NUMBER OF ATOMS\n{len(selection.atoms)}\n"
                f"{_box_bounds(upright.cell)}ITEM: ATOMS id type element xu yu zu\n"
            )
            file.write(head.encode() + table.rows(upright.positions))


def _upright(frame: Frame) -> Frame:
    """The frame turned so that a lies along x and b in the xy plane.

    LAMMPS and GROMACS know no other cells, and MDAnalysis makes one of lengths and angles.
    """
    if not np.triu(frame.cell, 1).any() and (np.diag(frame.cell) > 0).all():
        return frame
    if np.linalg.det(frame.cell) < 0:
        raise TrajectoryError(
            f"The cell of step {frame.step} is left-handed, which only extended XYZ can hold: "
            "write that (.xyz)."
        )
    cell = np.asarray(np.linalg.cholesky(frame.cell @ frame.cell.T), np.float64)
    return frame._replace(cell=cell, positions=frame.positions @ np.linalg.solve(frame.cell, cell))


def _box_bounds(cell: NDArray[np.float64]) -> str:
    """LAMMPS gives the box around a tilted cell, and the tilts."""
    lengths, (xy, xz, yz) = np.diag(cell), (cell[1, 0], cell[2, 0], cell[2, 1])
    if not (xy or xz or yz):
        rows = "".join(f"0 {length:.10g}\n" for length in lengths)
        return f"ITEM: BOX BOUNDS pp pp pp\n{rows}"
    bounds = [
        (min(0, xy, xz, xy + xz), lengths[0] + max(0, xy, xz, xy + xz), xy),
        (min(0, yz), lengths[1] + max(0, yz), xz),
        (0, lengths[2], yz),
    ]
    rows = "".join(f"{low:.10g} {high:.10g} {tilt:.10g}\n" for low, high, tilt in bounds)
    return f"ITEM: BOX BOUNDS xy xz yz pp pp pp\n{rows}"


def write_xtc(selection: Selection, frames: Frames, path: Path) -> None:
    """XTC of GROMACS: nm, at the precision that is stored.

    Raises
    ------
    TrajectoryError
        If MDAnalysis is missing, or a step is more than XTC can count.
    """
    with _needs("MDAnalysis"):
        from MDAnalysis.lib.formats.libmdaxdr import XTCFile
    # XTC counts in nm: one digit more is a tenth of the unit that is stored.
    per_nm = 10.0 ** (selection.decimals + 1)
    with XTCFile(str(path), "w") as file:
        for frame in map(_upright, frames):
            if frame.step > np.iinfo(np.int32).max:
                raise TrajectoryError(f"XTC cannot count to step {frame.step}: write h5md.")
            xyz = (frame.positions / 10).astype(np.float32)
            box = (frame.cell / 10).astype(np.float32)
            file.write(xyz, box, frame.step, frame.time, per_nm)


def write_h5md(selection: Selection, frames: Frames, path: Path) -> None:
    """H5MD 1.1 (P. de Buyl et al., Comput. Phys. Commun. 185, 1546, 2014), Angstrom and ps.

    Raises
    ------
    TrajectoryError
        If h5py is missing.
    """
    with _needs("h5py"):
        import h5py
    from seicampaign import __version__

    with h5py.File(path, "w") as file:
        header = file.create_group("h5md")
        header.attrs["version"] = np.array([1, 1], np.int32)
        header.create_group("author").attrs["name"] = "unknown"
        header.create_group("creator").attrs.update(name="seicampaign", version=__version__)
        group = file.create_group("particles/all")
        group["species"] = selection.numbers.astype(np.int32)
        position, edges = _h5md_series(group, selection)
        for number, frame in enumerate(map(_upright, frames)):
            position[number] = frame.positions
            edges[number] = frame.cell


def _h5md_series(group: Any, selection: Selection) -> tuple[Any, Any]:
    """The data sets of positions and cells, with their steps and times."""
    frames, atoms = len(selection), len(selection.atoms)
    trajectory, chosen = selection.trajectory, list(selection.frames)
    box = group.create_group("box")
    box.attrs["dimension"] = 3
    box.attrs.create("boundary", [b"periodic"] * 3)
    step = group.create_dataset("position/step", data=trajectory.steps[chosen])
    time = group.create_dataset("position/time", data=trajectory.times[chosen])
    time.attrs["unit"] = "ps"
    position = group.create_dataset(
        "position/value",
        (frames, atoms, 3),
        "f4",
        chunks=(1, atoms, 3),
        # HDF5 stores as many bits as the digits take: less than gzip, and in half the time.
        scaleoffset=selection.decimals,
    )
    edges = box.create_dataset("edges/value", (frames, 3, 3), "f8")
    box["edges/step"], box["edges/time"] = step, time
    for lengths in (position, edges):
        lengths.attrs["unit"] = "Angstrom"
    return position, edges


@contextlib.contextmanager
def _needs(package: str) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise TrajectoryError(
            f"This format is written with {package}: pip install 'seicampaign[formats]'."
        ) from None


WRITERS: dict[str, Callable[[Selection, Frames, Path], None]] = {
    "extxyz": write_extxyz,
    "lammps-dump": write_lammps_dump,
    "xtc": write_xtc,
    "h5md": write_h5md,
}
