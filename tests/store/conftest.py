"""A home of its own for tests that start, stop or kill a mongod."""

import tempfile
from pathlib import Path

import pytest

from seicampaign.store import embedded


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="sei-") as folder:
        path = Path(folder) / "db"
        yield path
        embedded.stop(path)
