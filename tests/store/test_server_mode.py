"""A server with accounts and TLS: the real mongod, a certificate of our own."""

import json
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from bson import json_util

from seicampaign import Campaign
from seicampaign.errors import CampaignError, StoreError
from seicampaign.recovery import tend
from seicampaign.store import connect
from seicampaign.store.mongod import find_mongod

PASSWORD = "s3cret:with@signs/"
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
        client.admin.command(
            "createUser", "sei", pwd=PASSWORD, roles=[{"role": "readWrite", "db": "work"}]
        )
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


def address(server, password=PASSWORD):
    host, options = server
    return f"mongodb://sei:{quote_plus(password)}@{host}/work?authSource=admin&{options}"


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


def test_a_campaign_file_cannot_run_anything(tmp_path):
    target, file = tmp_path / "made", tmp_path / "campaign.yaml"
    tag = f'!!python/object/apply:os.system ["touch {target}"]'
    file.write_text(f"name: {tag}\nelectrolytes: [Li6PS5Cl]\ntemperatures: [300]\nlength: 1\n")
    with pytest.raises(CampaignError):
        Campaign.from_file(file)
    assert not Path(target).exists()
