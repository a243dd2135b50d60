"""Checksums of the stored chunks, in pages that stay small however long the trajectory is."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from zarr.abc.store import Store
from zarr.core.buffer import Buffer

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import keys
from seicampaign.trajectory.layout import Layout

REMEDY = (
    "What comes before it is whole: truncate to the last frame that can be read "
    "(store.trajectory_writer(id).truncate(step)), or run the simulation again."
)

Page = dict[str, list[int]]
"""Checksums a stored chunk may have, by key: two while it is being replaced."""


def page_path(page: int) -> str:
    """The group of a page of checksums."""
    return f"checksums/{page}"


def crc32(value: Buffer) -> int:
    """The checksum of a stored chunk."""
    return zlib.crc32(value.as_numpy_array())


async def load_page(store: Store, number: int) -> Page:
    """A page of checksums, on Zarr's event loop."""
    attributes = await keys.get_attributes_async(store, page_path(number))
    if attributes is None or "crc32" not in attributes:
        raise TrajectoryError(f"Page {number} of the checksums of {store} is missing. {REMEDY}")
    return dict(attributes["crc32"])


def save_page(store: Store, number: int, page: Page) -> None:
    """Write a page of checksums in one step."""
    keys.put_attributes(store, page_path(number), {"crc32": page})


class Checksums:
    """The checksums as a writer keeps them: those committed, and those that are to be."""

    def __init__(self, store: Store, layout: Layout) -> None:
        self._store = store
        self._layout = layout
        self._stored: dict[int, Page] = {}
        self._next: dict[int, Page] = {}

    def put(self, chunks: Mapping[str, Buffer]) -> None:
        """Put chunks into the store, having said first which committed ones they replace."""
        replaced: dict[int, Page] = {}
        for key, value in chunks.items():
            number, checksum = self._layout.page_of(key), crc32(value)
            self._next.setdefault(number, {})[key] = [checksum]
            before = self._page(number).get(key)
            if before is not None:
                replaced.setdefault(number, {})[key] = [*before, checksum]
        for number, page in replaced.items():
            self._save(number, page)
        keys.put_many(self._store, chunks)

    def commit(self) -> None:
        """Write the pages of all chunks put since the last time."""
        for number, page in self._next.items():
            self._save(number, page)
        self._next.clear()

    def _save(self, number: int, page: Page) -> None:
        self._stored[number] = self._page(number) | page
        save_page(self._store, number, self._stored[number])

    def _page(self, number: int) -> Page:
        if number not in self._stored:
            stored = keys.get_attributes(self._store, page_path(number))
            self._stored[number] = dict((stored or {}).get("crc32", {}))
        return self._stored[number]
