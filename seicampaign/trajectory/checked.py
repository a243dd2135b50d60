"""Zarr stores that check what they read and hold back what they write."""

from __future__ import annotations

import asyncio
from typing import Any

from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.checksums import REMEDY, Page, crc32, load_page
from seicampaign.trajectory.layout import Layout, is_chunk


class CheckedStore(WrapperStore[Store]):
    """Reads chunks only as they were committed.

    A chunk that is missing, torn or other than committed is a TrajectoryError; to Zarr alone, a
    missing chunk is a block of fill values.
    """

    def __init__(self, store: Store, layout: Layout) -> None:
        super().__init__(store)
        self.layout = layout
        self._pages: dict[int, Page] = {}
        self._loading = asyncio.Lock()

    def _with_store(self, store: Store) -> CheckedStore:
        same = CheckedStore(store, self.layout)
        same._pages, same._loading = self._pages, self._loading
        return same

    def __getstate__(self) -> dict[str, Any]:
        return {"store": self._store, "layout": self.layout}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["store"], state["layout"])  # type: ignore[misc]

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        if not is_chunk(key):
            return await self._store.get(key, prototype, byte_range)
        value = await self._store.get(key, prototype)
        if value is None:
            raise TrajectoryError(f"Chunk {key} of {self._store} is missing. {REMEDY}")
        found = crc32(value)
        if found not in await self._checksums(key, 0):
            # A commit may have come between: the chunk is newer than the page, or older than the
            # page that is read now.
            page = id(self._pages[self.layout.page_of(key)])
            committed = await self._checksums(key, page)
            if found not in committed:
                value = await self._store.get(key, prototype)
            if value is None or crc32(value) not in committed:
                raise TrajectoryError(
                    f"Chunk {key} of {self._store} is torn: its checksum is not the committed one. "
                    f"{REMEDY}"
                )
        return value

    async def _checksums(self, key: str, stale: int) -> list[int]:
        """The checksums the chunk may have, from a page other than the stale one."""
        number = self.layout.page_of(key)
        async with self._loading:
            if number not in self._pages or id(self._pages[number]) == stale:
                self._pages[number] = await load_page(self._store, number)
            return self._pages[number].get(key, [])


class StagingStore(WrapperStore[Store]):
    """Keeps the chunks that Zarr encodes, for the writer to put in its own order."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.staged: dict[str, Buffer] = {}

    async def set(self, key: str, value: Buffer) -> None:
        if is_chunk(key):
            self.staged[key] = value
        else:
            await self._store.set(key, value)

    def take(self) -> dict[str, Buffer]:
        """What was staged, which is then forgotten."""
        taken, self.staged = self.staged, {}
        return taken
