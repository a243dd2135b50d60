"""Plain, synchronous access to the keys of a Zarr store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

from zarr.abc.store import Store
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.core.sync import sync

from seicampaign.errors import TrajectoryError

CONCURRENT = 8


def get_attributes(store: Store, path: str) -> dict[str, Any] | None:
    """The attributes of a group, None where there is no such group."""
    return sync(get_attributes_async(store, path))


async def get_attributes_async(store: Store, path: str) -> dict[str, Any] | None:
    """The same, for callers on Zarr's event loop."""
    found = await store.get(_node(path), default_buffer_prototype())
    if found is None:
        return None
    try:
        return dict(json.loads(found.to_bytes())["attributes"])
    except (ValueError, KeyError, TypeError):
        raise TrajectoryError(
            f"{_node(path)} of {store} is torn: it is no group of Zarr any more. Put it back from "
            "a copy, or delete the trajectory and run the simulation again."
        ) from None


def put_attributes(store: Store, path: str, attributes: Mapping[str, Any]) -> None:
    """Write a group with these attributes in one step."""
    sync(store.set(_node(path), _group(attributes)))


def create_attributes(store: Store, path: str, attributes: Mapping[str, Any]) -> None:
    """Write a group unless it exists: of several processes that try, one succeeds."""
    sync(store.set_if_not_exists(_node(path), _group(attributes)))


def put_many(store: Store, values: Mapping[str, Buffer]) -> None:
    """Write several keys, a few at a time."""

    async def put_all() -> None:
        gate = asyncio.Semaphore(CONCURRENT)

        async def put(key: str, value: Buffer) -> None:
            async with gate:
                await store.set(key, value)

        await asyncio.gather(*(put(key, value) for key, value in values.items()))

    sync(put_all())


def list_keys(store: Store, prefix: str) -> list[str]:
    """All keys that begin with a prefix."""

    async def collect() -> list[str]:
        return [key async for key in store.list_prefix(prefix)]

    return sync(collect())


def list_children(store: Store, path: str) -> list[str]:
    """Names directly under a path."""

    async def collect() -> list[str]:
        return [name async for name in store.list_dir(path)]

    return sync(collect())


def delete_keys(store: Store, keys: Iterable[str]) -> None:
    """Delete keys, absent ones too."""

    async def delete_all() -> None:
        for key in keys:
            await store.delete(key)

    sync(delete_all())


def delete_tree(store: Store, path: str) -> None:
    """Delete everything under a path, the whole store for an empty one."""
    sync(store.delete_dir(path))


def _node(path: str) -> str:
    return f"{path}/zarr.json" if path else "zarr.json"


def _group(attributes: Mapping[str, Any]) -> Buffer:
    node = {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)}
    return default_buffer_prototype().buffer.from_bytes(json.dumps(node).encode())
