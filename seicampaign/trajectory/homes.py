"""Where a trajectory lies: a directory, an object store, memory, named by an address.

``file:///data/t`` or a path is a directory. Everything else is opened through fsspec:
``s3://bucket/t`` with s3fs, ``gs://`` with gcsfs, ``memory://t`` for this process alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from zarr.abc.store import Store
from zarr.core.buffer import Buffer
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory.reader import Trajectory

# Another process's lease or commit must be seen: no listing may come from a cache.
UNCACHED = {"use_listings_cache": False, "asynchronous": True}


class FsspecHome(FsspecStore):
    """A Zarr store through fsspec that can create a key which no other process then can.

    Zarr's own looks whether the key exists and then writes it, so that two may both succeed.
    """

    def __str__(self) -> str:
        protocol = self.fs.protocol if isinstance(self.fs.protocol, str) else self.fs.protocol[0]
        return f"{protocol}://{self.path.lstrip('/')}"

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        self._check_writable()
        try:
            await self.fs._pipe_file(f"{self.path}/{key}", value.to_bytes(), mode="create")
        except FileExistsError:
            return


def open_trajectory(address: str | Path, **options: Any) -> Trajectory:
    """Read the trajectory at an address; `open_store` says what it may be."""
    return Trajectory(open_store(address, **options))


def open_store(address: str | Path, **options: Any) -> Store:
    """The Zarr store at an address, with or without a trajectory in it.

    Parameters
    ----------
    address
        A path, or a URL with a scheme that fsspec knows.
    options
        For fsspec's file system, e.g. ``endpoint_url``. Credentials come from where the file
        system looks for them by itself (for S3 the AWS variables and files).

    Raises
    ------
    TrajectoryError
        If the address cannot be used or reached.
    """
    text = str(address)
    parts = urlsplit(text)
    if parts.password:
        raise TrajectoryError(
            f"The address of a trajectory on {parts.hostname} has a password in it, which would be "
            "stored and shown. Leave it to the environment or the options of the file system."
        )
    if "://" not in text or parts.scheme in ("file", "local"):
        # fsspec would write files in place, where a reader could see half of one.
        return LocalStore(Path(unquote(parts.path) if "://" in text else text).absolute())
    try:
        store = FsspecHome.from_url(text.rstrip("/"), UNCACHED | options)
        sync(store.exists("zarr.json"))
    except ImportError as error:
        raise TrajectoryError(f"{text} needs a package that is not installed: {error}.") from None
    except Exception as error:
        raise TrajectoryError(
            f"{text} cannot be reached: {type(error).__name__}: {error}. Is the address right, and "
            f"are the credentials of {parts.scheme} in the environment?"
        ) from error
    return store
