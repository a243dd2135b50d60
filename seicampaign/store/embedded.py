"""The embedded database: a private mongod per user and directory, started when it is needed.

It listens on a unix socket alone. Whoever starts it takes a file lock first and mongod inherits
it, so that at most one mongod ever runs on a directory: a second one would replace the socket of
the first and leave it running out of reach. The lock goes when mongod goes, even by kill -9, and
mongod then recovers from its journal at the next start.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

from seicampaign.errors import StoreError
from seicampaign.settings import settings
from seicampaign.store import sockets
from seicampaign.store.mongod import START_SECONDS, launch, log_tail

OPTIONS = "w=1&journal=true&serverSelectionTimeoutMS=5000"
STOP_SECONDS = 60
LOST_SECONDS = 20
NETWORK = ("nfs", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb", "gluster", "afs", "fuse", "9p")


@dataclass(frozen=True)
class Status:
    """What is known of an embedded database without changing anything."""

    home: Path
    running: bool
    pid: int | None
    uri: str
    socket: Path
    bytes_on_disk: int
    log: Path


def start(home: Path | str | None = None) -> str:
    """Start the embedded database unless it runs, and return its URI.

    Parameters
    ----------
    home
        Its directory. Default: ``settings().home_directory()``.

    Raises
    ------
    StoreError
        If the directory cannot be used or mongod does not start, with the end of mongod's log.
    """
    home = _home(home)
    known = _known_socket(home)
    if known is not None and sockets.listening(known):
        return uri_of(known)
    _make_home(home)
    deadline = time.monotonic() + START_SECONDS
    while True:
        with _lock(home) as lock:
            if lock is not None and _pid(home) is None:
                return uri_of(_start_locked(home, lock))
        known = _known_socket(home)
        if known is not None and sockets.listening(known):
            return uri_of(known)
        _stop_unreachable(home, known)
        if time.monotonic() > deadline:
            raise StoreError(
                f"The embedded database in {home} is being started or stopped by another process "
                f"(mongod {_pid(home)}) and does not answer after {START_SECONDS} s. Try "
                f"'seicampaign db stop', then again.\n{log_tail(home / 'mongod.log')}"
            )
        time.sleep(0.05)


def stop(home: Path | str | None = None) -> bool:
    """Stop the embedded database cleanly. False if it was not running.

    Raises
    ------
    StoreError
        If it does not end in time.
    """
    home = _home(home)
    pid = _pid(home)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _pid(home) == pid:
        if time.monotonic() > deadline:
            raise StoreError(f"mongod {pid} of {home} did not stop within {STOP_SECONDS} s.")
        time.sleep(0.02)
    return True


def status(home: Path | str | None = None) -> Status:
    """Whether the embedded database runs, where, and how much disk it takes."""
    home = _home(home)
    known = _known_socket(home) or sockets.socket_path(home)
    data = home / "data"
    size = sum(p.stat().st_size for p in data.rglob("*") if p.is_file()) if data.is_dir() else 0
    running = sockets.listening(known)
    pid = _pid(home)
    return Status(home, running, pid, uri_of(known), known, size, home / "mongod.log")


def uri(home: Path | str | None = None) -> str:
    """The URI of the embedded database, whether it runs or not."""
    return status(home).uri


def uri_of(path: Path) -> str:
    """The MongoDB URI of a unix socket, with the write concern this package relies on."""
    return f"mongodb://{quote_plus(str(path))}/?{OPTIONS}"


def _home(home: Path | str | None) -> Path:
    # Resolved, so that every way to a directory leads to the same database.
    return (settings().home_directory() if home is None else Path(home).expanduser()).resolve()


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        (home / "data").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The database directory {home} cannot be made: {error.strerror}. "
            "Set SEICAMPAIGN_HOME to a directory of yours on a disk with space."
        ) from None


@contextmanager
def _lock(home: Path) -> Iterator[int | None]:
    """The file lock of a home as an open descriptor, None while someone else holds it."""
    try:
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"The database directory {home} cannot be written: {error.strerror}. Mend its "
            "permissions, free some space, or set SEICAMPAIGN_HOME elsewhere."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        yield None
        return
    try:
        yield lock
    except BaseException:
        # The lock is shared with every process that inherited it: give it back for all of them.
        fcntl.flock(lock, fcntl.LOCK_UN)
        raise
    finally:
        os.close(lock)


def _start_locked(home: Path, lock: int) -> Path:
    _refuse_other_host(home)
    path = sockets.socket_path(home)
    try:
        sockets.prepare(path, home)
        _write_note(home, path)
    except OSError as error:
        raise StoreError(
            f"The database directory {home} or its socket's {path.parent} cannot be written: "
            f"{error.strerror}. Free some space, or set SEICAMPAIGN_HOME elsewhere."
        ) from None
    launch(home / "data", path, home / "mongod.log", lock)
    return path


def _write_note(home: Path, path: Path) -> None:
    """Say where the socket is: another process may see other environment variables."""
    note = {"home": str(home), "socket": str(path), "host": socket.gethostname()}
    draft = home / f"server.json.{os.getpid()}"
    draft.write_text(json.dumps(note))
    draft.replace(home / "server.json")


def _note(home: Path) -> dict[str, str]:
    """The note of the last start in this home, empty where there is none or it was copied."""
    try:
        note = json.loads((home / "server.json").read_text())
    except (OSError, ValueError):
        return {}
    return note if note.get("home") == str(home) else {}


def _known_socket(home: Path) -> Path | None:
    note = _note(home)
    return Path(note["socket"]) if note else None


def _refuse_other_host(home: Path) -> None:
    """A file lock says little about other machines; mongod's own non-empty lock file does.

    On a disk of this machine it says all: there another name is this machine's old one.
    """
    host = _note(home).get("host", socket.gethostname())
    if host == socket.gethostname() or not _on_network(home):
        return
    if (home / "data" / "mongod.lock").read_text().strip():
        raise StoreError(
            f"The embedded database in {home} was last started on {host} and not stopped there. "
            f"Run 'seicampaign db stop' on {host}, or, if that machine is gone, delete "
            f"{home / 'server.json'}. Machines share a database through SEICAMPAIGN_MONGO_URI."
        )


def _on_network(home: Path) -> bool:
    """Whether other machines may see the same directory."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    above = [(len(point), kind) for point, kind in mounts if home.is_relative_to(point)]
    return max(above)[1].startswith(NETWORK) if above else False


def _pid(home: Path) -> int | None:
    """The live mongod of this home, by its own lock file and its command line."""
    data = home / "data"
    try:
        pid = int((data / "mongod.lock").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(data) in words else None


def _stop_unreachable(home: Path, path: Path | None) -> None:
    """Stop a mongod whose socket file was deleted (as tmp cleaners do): nothing can reach it."""
    pid = _pid(home)
    if pid is None or path is None or path.exists():
        return
    age = time.time() - Path(f"/proc/{pid}").stat().st_mtime
    if age > LOST_SECONDS:
        stop(home)
