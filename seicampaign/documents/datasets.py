"""Configurations of a data set: their identity, and how they are stored.

A structure is what it is to a potential: elements, cell and positions, whatever the order of its
atoms and whichever periodic image of an atom is given. Positions and cell are rounded to a
millionth of an Angstrom, here and in the store, so that a structure keeps its identity through
any file that has six decimals. Another choice of cell vectors, a rotation or a shift of all atoms
together makes another structure. Forces are kept to 1e-8 eV/A, as extended XYZ has them, and
stress to 1e-12 eV/A^3, so that labels too come back from a file as they went in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seicampaign.documents.identity import ID_LENGTH, SCHEMA_VERSION, check_schema

if TYPE_CHECKING:
    from ase import Atoms

GRID = 1e-6
"""Angstrom: the precision of positions and cells in data sets."""

SETTING = "setting"
IDENTITY = "configuration_id"
_OWN = (SETTING, IDENTITY)


def structure_id(atoms: Atoms) -> str:
    """The identity of a structure.

    Parameters
    ----------
    atoms
        With finite positions and cell.

    Returns
    -------
    str
        20 hexadecimal digits.
    """
    cell, positions = _on_grid(atoms.cell.array), _wrapped(atoms)
    order = _order(atoms.numbers, positions)
    digest = hashlib.sha256(f"structure {SCHEMA_VERSION}".encode())
    for array in (atoms.pbc.astype("<i8"), cell, atoms.numbers[order], positions[order]):
        digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return digest.hexdigest()[:ID_LENGTH]


def configuration_id(atoms: Atoms, setting: str) -> str:
    """The identity of a structure labelled with one setting."""
    return f"{structure_id(atoms)}/{setting}"


def _on_grid(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(np.asarray(values) / GRID).astype(np.int64)


def _wrapped(atoms: Atoms) -> NDArray[np.int64]:
    """Positions in the cell, in units of the grid.

    Wrapped before they are rounded, so that every image of an atom comes to the same point, and
    after, so that what was rounded onto the far face comes to the near one.
    """
    if not atoms.pbc.any():
        return _on_grid(atoms.positions)
    cell = atoms.cell.complete().array
    positions = _on_grid(atoms.positions - _turns(atoms.positions, cell, atoms.pbc) @ cell)
    full = _on_grid(cell)
    return positions - _turns(positions, full, atoms.pbc) @ full


def _turns(
    positions: NDArray[Any], cell: NDArray[Any], pbc: NDArray[np.bool_]
) -> NDArray[np.int64]:
    shares = np.linalg.solve(cell.T.astype(float), positions.T.astype(float)).T
    return np.floor(shares + 1e-9).astype(np.int64) * pbc


def _order(numbers: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.lexsort((*positions.T[::-1], numbers))


def labels_of(atoms: Atoms) -> dict[str, NDArray[np.float64]]:
    """The labels of a configuration as they are kept: energy (), forces (n, 3), stress (6,)."""
    results = {} if atoms.calc is None else atoms.calc.results
    labels = {
        name: np.asarray(results[name], dtype=np.float64)
        for name in ("energy", "forces", "stress")
        if results.get(name) is not None
    }
    if "forces" in labels:
        labels["forces"] = np.round(labels["forces"], 8)
    if "stress" in labels:
        stress = labels["stress"]
        stress = stress if stress.size != 9 else stress.reshape(9)[[0, 4, 8, 5, 2, 1]]
        labels["stress"] = np.round(stress, 12)
    return labels


def label_hash(atoms: Atoms) -> str:
    """What the labels of a configuration are, whatever the order of its atoms."""
    labels = labels_of(atoms)
    labels["forces"] = labels["forces"][_order(atoms.numbers, _wrapped(atoms))]
    digest = hashlib.sha256()
    for name, value in labels.items():
        digest.update(name.encode() + (value + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()[:ID_LENGTH]


def atoms_document(atoms: Atoms) -> dict[str, Any]:
    """A configuration with whatever labels it has, as it is stored; nothing is checked.

    Atoms stay in their order and come into the cell. Per-atom arrays other than numbers, positions
    and forces are left out.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "formula": atoms.get_chemical_formula(),
        "n_atoms": len(atoms),
        "pbc": atoms.pbc.tolist(),
        "cell": (np.round(atoms.cell.array, 6) + 0.0).tolist(),
        "numbers": atoms.numbers.astype("<u1").tobytes(),
        "positions": _stored_positions(atoms).astype("<f8").tobytes(),
        "labels": {name: _floats(value) for name, value in labels_of(atoms).items()},
        "info": {str(k): _plain(v) for k, v in atoms.info.items() if k not in _OWN},
    }


def _stored_positions(atoms: Atoms) -> NDArray[np.float64]:
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return atoms.positions
    return np.round(_wrapped(atoms) * GRID, 6)


def _floats(value: NDArray[np.float64]) -> dict[str, Any]:
    """Numbers as bytes, exact to the last bit, NaN included."""
    return {"shape": list(value.shape), "data": value.astype("<f8").tobytes()}


def _plain(value: Any) -> Any:
    """A value of `info` as BSON and JSON know it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(k).replace(".", "_"): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def atoms_of(document: Mapping[str, Any]) -> Atoms:
    """The configuration of a stored document, labels in its calculator.

    Raises
    ------
    StoreError
        If a newer version of the package has written it.
    """
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    check_schema(document)
    atoms = Atoms(
        numbers=np.frombuffer(document["numbers"], "<u1"),
        positions=np.frombuffer(document["positions"], "<f8").reshape(-1, 3),
        cell=document["cell"],
        pbc=document["pbc"],
        info=dict(document["info"]),
    )
    atoms.info |= {name: document[name] for name in _OWN if name in document}
    labels: dict[str, Any] = {
        name: np.frombuffer(stored["data"], "<f8").reshape(stored["shape"]).copy()
        for name, stored in document["labels"].items()
    }
    if "energy" in labels:
        labels["energy"] = float(labels["energy"])
    if labels:
        atoms.calc = SinglePointCalculator(atoms, **labels)
    return atoms
