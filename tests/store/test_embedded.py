"""The embedded MongoDB: one per directory, private, and back after anything that kills it."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from seicampaign.errors import StoreError
from seicampaign.store import CampaignStore, connect, embedded, mongod, sockets

CONNECT = """
import sys
from seicampaign.store import connect, embedded
store = connect(home=sys.argv[1])
store.database.seen.insert_one({})
print(embedded.status(sys.argv[1]).pid)
"""


def impatient(home):
    """A store that looks for its server for half a second in place of five."""
    with connect(home=home) as store:
        return CampaignStore(store.uri.replace("=5000", "=500"), store.name)


def python(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def test_start_is_shared_and_private(home):
    with connect(home=home) as store:
        store.database.things.insert_one({"_id": 1})
        status = embedded.status(home)
        assert status.running and status.pid and status.bytes_on_disk > 0
        assert store.uri == status.uri == embedded.start(home)
        mode = stat.S_IMODE(home.stat().st_mode), stat.S_IMODE(status.socket.stat().st_mode)
        assert mode == (0o700, 0o600)
        other = python(CONNECT, home)
        assert int(other.communicate()[0]) == status.pid
        assert store.database.seen.count_documents({}) == 1
        listening = Path(f"/proc/{status.pid}/net/tcp").read_text()
        inodes = {p.readlink().name for p in Path(f"/proc/{status.pid}/fd").iterdir()}
        tcp = [row.split()[9] for row in listening.splitlines()[1:]]
        assert not inodes & {f"socket:[{inode}]" for inode in tcp}


def test_it_outlives_the_process_that_started_it(home):
    starter = python(CONNECT, home, start_new_session=True)
    pid = int(starter.communicate()[0])
    assert embedded.status(home).pid == pid
    assert os.getsid(pid) not in (starter.pid, os.getsid(0))


def test_stop(home):
    assert embedded.stop(home) is False
    pid = int(python(CONNECT, home).communicate()[0])
    assert embedded.stop(home) is True
    assert not Path(f"/proc/{pid}").exists() or embedded.status(home).pid is None
    assert not embedded.status(home).running
    with connect(home=home) as store:
        assert store.database.seen.count_documents({}) == 1


START = """
import sys
from seicampaign.store import embedded
print(embedded.start(sys.argv[1]), embedded.status(sys.argv[1]).pid)
"""


def test_eight_processes_at_once_share_one(home):
    starting = [python(START, home) for _ in range(8)]
    found = {tuple(process.communicate()[0].split()) for process in starting}
    status = embedded.status(home)
    assert found == {(status.uri, str(status.pid))}


INSERT_FOR_EVER = """
import sys
from seicampaign.store import connect
store = connect(home=sys.argv[1])
number = 0
while True:
    store.database.things.insert_one({"_id": number})
    print(number, flush=True)
    number += 1
"""


def test_kill_9_loses_nothing_acknowledged_and_connect_recovers(home):
    writer = python(INSERT_FOR_EVER, home, stderr=subprocess.DEVNULL)
    acknowledged = 0
    while acknowledged < 200:
        acknowledged = int(writer.stdout.readline())
    os.kill(embedded.status(home).pid, signal.SIGKILL)
    acknowledged = int([acknowledged, *writer.stdout.read().split()][-1])
    assert writer.wait() != 0
    with connect(home=home) as store:
        assert store.database.things.count_documents({}) >= acknowledged + 1


def test_a_dead_mongod_is_an_error_and_connect_starts_it_again(home):
    store = impatient(home)
    store.append_curves("s", {"a": [1.0]}, [1], [0.1], "md")
    os.kill(embedded.status(home).pid, signal.SIGKILL)
    with pytest.raises(StoreError, match=r"embedded database of .*: if it has died, the next") as e:
        store.curve("s", "a")
    assert "client metadata" not in str(e.value)  # what mongod logs when nothing is wrong
    connect(home=home).close()
    assert store.curve("s", "a").values.tolist() == [1.0]
    # The URI alone, as a worker reads it from its configuration, starts it too.
    embedded.stop(home)
    with connect(store.uri) as again:
        assert again.curve("s", "a").values.tolist() == [1.0]
    store.close()


def test_a_starter_that_is_killed_leaves_no_lock_behind(home):
    starter = python(CONNECT, home)
    while not (home / "lock").exists():
        time.sleep(0.005)
    starter.kill()
    starter.wait()
    with connect(home=home) as store:
        assert store.database.name == "seicampaign"


def test_a_lost_socket_is_made_anew(home, monkeypatch):
    monkeypatch.setattr(embedded, "LOST_SECONDS", 0)
    connect(home=home).close()
    first = embedded.status(home)
    first.socket.unlink()
    with connect(home=home) as store:
        assert store.database.command("ping")["ok"] == 1
    assert embedded.status(home).pid != first.pid


@pytest.fixture
def short_folder():
    with tempfile.TemporaryDirectory(prefix="sei-") as folder:
        yield Path(folder)


def test_a_long_home_gets_a_short_socket(tmp_path, short_folder, monkeypatch):
    home = tmp_path / ("long" * 30)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    expected = short_folder / "seicampaign"
    try:
        with connect(home=home) as store:
            path = embedded.status(home).socket
            assert len(str(path)) <= sockets.LIMIT
            assert path.parent.stat().st_mode & 0o077 == 0
            assert expected in path.parents
            # Another process, with other variables, finds it by the note in its home.
            monkeypatch.delenv("XDG_RUNTIME_DIR")
            assert embedded.start(home) == store.uri
            assert connect(store.uri).database.command("ping")["ok"] == 1
    finally:
        embedded.stop(home)


def test_a_short_directory_that_someone_else_made_is_refused(home, short_folder, monkeypatch):
    monkeypatch.setattr(sockets.tempfile, "gettempdir", lambda: str(short_folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (short_folder / "elsewhere").mkdir()
    (short_folder / f"seicampaign-{os.getuid()}").symlink_to(short_folder / "elsewhere")
    with pytest.raises(StoreError, match="not a directory of yours"):
        sockets.socket_path(home / ("long" * 30))


def test_a_socket_directory_that_is_too_long_is_an_error(home, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_SOCKET_DIR", "/tmp/" + "x" * 120)
    with pytest.raises(StoreError, match=r"has 144 bytes, and the limit is 100\. Set SEICAMPAIGN"):
        connect(home=home)


def test_a_link_to_a_home_leads_to_the_same_database(home, tmp_path):
    (tmp_path / "link").symlink_to(home)
    assert embedded.start(home) == embedded.start(tmp_path / "link")


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="SEICAMPAIGN_HOME"):
        connect(home=tmp_path / "file" / "db")


def test_a_mongod_that_dies_at_start_says_why(home, tmp_path, monkeypatch):
    connect(home=home).close()
    embedded.stop(home)
    (home / "data" / "storage.bson").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match=r"(?s)stopped while starting.*It said:.*metadata file"):
        connect(home=home)
    # The lock was given back with the failure.
    (home / "data" / "storage.bson").unlink()
    connect(home=home).close()


def test_a_long_log_is_put_aside(home, monkeypatch):
    connect(home=home).close()
    embedded.stop(home)
    monkeypatch.setattr(mongod, "LOG_BYTES", 100)
    connect(home=home).close()
    assert (home / "mongod.log.1").stat().st_size > 100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF nonsense", "another kind of machine"),
        (b"#!/bin/sh\necho error while loading shared libraries: libX.so >&2; exit 127", "library"),
        (b"#!/bin/sh\nkill -ILL $$", "AVX"),
        (None, "not a file"),
    ],
)
def test_a_mongod_that_cannot_run(home, tmp_path, monkeypatch, content, message):
    program = tmp_path / "mongod"
    if content is not None:
        program.write_bytes(content)
        program.chmod(0o755)
    monkeypatch.setenv("SEICAMPAIGN_MONGOD", str(program))
    with pytest.raises(StoreError, match=f"{message}.*SEICAMPAIGN_MONGO_URI"):
        connect(home=home)


def test_no_mongod_at_all(monkeypatch):
    monkeypatch.setattr(mongod, "WHEEL", "no-such-wheel")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StoreError, match=r"seicampaign\[local\]"):
        mongod.find_mongod()


def test_a_home_last_used_under_another_host_name(home, monkeypatch):
    connect(home=home).close()
    os.kill(embedded.status(home).pid, signal.SIGKILL)
    note = (home / "server.json").read_text()
    (home / "server.json").write_text(note.replace(os.uname().nodename, "another-host"))
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "_on_network", lambda _: True)
        with pytest.raises(StoreError, match="last started on another-host"):
            connect(home=home)
    assert not embedded._on_network(Path("/proc/self"))
    # On a disk of this machine the lock has said all: it was this machine by another name.
    connect(home=home).close()


@pytest.fixture
def small_disk(tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    size = "-osize=450m"
    if subprocess.run(
        ["mount", "-t", "tmpfs", size, "none", folder], capture_output=True
    ).returncode:
        pytest.skip("mount is not allowed here")
    yield folder
    embedded.stop(folder / "db")
    time.sleep(0.2)
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, leave):
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    # A running mongod may take some of it at the same time.
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as stream:
        stream.write(b"x" * (free - leave))


def test_a_full_disk_at_start(small_disk):
    fill(small_disk, 100_000)
    with pytest.raises(StoreError, match=r"[Ff]ree some space, or set SEICAMPAIGN_HOME"):
        connect(home=small_disk / "db")


def test_a_disk_that_fills_up_in_use(small_disk):
    home = small_disk / "db"
    store = impatient(home)
    store.append_curves("s", {"a": [1.0]}, [1], [0.1], "md")
    fill(small_disk, 1_000_000)
    with pytest.raises(StoreError, match=r"(?s)embedded database of"):
        for number in range(1000):
            store.append_curves(
                f"s{number}", {"a": range(50_000)}, range(50_000), range(50_000), "x"
            )
    (small_disk / "filler").unlink()
    with connect(home=home) as again:
        assert again.curve("s", "a").values.tolist() == [1.0]
