"""Extrapolation grades: how far an atom's neighbourhood is from those a potential was trained on.

The derivatives `b` of an atom's energy by all P parameters (coefficients of scalars, species,
radial functions) are written as ``c A``, the rows of `A` being those of P atoms, the active set,
chosen from the training configurations by MaxVol; the grade is ``max |c|``, at most 1 for all that
was trained on (E. V. Podryabinkin, A. V. Shapeev, Comput. Mater. Sci. 140, 171 (2017); the
neighbourhood mode of MLIP-2). As there, `A` starts from a small multiple of the identity: what no
training atom ever touched keeps its row, and an atom that does touch it has a huge grade.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.errors import PotentialError, TrainingError
from seicampaign.mtp.calculator import check_species, native_call, species_index
from seicampaign.mtp.model import MTP, FloatArray
from seicampaign.mtp.native import c_model, library, plan

START = 1e-6
TOLERANCE = 1e-3
_MAGIC = b"seicampaign active set 3\n"
_ERROR_SIZE = 1024
_ROUNDINGS = 8.0
"""What sums in single precision are allowed to be off by, in roundings of their typical terms."""


def own_size(mtp: MTP) -> int:
    """Parameters that only atoms of one species have: its energy and its radial functions."""
    return 1 + mtp.species_count * mtp.radial_funcs_count * mtp.radial_basis_size


def parameter_count(mtp: MTP) -> int:
    """Number P of all parameters."""
    return mtp.alpha_scalar_moments + mtp.species_count * own_size(mtp)


def basis_vectors(mtp: MTP, species: Sequence[str], atoms: Atoms) -> FloatArray:
    """Derivatives of the energy of each atom by all parameters, float64 (N, P).

    Columns: coefficients of the scalars; then for each species its own energy and its radial
    coefficients [neighbour species][function][polynomial].

    Raises
    ------
    PotentialError, StructureError
        As `seicampaign.mtp.calculator.evaluate`.
    """
    species = check_species(mtp, species)
    moments, own = mtp.alpha_scalar_moments, own_size(mtp)
    short = np.empty((len(atoms), moments + own))
    handle = plan(mtp, basis=True).handle
    native_call(library().mtp_basis, [handle], species, atoms, short)
    full: FloatArray = np.zeros((len(atoms), parameter_count(mtp)))
    full[:, :moments] = short[:, :moments]
    for t, kind in enumerate(species_index(atoms, species)):
        begin = moments + kind * own
        full[t, begin : begin + own] = short[t, moments:]
    return full


@dataclass(frozen=True, eq=False)
class ActiveSet:
    """The rows that grades are measured by.

    Parameters
    ----------
    mtp, species
        The potential they belong to.
    rows
        float64 (P, P), the matrix A.
    origins
        int64 (P, 2): configuration and atom of each row, -1 for a row that is still a multiple of
        the identity's.
    """

    mtp: MTP
    species: tuple[str, ...]
    rows: FloatArray
    origins: NDArray[np.int64]

    @cached_property
    def inverse(self) -> FloatArray:
        """The inverse of A, float64 (P, P)."""
        return np.asarray(np.linalg.inv(self.rows), dtype=np.float64)

    def configurations(self) -> list[int]:
        """Indices of the configurations that have an atom in the set."""
        return sorted({int(i) for i in self.origins[:, 0] if i >= 0})

    def grades(self, atoms: Atoms) -> FloatArray:
        """Grade of each atom, float64 (N,), by the fast way that LAMMPS goes too.

        Raises
        ------
        PotentialError, StructureError
            As `seicampaign.mtp.calculator.evaluate`.
        """
        found = np.empty(len(atoms))
        handles = [plan(self.mtp, basis=True).handle, self._native.handle]
        native_call(library().mtp_grades, handles, self.species, atoms, found)
        return found

    @cached_property
    def _native(self) -> _NativeSet:
        return _NativeSet(self)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file that `pair_style sei/mtp ... grade FILE` reads."""
        Path(path).write_bytes(_encode(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the set as ``.npz`` for `load`."""
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file, rows=self.rows, origins=self.origins, species=self.species, mtp=self.mtp.hash
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str], mtp: MTP) -> ActiveSet:
        """Read what `save` wrote.

        Raises
        ------
        PotentialError
            If the file is not an active set, or of another potential.
        """
        try:
            with np.load(path) as file:
                rows, origins = file["rows"], file["origins"]
                species, identity = tuple(map(str, file["species"])), str(file["mtp"])
        except (OSError, KeyError, ValueError) as error:
            raise PotentialError(f"{path} is not an active set: {error}") from error
        if identity != mtp.hash:
            raise PotentialError(
                f"{path} was made for another potential. Make it again with `active_set`."
            )
        return cls(mtp, species, rows, origins)


def active_set(
    mtp: MTP, species: Sequence[str], images: Sequence[Atoms], *, batch: int = 2000
) -> ActiveSet:
    """Choose the active set among the atoms of training configurations.

    Parameters
    ----------
    mtp
        A trained potential.
    species
        Chemical symbols in its order.
    images
        The configurations it was trained on.
    batch
        Atoms looked at together.

    Raises
    ------
    TrainingError
        If there are no configurations.
    """
    if not images:
        raise TrainingError("An active set needs at least one configuration.")
    species = check_species(mtp, species)
    choice = _MaxVol(START * np.eye(parameter_count(mtp)))
    changed = True
    while changed:  # a row taken late can make an earlier atom exceed 1 again
        changed = False
        for rows, origins in _batches(mtp, species, images, batch):
            changed |= choice.improve(rows, origins)
    return ActiveSet(mtp, species, choice.rows, choice.origins)


def _batches(
    mtp: MTP, species: Sequence[str], images: Sequence[Atoms], size: int
) -> Iterator[tuple[FloatArray, NDArray[np.int64]]]:
    rows: list[FloatArray] = []
    origins: list[NDArray[np.int64]] = []
    for index, atoms in enumerate(images):
        rows.append(basis_vectors(mtp, species, atoms))
        origins.append(np.column_stack([np.full(len(atoms), index), np.arange(len(atoms))]))
        if sum(map(len, rows)) >= size or index == len(images) - 1:
            yield np.concatenate(rows), np.concatenate(origins)
            rows, origins = [], []


class _MaxVol:
    """Rows whose determinant is (nearly) the largest that one exchange after another reaches."""

    def __init__(self, rows: FloatArray, origins: NDArray[np.int64] | None = None) -> None:
        self.rows = rows.copy()
        self.inverse = np.asarray(np.linalg.inv(rows), dtype=np.float64)
        none = np.full((len(rows), 2), -1, dtype=np.int64)
        self.origins = none if origins is None else origins.copy()

    def improve(self, rows: FloatArray, origins: NDArray[np.int64]) -> bool:
        """Exchange rows while one of these multiplies the volume by more than 1 + TOLERANCE."""
        coefficients = rows @ self.inverse
        exchanged = False
        while True:
            i, j = np.unravel_index(np.abs(coefficients).argmax(), coefficients.shape)
            if not abs(coefficients[i, j]) > 1.0 + TOLERANCE:
                break
            self._exchange(coefficients, int(i), int(j))
            self.rows[j], self.origins[j] = rows[i], origins[i]
            exchanged = True
        if exchanged:  # rounding of many exchanges ends here
            self.inverse = np.asarray(np.linalg.inv(self.rows), dtype=np.float64)
        return exchanged

    def _exchange(self, coefficients: FloatArray, i: int, j: int) -> None:
        change = coefficients[i].copy()
        change[j] -= 1.0
        change /= coefficients[i, j]
        self.inverse -= np.outer(self.inverse[:, j], change)
        coefficients -= np.outer(coefficients[:, j], change)


class _NativeSet:
    """The kernel's own form of an active set."""

    def __init__(self, chosen: ActiveSet) -> None:
        data = _encode(chosen)
        error = ctypes.create_string_buffer(_ERROR_SIZE)
        self._library = library()
        self.handle = self._library.mtp_active_set_create(
            data,
            len(data),
            ctypes.byref(c_model(chosen.mtp)),
            plan(chosen.mtp, basis=True).isa.encode(),
            error,
            _ERROR_SIZE,
        )
        if not self.handle:
            raise PotentialError(f"The active set cannot be used: {error.value.decode()}.")

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self._library.mtp_active_set_destroy(self.handle)


def _encode(chosen: ActiveSet) -> bytes:
    """The numbers src/grade.hpp tells of, after a fingerprint of the potential and the ranks."""
    mtp = chosen.mtp
    moments, own, kinds = mtp.alpha_scalar_moments, own_size(mtp), mtp.species_count
    blocks = [slice(moments + t * own, moments + (t + 1) * own) for t in range(kinds)]
    groups = _groups(chosen.rows, blocks)
    parts = [
        _divide(chosen.rows[group, block], group)
        for group, block in zip(groups, blocks, strict=False)
    ]
    left = [part.left for part in parts] + [groups[-1]]
    order = np.concatenate([*left, *(part.kept for part in parts)])
    exact = chosen.inverse[:, order].T
    numbers: list[FloatArray] = [exact, *(-part.spread.T for part in parts)]
    for t, (block, part) in enumerate(zip(blocks, parts, strict=True)):
        inputs = np.r_[0:moments, block]
        known = chosen.rows[np.ix_(groups[t], inputs)]
        centre = known.mean(axis=0)
        known -= centre
        largest = np.abs(known).max(axis=0)
        inverse_range = np.divide(1.0, largest, out=np.zeros_like(largest), where=largest > 1e-30)
        terms = _terms(known, exact[:moments, inputs].T, parts, t)
        tolerance = _ROUNDINGS * 2.0**-24 * np.sqrt(1.0 + terms)
        numbers += [part.direct.T, centre, inverse_range, tolerance]
    mark = library().mtp_fingerprint(ctypes.byref(c_model(mtp)))
    return b"".join(
        [
            _MAGIC,
            np.array([mark], "<u8").tobytes(),
            np.array([len(rows) for rows in left], "<i8").tobytes(),
            *(np.ascontiguousarray(a, dtype="<f8").tobytes() for a in numbers),
        ]
    )


@dataclass(frozen=True, eq=False)
class _Division:
    """The rows of a species: those `kept` for its own parameters, and those `left`.

    `direct` is the inverse of the kept rows' own part (d, d); `spread` is the own part of those
    left in terms of it, (len(left), d), no number of it larger than 1, the longest columns first.
    """

    kept: NDArray[np.intp]
    left: NDArray[np.intp]
    direct: FloatArray
    spread: FloatArray


def _divide(own: FloatArray, rows: NDArray[np.intp]) -> _Division:
    """Divide rows by their own part (n, d)."""
    from scipy.linalg import qr

    count, size = own.shape
    scale = np.abs(own).max(axis=0)
    _, _, order = qr((own / scale).T, mode="economic", pivoting=True)
    index = np.column_stack([np.arange(count)] * 2)
    choice = _MaxVol(own[order[:size]], index[order[:size]])
    choice.improve(own, index)
    left = np.setdiff1d(np.arange(count), choice.origins[:, 0])
    spread = own[left] @ choice.inverse
    order = np.argsort(-np.linalg.norm(spread, axis=0), kind="stable")
    kept = choice.origins[order, 0]
    return _Division(rows[kept], rows[left], choice.inverse[:, order], spread[:, order])


def _terms(
    known: FloatArray, joint: FloatArray, parts: Sequence[_Division], own: int
) -> FloatArray:
    """Largest sum of squares of each coefficient's terms for known deviations, float64 (P,)."""
    first = np.max(known**2 @ joint**2, axis=0)
    rest, at = [], 0
    for g, part in enumerate(parts):
        terms = first[at : at + len(part.left)] @ part.spread**2
        if g == own:
            terms = terms + np.max(known[:, len(first) :] ** 2 @ part.direct**2, axis=0)
        rest.append(terms)
        at += len(part.left)
    return np.concatenate([first, *rest])


def _groups(rows: FloatArray, blocks: Sequence[slice]) -> list[NDArray[np.intp]]:
    """Rows by the species whose own parameters they have; the last group has none."""
    owned = np.array([np.abs(rows[:, block]).max(axis=1) > 0 for block in blocks])
    return [*(np.flatnonzero(mine) for mine in owned), np.flatnonzero(~owned.any(axis=0))]
