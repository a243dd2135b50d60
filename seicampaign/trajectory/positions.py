"""Positions that are read where they are sliced.

Zarr itself gives the same (a test compares them) at two to three times the cost: it hands every
chunk to a thread and back for each codec. A chunk here is fetched, checked, decoded and placed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from seicampaign.trajectory.checked import CheckedStore
from seicampaign.trajectory.layout import POSITION, decoded

CONCURRENT = 8

Index = NDArray[np.int64]


class Positions:
    """Positions in Angstrom, float64: ``positions[100:200, :, 2]`` reads only what it needs.

    Each axis takes an integer, a slice, a list of integers or a mask; several lists select the
    block they span, as in Zarr and HDF5.
    """

    ndim = 3
    dtype = np.dtype(np.float64)

    def __init__(self, store: CheckedStore, frames: int) -> None:
        self._store = store
        self.shape = (frames, store.layout.n_atoms, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        parts = _one_per_axis(key, self.ndim)
        chosen = [np.arange(n)[part] for part, n in zip(parts, self.shape, strict=True)]
        if any(index.ndim > 1 for index in chosen):
            raise IndexError("Positions take integers, slices, lists and masks of one axis each.")
        block = read(self._store, *(np.atleast_1d(index) for index in chosen))
        single = tuple(axis for axis, index in enumerate(chosen) if index.ndim == 0)
        return block.squeeze(single) * self._store.layout.precision

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


def read(store: CheckedStore, frames: Index, atoms: Index, xyz: Index) -> NDArray[np.int32]:
    """The stored integers of some frames, atoms and coordinates: the block they span."""
    block = np.empty((len(frames), len(atoms), len(xyz)), np.int32)
    coordinates = _as_slice(xyz)
    prototype = default_buffer_prototype()

    async def place(row: tuple[int, Any, Any], column: tuple[int, Any, Any]) -> None:
        key = f"{POSITION}/c/{row[0]}/{column[0]}/0"
        async with gate:
            value = await store.get(key, prototype)
            assert value is not None, "CheckedStore raises for a chunk that is missing"
            chunk = decoded(value, store.layout)
        part = chunk[coordinates][:, column[1]][:, :, row[1]].transpose(2, 1, 0)
        if isinstance(row[2], slice) and isinstance(column[2], slice):
            block[row[2], column[2]] = part
        else:
            block[np.ix_(_as_index(row[2]), _as_index(column[2]))] = part

    async def place_all() -> None:
        columns = list(_pieces(atoms, store.layout.chunk[1]))
        rows = _pieces(frames, store.layout.chunk[0])
        await asyncio.gather(*(place(row, column) for row in rows for column in columns))

    gate = asyncio.Semaphore(CONCURRENT)
    sync(place_all())
    return block


def _pieces(index: Index, size: int) -> Iterator[tuple[int, Any, Any]]:
    """The chunks that indices fall in: number, where in the chunk, where in the result."""
    numbers = index // size
    for number in np.unique(numbers):
        result = np.flatnonzero(numbers == number)
        yield int(number), _as_slice(index[result] - number * size), _as_slice(result)


def _as_slice(index: Index) -> slice | Index:
    """Consecutive indices as a slice, which copies nothing."""
    if len(index) and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _as_index(part: slice | Index) -> Index:
    return np.arange(part.start, part.stop) if isinstance(part, slice) else part


def _one_per_axis(key: Any, ndim: int) -> tuple[Any, ...]:
    parts = key if isinstance(key, tuple) else (key,)
    given = [part for part in parts if part is not Ellipsis]
    if len(given) > ndim or len(parts) - len(given) > 1:
        raise IndexError(f"Positions have {ndim} axes (frames, atoms, xyz), got {len(parts)}.")
    rest = [slice(None)] * (ndim - len(given))
    place = next((i for i, part in enumerate(parts) if part is Ellipsis), len(given))
    return (*given[:place], *rest, *given[place:])
