"""The right to write a trajectory: one holder at a time, across processes and machines.

Leases are numbered. To take one is to create the next number, which a store lets one process do;
so an old holder that wakes up finds a higher number, or its own gone, and is refused. A lease
whose holder is dead (on this host) or silent (on another) may be taken over.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

from zarr.abc.store import Store

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import keys

SILENT_SECONDS = 900


class Lease:
    """A lease that this process holds."""

    def __init__(self, store: Store, number: int, record: dict[str, Any]) -> None:
        self._store = store
        self._number = number
        self._record = record

    @classmethod
    def take(cls, store: Store) -> Lease:
        """Take the lease.

        Raises
        ------
        TrajectoryError
            If a live process holds it, with its host and process id.
        """
        held = _numbers(store)
        if held:
            record = _record(store, held[-1])
            if record is not None and _alive(record):
                raise TrajectoryError(_busy(store, record))
        number = held[-1] + 1 if held else 1
        record = _own_record()
        keys.create_attributes(store, _path(number), record)
        lease = cls(store, number, record)
        lease.check()
        for old in held:
            keys.delete_tree(store, _path(old))
        return lease

    @staticmethod
    def is_held(store: Store) -> bool:
        """Whether a live process holds the lease of a trajectory."""
        held = _numbers(store)
        record = _record(store, held[-1]) if held else None
        return record is not None and _alive(record)

    def check(self) -> None:
        """Refuse to go on if the lease is someone else's by now.

        Raises
        ------
        TrajectoryError
            If another process took it.
        """
        now = keys.get_attributes(self._store, _path(self._number))
        newest = _numbers(self._store)[-1:]
        if now is None or now["token"] != self._record["token"] or newest != [self._number]:
            holder = keys.get_attributes(self._store, _path(newest[0])) if newest else None
            raise TrajectoryError(_busy(self._store, holder))

    def renew(self) -> None:
        """Show that the holder lives, where that was last shown long ago."""
        if time.time() - self._record["renewed"] > SILENT_SECONDS / 4:
            self.check()
            self._record["renewed"] = time.time()
            keys.put_attributes(self._store, _path(self._number), self._record)

    def release(self) -> None:
        """Let others write. A lease lost meanwhile is left to its holder."""
        now = keys.get_attributes(self._store, _path(self._number))
        if now is not None and now["token"] == self._record["token"]:
            keys.delete_tree(self._store, _path(self._number))


def _record(store: Store, number: int) -> dict[str, Any] | None:
    """Who holds it; nobody where it is torn: a lease that somebody holds was written whole."""
    try:
        return keys.get_attributes(store, _path(number))
    except TrajectoryError:
        return None


def _path(number: int) -> str:
    return f"lease/{number}"


def _numbers(store: Store) -> list[int]:
    return sorted(int(name) for name in keys.list_children(store, "lease") if name.isdigit())


def _busy(store: Store, record: dict[str, Any] | None) -> str:
    if record is None:
        return (
            f"This writer of {store} was closed, or another took its place and has ended: "
            "open the trajectory again."
        )
    return (
        f"{store} is being written by process {record['pid']} on {record['host']}: a trajectory "
        f"has one writer. Close it or wait for it to end; if its machine died, its lease is free "
        f"{SILENT_SECONDS} s after its last commit."
    )


def _own_record() -> dict[str, Any]:
    return {
        "token": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "boot": boot(),
        "pid": os.getpid(),
        "born": born(os.getpid()),
        "renewed": time.time(),
    }


def _alive(record: dict[str, Any]) -> bool:
    if record["host"] == socket.gethostname() and record["boot"] == boot():
        return born(record["pid"]) == record["born"]
    return time.time() - record["renewed"] < SILENT_SECONDS


def boot() -> str:
    """This start of this machine, and the space in which its process ids mean something."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def born(pid: int) -> int | None:
    """When a process was started, in clock ticks; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
