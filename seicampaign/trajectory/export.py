"""Trajectories as the files of other programs, written frame by frame."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seicampaign.errors import TrajectoryError, unknown
from seicampaign.trajectory.formats import WRITERS, Frames
from seicampaign.trajectory.selection import Selection

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from seicampaign.trajectory.reader import Trajectory

SUFFIXES = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".xtc": "xtc",
    ".h5md": "h5md",
    ".h5": "h5md",
    ".dump": "lammps-dump",
    ".lammpstrj": "lammps-dump",
}


def write(
    trajectory: Trajectory,
    path: str | Path,
    *,
    format: str | None = None,
    frames: slice = slice(None),
    atoms: Sequence[str] | ArrayLike | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write frames of a trajectory into a file; memory does not grow with their number.

    The file appears when it is whole. Positions are unwrapped, as stored.

    Parameters
    ----------
    format
        ``extxyz``, ``lammps-dump``, ``xtc`` or ``h5md``. Default: by the end of the path.
    frames
        Which frames.
    atoms
        Elements (``["Li", "P"]``), indices or a mask. Default: all atoms.
    progress
        Called with the number of frames written so far.

    Returns
    -------
    int
        The number of frames.

    Raises
    ------
    TrajectoryError
        If the format is unknown, needs a package that is missing, or cannot hold the cells; if
        nothing is selected, or the file cannot be written.
    """
    path = Path(path)
    writer = WRITERS[_format(path, format)]
    selection = Selection.of(trajectory, frames, atoms)
    if path.is_dir():
        raise TrajectoryError(f"{path} is a directory: name a file to write.")
    partial = path.with_name(f".{path.name}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(selection, _counted(selection, progress), partial)
        partial.replace(path)
    except OSError as error:
        raise TrajectoryError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return len(selection)


def _format(path: Path, name: str | None) -> str:
    if name is None:
        if path.suffix.lower() not in SUFFIXES:
            raise TrajectoryError(
                f"The name {path.name!r} does not say which format to write. Known: "
                f"{', '.join(SUFFIXES)}. Or name the format: {', '.join(WRITERS)}."
            )
        return SUFFIXES[path.suffix.lower()]
    if name not in WRITERS:
        raise TrajectoryError(unknown("format", name, WRITERS))
    return name


def _counted(selection: Selection, progress: Callable[[int], None] | None) -> Frames:
    for number, frame in enumerate(selection, 1):
        yield frame
        if progress is not None:
            progress(number)
