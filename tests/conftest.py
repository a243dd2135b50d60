"""Fixtures that every floor may use: a private MongoDB, and settings that are not the user's."""

import logging
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from maggma.utils import TqdmLoggingHandler
from pages import browser, campaign, grown  # noqa: F401

OUTSIDE = (
    "SEICAMPAIGN_MONGO_URI",
    "SEICAMPAIGN_DATABASE",
    "SEICAMPAIGN_SOCKET_DIR",
    "SEICAMPAIGN_TRAJECTORIES",
)
WORKERS = ("JOBFLOW_CONFIG_FILE", "FW_CONFIG_FILE")


@pytest.fixture(scope="session", autouse=True)
def _heed_interrupts():
    """A shell that starts the tests in the background makes them deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _quiet_after_a_builder():
    """A maggma builder that is run leaves a handler that prints every log, of other tests too."""
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = [h for h in root.handlers if not isinstance(h, TqdmLoggingHandler)]
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _own_home():
    """Keep the tests away from the user's own database and configuration."""
    home = Path(tempfile.mkdtemp(prefix="sei-"))
    with pytest.MonkeyPatch.context() as patch:
        for name in OUTSIDE + WORKERS:
            patch.delenv(name, raising=False)
        patch.setenv("SEICAMPAIGN_HOME", str(home))
        yield
        if (home / "data").exists():
            from seicampaign.store import embedded

            embedded.stop(home)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def mongo_home(_own_home):
    """Directory of the embedded database of this test session: started by the first to connect."""
    return Path(os.environ["SEICAMPAIGN_HOME"])


@pytest.fixture
def store(mongo_home):
    """A CampaignStore on an empty database of the real MongoDB."""
    from seicampaign.store import connect

    with connect(home=mongo_home) as opened:
        _empty(opened)
        yield opened
        _empty(opened)


def _empty(store):
    """Empty the database. To drop it would cost half a second for its indexes in every test."""
    for name in store.database.list_collection_names():
        store.database[name].delete_many({})
