"""A Zarr store in one MongoDB collection: a document per key, ``_id`` = ``<prefix>/<key>``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo import WriteConcern
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from seicampaign.store.fences import lost, not_newer

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore

T = TypeVar("T")


class MongoZarrStore(Store):
    """The keys of one trajectory. Pickles with the CampaignStore it belongs to.

    With a `fence` nothing is written or deleted that a worker with a higher number has written.

    Chunks are acknowledged before they are in the journal; groups, and so commit records, after.
    The journal is written in order, so that a commit record in it has its chunks before it.
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(
        self,
        owner: CampaignStore,
        collection: str,
        prefix: str,
        *,
        read_only: bool = False,
        fence: int | None = None,
    ) -> None:
        super().__init__(read_only=read_only)
        self.owner = owner
        self.collection = collection
        self.prefix = prefix
        self.fence = fence

    def claim(self, prefixes: Iterable[str]) -> None:
        """Put our number on what is there under prefixes: an older worker's writes then fail."""
        ours = not_newer(self.fence or 0, "f")
        with self.owner.explained("written"):
            collection = self.owner.database[self.collection]
            for prefix in prefixes:
                collection.update_many(self._below(prefix) | ours, {"$set": {"f": self.fence}})

    def __repr__(self) -> str:
        return f"trajectory {self.prefix} in database {self.owner.name!r}"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MongoZarrStore) and self.__getstate__() == other.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_is_open"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _is_open=False)

    def with_read_only(self, read_only: bool = False) -> MongoZarrStore:
        return MongoZarrStore(
            self.owner, self.collection, self.prefix, read_only=read_only, fence=self.fence
        )

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        found = await self._run("read", lambda c: c.find_one({"_id": self._id(key)}))
        if found is None:
            return None
        value = bytes(found["v"])[_slice(byte_range, len(found["v"]))]
        return (prototype or default_buffer_prototype()).buffer.from_bytes(value)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        return list(
            await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges))
        )

    async def exists(self, key: str) -> bool:
        query = {"_id": self._id(key)}
        return await self._run("read", lambda c: c.find_one(query, {"_id": 1})) is not None

    async def set(self, key: str, value: Buffer) -> None:
        self._check_writable()
        document = self._document(key, value)

        def put(collection: Collection[dict[str, Any]]) -> None:
            if "/c/" in key:
                concern = WriteConcern(w=collection.write_concern.document.get("w", 1), j=False)
                collection = collection.with_options(write_concern=concern)
            try:
                collection.replace_one(self._mine({"_id": document["_id"]}), document, upsert=True)
            except DuplicateKeyError:
                raise lost(str(self)) from None

        await self._run("written", put)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        self._check_writable()
        document = self._document(key, value)

        def create(collection: Collection[dict[str, Any]]) -> None:
            try:
                collection.insert_one(document)
            except DuplicateKeyError:
                return

        await self._run("written", create)

    async def delete(self, key: str) -> None:
        self._check_writable()
        await self._run("written", lambda c: c.delete_one(self._mine({"_id": self._id(key)})))

    async def delete_dir(self, prefix: str) -> None:
        self._check_writable()
        below = self._below(f"{prefix.rstrip('/')}/" if prefix else "")
        await self._run("written", lambda c: c.delete_many(self._mine(below)))

    def list(self) -> AsyncIterator[str]:
        return self.list_prefix("")

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        below = self._below(prefix)
        for document in await self._run("read", lambda c: list(c.find(below, {"_id": 1}))):
            yield document["_id"][len(self.prefix) + 1 :]

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        seen = set()
        async for key in self.list_prefix(folder):
            seen.add(key[len(folder) :].partition("/")[0])
        for name in sorted(seen):
            yield name

    async def _run(self, use: str, work: Callable[[Collection[dict[str, Any]]], T]) -> T:
        """Do the work off Zarr's event loop, with errors that say what to do."""
        with self.owner.explained(use):
            return await asyncio.to_thread(work, self.owner.database[self.collection])

    def _id(self, key: str) -> str:
        return f"{self.prefix}/{key}"

    def _document(self, key: str, value: Buffer) -> dict[str, Any]:
        number = {} if self.fence is None else {"f": self.fence}
        return {"_id": self._id(key), "v": value.to_bytes()} | number

    def _mine(self, query: dict[str, Any]) -> dict[str, Any]:
        """The query, without what a worker with a higher number has written."""
        return query if self.fence is None else query | not_newer(self.fence, "f")

    def _below(self, prefix: str) -> dict[str, Any]:
        """All keys with a prefix, as a range of the index."""
        start = self._id(prefix)
        return {"_id": {"$gte": start, "$lt": start[:-1] + chr(ord(start[-1]) + 1)}}


def _slice(part: ByteRequest | None, size: int) -> slice:
    if isinstance(part, RangeByteRequest):
        return slice(part.start, part.end)
    if isinstance(part, OffsetByteRequest):
        return slice(part.offset, None)
    if isinstance(part, SuffixByteRequest):
        return slice(max(0, size - part.suffix), None)
    return slice(None)
