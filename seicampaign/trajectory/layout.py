"""The layout: H5MD's groups and names, as Zarr arrays, with what a commit adds to them.

    zarr.json                        what it is, and the commit record
    h5md/                            version and creator, as H5MD wants them
    particles/all/species            (N,) atomic numbers
    particles/all/box/edges/value    (F, 3, 3) cell vectors, Angstrom
    particles/all/position/step      (F,) MD steps
    particles/all/position/time      (F,) ps
    particles/all/position/value     (F, N, 3) int32, in units of `precision` Angstrom
    checksums/<page>/                crc32 of every stored chunk, by pages of 32 chunk rows
    lease/<number>/                  who may write

A chunk row is all chunks of one range of frames. The fill value of each array is one that no
frame can have, so that a missing chunk never looks like data to any reader of Zarr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import zarr
from numcodecs import blosc
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.codecs import BloscCodec, TransposeCodec
from zarr.core.buffer import Buffer, default_buffer_prototype

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import keys

SCHEMA_VERSION = 1
PAGE_ROWS = 32
MAX_CHUNK_BYTES = 8_000_000
LIBRARY = "zstd"
# Level 5 takes twice the time to save half a percent.
LEVEL = 3

SPECIES = "particles/all/species"
EDGES = "particles/all/box/edges/value"
STEP = "particles/all/position/step"
TIME = "particles/all/position/time"
POSITION = "particles/all/position/value"
FRAME_ARRAYS = (EDGES, STEP, TIME, POSITION)

FILL = np.iinfo(np.int32).min
LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Layout:
    """The shape of a trajectory: what decides which chunk a frame of an atom lies in.

    Attributes
    ----------
    precision
        Angstrom per unit of the stored integers. Positions are off by half of it at most.
    chunk
        Frames and atoms of one chunk.
    """

    n_atoms: int
    precision: float
    chunk: tuple[int, int]

    @property
    def columns(self) -> int:
        """Chunks in a row."""
        return -(-self.n_atoms // self.chunk[1])

    @property
    def page_frames(self) -> int:
        """Frames of one page of checksums, and of one chunk of steps, times and cells."""
        return PAGE_ROWS * self.chunk[0]

    @property
    def block(self) -> int:
        """Bytes that are compressed together: one coordinate of a chunk. Smaller ones cost 3 %."""
        return 4 * self.chunk[0] * self.chunk[1]

    def rows(self, frames: int) -> int:
        """Chunk rows that so many frames take."""
        return -(-frames // self.chunk[0])

    def page_of(self, key: str) -> int:
        """The page with the checksum of a chunk."""
        array, _, place = key.partition("/c/")
        if array == SPECIES:
            return 0
        first = int(place.partition("/")[0])
        return first // PAGE_ROWS if array == POSITION else first

    def position_keys(self, frames: int) -> set[str]:
        """The keys of all chunks of positions that so many frames take."""
        rows = range(self.rows(frames))
        return {f"{POSITION}/c/{row}/{column}/0" for row in rows for column in range(self.columns)}

    def to_attributes(self) -> dict[str, Any]:
        """As stored."""
        return {
            "n_atoms": self.n_atoms,
            "precision": self.precision,
            "error_bound": self.precision / 2,
            "unit": "angstrom",
            "chunk": list(self.chunk),
        }

    @classmethod
    def from_attributes(cls, stored: Mapping[str, Any]) -> Layout:
        """From what is stored."""
        frames, atoms = stored["chunk"]
        return cls(stored["n_atoms"], stored["precision"], (frames, atoms))


def is_chunk(key: str) -> bool:
    """Whether a key holds a chunk of an array."""
    return "/c/" in key


def create_arrays(store: Store, layout: Layout, numbers: NDArray[np.uint8]) -> None:
    """Write the groups and the empty arrays, and the atomic numbers."""
    from seicampaign import __version__

    creator = {"name": "seicampaign", "version": __version__}
    keys.put_attributes(store, "h5md", {"version": [1, 1], "creator": creator})
    keys.put_attributes(store, "particles", {})
    keys.put_attributes(store, "particles/all", {})
    keys.put_attributes(store, "particles/all/position", {})
    keys.put_attributes(store, "particles/all/box", {"dimension": 3, "boundary": ["periodic"] * 3})
    keys.put_attributes(store, "particles/all/box/edges", {})
    page, (frames, atoms) = layout.page_frames, layout.chunk
    _create(store, SPECIES, "uint8", (layout.n_atoms,), (layout.n_atoms,), 0)
    _create(store, EDGES, "float64", (0, 3, 3), (page, 3, 3), np.nan, {"unit": "angstrom"})
    _create(store, STEP, "int64", (0,), (page,), -1)
    _create(store, TIME, "float64", (0,), (page,), np.nan, {"unit": "ps"})
    scale = {"unit": "angstrom", "scale_factor": layout.precision}
    zarr.create_array(
        store,
        name=POSITION,
        dtype="int32",
        shape=(0, layout.n_atoms, 3),
        chunks=(frames, atoms, 3),
        # One atom's coordinate over time is smooth, and so lies together.
        filters=[TransposeCodec(order=(2, 1, 0))],
        compressors=[
            BloscCodec(
                typesize=4,
                cname=LIBRARY,
                clevel=LEVEL,
                shuffle="bitshuffle",
                blocksize=layout.block,
            )
        ],
        fill_value=FILL,
        attributes=scale | {"error_bound": layout.precision / 2},
    )
    zarr.open_array(store, path=SPECIES, mode="r+")[:] = numbers


def open_array(store: Store, name: str, mode: Literal["r", "r+"] = "r") -> zarr.Array[Any]:
    """An array of a trajectory.

    Raises
    ------
    TrajectoryError
        If its description is missing or torn.
    """
    try:
        return zarr.open_array(store, path=name, mode=mode)
    except TrajectoryError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError) as error:
        home = getattr(store, "_store", store)
        raise TrajectoryError(
            f"{name}/zarr.json of {home} is missing or torn ({error}). Put it back from a copy, or "
            "delete the trajectory and run the simulation again."
        ) from error


def encoded(block: NDArray[np.int32], layout: Layout) -> Buffer:
    """A chunk of positions as Zarr stores it, from frames x atoms x coordinates of part of one."""
    frames, atoms = layout.chunk
    whole = np.full((3, atoms, frames), FILL, "<i4")
    whole[:, : block.shape[1], : block.shape[0]] = block.transpose(2, 1, 0)
    content = blosc.compress(whole, LIBRARY.encode(), LEVEL, blosc.BITSHUFFLE, layout.block)
    return default_buffer_prototype().buffer.from_bytes(content)


def decoded(value: Buffer, layout: Layout) -> NDArray[np.int32]:
    """A stored chunk of positions: coordinates x atoms x frames, padded to the whole chunk."""
    frames, atoms = layout.chunk
    content = blosc.decompress(value.as_numpy_array())
    return np.frombuffer(content, "<i4").reshape(3, atoms, frames)


def _create(
    store: Store,
    name: str,
    dtype: str,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    fill: float,
    attributes: dict[str, Any] | None = None,
) -> None:
    zarr.create_array(
        store,
        name=name,
        dtype=dtype,
        shape=shape,
        chunks=chunks,
        compressors=[BloscCodec(cname=LIBRARY, clevel=LEVEL, shuffle="shuffle")],
        fill_value=fill,
        attributes=attributes,
    )


def check_chunk(chunk: tuple[int, int]) -> tuple[int, int]:
    """Refuse a chunk shape that no store can take as one value."""
    frames, atoms = chunk
    if frames < 1 or atoms < 1 or 12 * frames * atoms > MAX_CHUNK_BYTES:
        raise TrajectoryError(
            f"Chunks of {frames} frames x {atoms} atoms cannot be stored: both must be positive, "
            f"and 12 bytes x frames x atoms at most {MAX_CHUNK_BYTES}."
        )
    return frames, atoms
