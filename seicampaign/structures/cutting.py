"""A neighbourhood of a large cell, cut out into a small periodic one."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from seicampaign.errors import StructureError

RADIUS = 5.0
REACH = 4.0
STEP = 0.25
TOLERANCE = 0.9
KEPT = "kept"
SOURCE = "source_index"


def cut_cell(
    atoms: Atoms,
    centre: int,
    *,
    radius: float = RADIUS,
    max_atoms: int = 110,
    min_edge: float = 9.2,
    keep_edge: float = 16.0,
) -> Atoms:
    """A small periodic cell around an atom, whose neighbourhood it leaves as it is.

    A direction in which the cell is short enough keeps its period, as the plane of a narrow
    contact does; across the others a window is cut. Of the windows that hold few enough atoms the
    one whose faces fit best is taken: atoms that come closer across a face than any of their
    elements do in the large cell are left out, and the fewest are wanted. The cell that is
    small already is returned whole.

    Parameters
    ----------
    atoms
        A frame, periodic in three directions.
    centre
        Index of the atom.
    radius
        Angstrom. All within it of the centre is kept, and sees no image of itself.
    max_atoms
        The most atoms of the result.
    min_edge
        Smallest distance between opposite faces, Angstrom.
    keep_edge
        Directions with a distance of faces up to this keep their period, Angstrom.

    Returns
    -------
    ase.Atoms
        With the arrays `source_index`, the index of each atom in the frame, and `kept`, whether
        it is within the radius; in a cell that stays whole all atoms are.

    Raises
    ------
    StructureError
        If no such cell is small enough.
    """
    if len(atoms) <= max_atoms:
        whole = _labelled(atoms, np.arange(len(atoms)), centre, radius)
        whole.arrays[KEPT][:] = True
        return whole
    heights = _heights(atoms)
    wanted = max(2 * radius, min_edge)
    windows = np.where(heights <= keep_edge, heights, np.minimum(wanted, heights))
    places = atoms.get_scaled_positions(wrap=False)
    places = (places - places[centre] + 0.5) % 1.0 - 0.5
    shortest = _shortest(atoms)
    if len(_inside(places, windows / heights)) > max_atoms:
        raise StructureError(
            f"{len(_inside(places, windows / heights))} atoms are within {wanted:g} A of atom "
            f"{centre} along the directions that can be cut, more than {max_atoms}. Raise "
            "max_atoms or lower the radius."
        )
    for axis in np.flatnonzero(windows < heights):
        windows = _best_window(atoms, places, windows, int(axis), shortest, radius, max_atoms)
    return _cut(atoms, places, windows / heights, shortest, radius)[0]


def _best_window(
    atoms: Atoms,
    places: NDArray[np.float64],
    windows: NDArray[np.float64],
    axis: int,
    shortest: NDArray[np.float64],
    radius: float,
    max_atoms: int,
) -> NDArray[np.float64]:
    """The windows with that of one axis widened to where its faces fit best."""
    heights = _heights(atoms)
    best: tuple[float, NDArray[np.float64]] | None = None
    for extra in np.arange(0.0, 4.0, STEP):
        trial = windows.copy()
        trial[axis] = min(windows[axis] + extra, heights[axis])
        if len(_inside(places, trial / heights)) > max_atoms:
            break
        cut, left_out = _cut(atoms, places, trial / heights, shortest, radius)
        density = len(cut) / cut.get_volume() * atoms.get_volume() / len(atoms)
        score = left_out + 10 * max(0.0, 1.0 - density)  # an emptied face is a bad fit too
        if best is None or score < best[0] - 1e-9:
            best = (score, trial)
    assert best is not None  # the first window was found small enough before
    return best[1]


def _cut(
    atoms: Atoms,
    places: NDArray[np.float64],
    shares: NDArray[np.float64],
    shortest: NDArray[np.float64],
    radius: float,
) -> tuple[Atoms, int]:
    """The atoms of a window in a cell of its size, and how many were left out for its faces."""
    inside = _inside(places, shares)
    cell = atoms.cell.array * shares[:, None]
    small = Atoms(
        numbers=atoms.numbers[inside],
        positions=places[inside] @ atoms.cell.array + cell.sum(axis=0) / 2,
        cell=cell,
        pbc=True,
    )
    distances = np.linalg.norm(places[inside] @ atoms.cell.array, axis=1)
    out = _too_close(small, distances, shortest, radius)
    centre = int(distances.argmin())
    keep = np.setdiff1d(np.arange(len(small)), out)
    result = _labelled(small[keep], inside[keep], int(np.searchsorted(keep, centre)), radius)
    return result, len(out)


def _too_close(
    small: Atoms,
    distances: NDArray[np.float64],
    shortest: NDArray[np.float64],
    radius: float,
) -> list[int]:
    """Atoms to leave out, the furthest from the centre first, until no pair is too close."""
    i, j, d = neighbor_list("ijd", small, REACH)
    limits = TOLERANCE * shortest[small.numbers[i], small.numbers[j]]
    pairs = {(int(a), int(b)) for a, b in zip(i[d < limits], j[d < limits], strict=True)}
    out: list[int] = []
    while pairs:
        involved = sorted({a for pair in pairs for a in pair}, key=lambda a: -distances[a])
        movable = [a for a in involved if distances[a] > radius]
        if not movable:
            break
        out.append(movable[0])
        pairs = {pair for pair in pairs if movable[0] not in pair}
    return out


def _shortest(atoms: Atoms) -> NDArray[np.float64]:
    """The shortest distance of each pair of elements in a frame, by atomic numbers."""
    i, j, d = neighbor_list("ijd", atoms, REACH)
    table = np.full((119, 119), REACH)
    np.minimum.at(table, (atoms.numbers[i], atoms.numbers[j]), d)
    return table


def _inside(places: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.intp]:
    half = shares / 2
    return np.flatnonzero(((places >= -half) & (places < half)).all(axis=1))


def _heights(atoms: Atoms) -> NDArray[np.float64]:
    """Distances between opposite faces, Angstrom."""
    return np.asarray(1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0))


def _labelled(atoms: Atoms, indices: NDArray[np.intp], centre: int, radius: float) -> Atoms:
    result = Atoms(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=True
    )
    near = result.get_distances(centre, np.arange(len(result)), mic=True) <= radius
    result.set_array(KEPT, near)
    result.set_array(SOURCE, np.asarray(indices, dtype=np.int64))
    return result
