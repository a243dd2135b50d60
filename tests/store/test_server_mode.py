"""A server with accounts and TLS: the real mongod, a certificate of our own."""

import json
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from bson import json_util
from starlette.testclient import TestClient

from seicampaign import Campaign
from seicampaign.builders import summaries
from seicampaign.cli.main import app
from seicampaign.errors import CampaignError, StoreError
from seicampaign.recovery import tend
from seicampaign.serve import create_app
from seicampaign.store import connect
from seicampaign.store.mongod import find_mongod

PASSWORD = "s3cret:with@signs/"
ACCOUNTS = (
    ("sei", "readWrite", "work"),
    ("reader", "read", "work"),
    ("stranger", "read", "elsewhere"),
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A mongod that wants TLS and an account; its address without the account, and the CA."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("server")
    pem = certificate(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "data").mkdir()
    command = [find_mongod(), "--dbpath", folder / "data", "--port", port, "--auth"]
    command += ["--bind_ip", "127.0.0.1", "--tlsMode", "requireTLS", "--tlsCertificateKeyFile", pem]
    command += ["--tlsAllowConnectionsWithoutCertificates", "--tlsCAFile", pem]
    command += ["--fork", "--logpath", folder / "log", "--pidfilepath", folder / "pid"]
    command += ["--unixSocketPrefix", folder, "--wiredTigerCacheSizeGB", "0.25"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    options = f"tls=true&tlsCAFile={quote_plus(str(pem))}"
    from pymongo import MongoClient

    plain = f"mongodb://localhost:{port}/?{options}"
    with MongoClient(plain) as client:
        # The localhost exception: the first account may be made without one, to make others.
        client.admin.command("createUser", "root", pwd="first", roles=["root"])
    with MongoClient(plain, username="root", password="first") as client:
        for account, role, database in ACCOUNTS:
            roles = [{"role": role, "db": database}]
            client.admin.command("createUser", account, pwd=PASSWORD, roles=roles)
    yield f"localhost:{port}", options
    subprocess.run(["kill", (folder / "pid").read_text().strip()], check=True)


def certificate(folder):
    key, crt, pem = (folder / name for name in ("key.pem", "crt.pem", "both.pem"))
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", key, "-out", crt, *subject]
    subprocess.run(command, check=True, capture_output=True)
    pem.write_text(key.read_text() + crt.read_text())
    return pem


def address(server, password=PASSWORD, account="sei"):
    host, options = server
    return f"mongodb://{account}:{quote_plus(password)}@{host}/work?authSource=admin&{options}"


def run(words):
    app(words, standalone_mode=False)


def secrets(text):
    return [word for word in (PASSWORD, quote_plus(PASSWORD)) if word in text]


def test_credentials_stay_out_of_everything_that_is_stored_or_shown(server, capsys, tmp_path):
    campaign = Campaign(
        name="secured",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300],
        length=1,
        allow_unapproved=True,
    )
    with connect(address(server)) as store:
        campaign.launch(store)
        tend(store)
        shown = repr(store) + str(store.trajectories)
        stored = ""
        for name in store.database.list_collection_names():
            stored += json.dumps(list(store.database[name].find()), default=json_util.default)
        with pytest.raises(CampaignError) as error:
            campaign.model_copy(update={"name": "other"}).status(store)
        shown += str(error.value)
        files = store.write_config(tmp_path)
    assert len(stored) > 1000
    assert not secrets(stored)
    assert not secrets(shown)
    assert not secrets(capsys.readouterr().out + capsys.readouterr().err)
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


@pytest.mark.parametrize("wrong", ["password", "no TLS"])
def test_a_refused_connection_names_the_server_and_no_secret(server, wrong):
    host, _ = server
    uri = address(server, PASSWORD + "x") if wrong == "password" else address((host, "tls=false"))
    with pytest.raises(StoreError, match="localhost") as error:
        connect(f"{uri}&serverSelectionTimeoutMS=1500")
    assert not secrets(str(error.value))
    assert error.value.__cause__ is None


@pytest.fixture
def store(server):
    """Empty, and opened by the account that may write."""
    with connect(address(server)) as opened:
        for name in opened.database.list_collection_names():
            opened.database[name].delete_many({})
        yield opened


@pytest.fixture
def reader(server, grown, monkeypatch):
    """The address of who may only read, in the environment too; some simulations have curves."""
    uri = address(server, account="reader")
    monkeypatch.setenv("SEICAMPAIGN_MONGO_URI", uri)
    return uri


def test_an_account_that_may_only_read_is_shown_everything(reader, store, capsys, tmp_path):
    run(["status", "pair"])
    run(["why", "pair"])
    run(["compare", "pair", "--rank", "half_reduction"])
    assert "Ranked by half_reduction" in capsys.readouterr().out
    run(["report", "pair", "--to", str(tmp_path / "reader.html"), "--no-figures"])
    assert store.database["electrolytes"].count_documents({}) == 0
    assert 'data-plot="growth"' in (tmp_path / "reader.html").read_text()
    with connect(reader) as opened, TestClient(create_app(opened)) as client:
        for page in ("/", "/campaigns/pair", "/comparison?campaign=pair", "/api/campaigns/pair"):
            assert client.get(page, headers={"Host": "localhost"}).status_code == 200


def test_summaries_are_the_same_for_who_may_only_read(reader, store):
    def comparable(found):
        for document in found:
            del document["last_updated"]
        return sorted(found, key=lambda d: d["_id"])

    with connect(reader) as opened:
        made = comparable(summaries(opened, "pair"))
    assert made == comparable(summaries(store, "pair"))
    assert made == comparable(list(store.database["electrolytes"].find()))


@pytest.mark.parametrize("words", [["launch"], ["pause", "pair"], ["tend"], ["analyse", "pair"]])
def test_what_an_account_may_not_do_is_said(reader, words, tmp_path, capsys):
    if words == ["launch"]:
        words = ["launch", str(tmp_path / "pair.yaml")]
    with pytest.raises((StoreError, SystemExit)) as error:
        run(words)
    said = str(error.value) + capsys.readouterr().err
    assert "with this account: reading takes MongoDB's role `read` on it" in said
    assert not secrets(said)


def test_an_account_without_rights_here_is_told_so(server):
    with pytest.raises(StoreError, match=r"Database 'work' of .* cannot be opened with this"):
        connect(address(server, account="stranger"))


def test_a_campaign_file_cannot_run_anything(tmp_path):
    target, file = tmp_path / "made", tmp_path / "campaign.yaml"
    tag = f'!!python/object/apply:os.system ["touch {target}"]'
    file.write_text(f"name: {tag}\nelectrolytes: [Li6PS5Cl]\ntemperatures: [300]\nlength: 1\n")
    with pytest.raises(CampaignError):
        Campaign.from_file(file)
    assert not Path(target).exists()
