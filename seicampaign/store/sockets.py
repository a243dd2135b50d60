"""Where the embedded server's socket lies: a path of few bytes that only its user can enter."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

from seicampaign.errors import StoreError
from seicampaign.settings import settings

NAME = "mongodb-27017.sock"
# Linux allows 107 bytes and other systems 103.
LIMIT = 100
HOME_FILE = "seicampaign-home"


def socket_path(home: Path) -> Path:
    """The socket for the database in `home`: set, else in `home`, else in a short directory.

    Raises
    ------
    StoreError
        If the directory that was set is too long, or the short one is not this user's own.
    """
    chosen = settings().socket_dir
    if chosen is not None:
        path = chosen.expanduser().absolute() / NAME
        if _length(path) > LIMIT:
            raise StoreError(
                f"The socket path {path} has {_length(path)} bytes, and the limit is {LIMIT}. "
                f"Set SEICAMPAIGN_SOCKET_DIR to a directory of at most {LIMIT - len(NAME) - 1} "
                "bytes, or leave it unset."
            )
        return path
    path = home / NAME
    return path if _length(path) <= LIMIT else _short_directory(home) / NAME


def prepare(path: Path, home: Path) -> None:
    """Make the socket's directory, closed to others, and note in it whose database it serves."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder != home:
        _require_private(folder)
        (folder / HOME_FILE).write_text(str(home))


def home_of(path: Path) -> Path | None:
    """The home of the embedded database behind a socket, None where it is not one of ours."""
    note = path.parent / HOME_FILE
    if note.is_file():
        return Path(note.read_text())
    return path.parent if (path.parent / "server.json").is_file() else None


def listening(path: Path) -> bool:
    """Whether some process accepts connections on the socket."""
    if _length(path) > LIMIT:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _length(path: Path) -> int:
    return len(os.fsencode(path))


def _short_directory(home: Path) -> Path:
    """A directory per home under the user's run-time directory, else under the system's /tmp."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK | os.X_OK):
        root = Path(runtime) / "seicampaign"
    else:
        root = Path(tempfile.gettempdir()) / f"seicampaign-{os.getuid()}"
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    path = root / digest
    if _length(path / NAME) > LIMIT:
        path = Path("/tmp") / f"seicampaign-{os.getuid()}" / digest
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_private(path.parent)
    return path


def _require_private(folder: Path) -> None:
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise StoreError(
            f"{folder} is not a directory of yours: someone else made it. "
            "Set SEICAMPAIGN_SOCKET_DIR to a short directory that is."
        )
    if info.st_mode & 0o077:
        folder.chmod(0o700)
