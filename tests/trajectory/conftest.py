"""Small trajectories, and the homes a trajectory may have."""

import uuid
from importlib.util import find_spec

import numpy as np
import pytest
from zarr.storage import MemoryStore

from seicampaign.trajectory import TrajectoryWriter, open_store

CELL = np.diag([20.0, 21.0, 40.0])
CHUNK = (5, 16)
"""Small enough that 40 frames of 40 atoms take eight chunk rows of three chunks."""


class Frames:
    """Frames of atoms that vibrate and drift, always the same ones."""

    def __init__(self, count: int, atoms: int = 40):
        rng = np.random.default_rng(7)
        start = rng.uniform(-10, 60, (atoms, 3))
        drift = np.cumsum(rng.normal(0, 0.02, (count, atoms, 3)), axis=0)
        self.positions = start + drift + rng.normal(0, 0.2, (count, atoms, 3))
        self.steps = np.arange(count) * 500
        self.times = self.steps * 0.002
        self.numbers = np.resize([3, 15, 16, 17], atoms)
        self.cells = CELL * (1 + 0.001 * np.arange(count))[:, None, None]

    def write(self, writer: TrajectoryWriter, start: int, stop: int) -> None:
        for i in range(start, stop):
            writer.append(self.steps[i], self.times[i], self.positions[i], self.cells[i])

    def create(self, store, **options) -> TrajectoryWriter:
        return TrajectoryWriter.create(store, self.numbers, **{"chunk": CHUNK, **options})


@pytest.fixture
def frames():
    return Frames(40)


HOMES = ["memory", "directory", "mongodb", "fsspec-memory"]
if find_spec("s3fs") and find_spec("moto"):
    HOMES.append("fsspec-s3")


@pytest.fixture(params=HOMES)
def home(request, tmp_path):
    """An empty Zarr store of each kind."""
    if request.param == "memory":
        return MemoryStore()
    if request.param == "directory":
        return open_store(tmp_path / "trajectory.zarr")
    if request.param == "fsspec-memory":
        return open_store(f"memory://{uuid.uuid4().hex}/t")
    if request.param == "fsspec-s3":
        url = f"s3://trajectories/{uuid.uuid4().hex}"
        return open_store(url, endpoint_url=request.getfixturevalue("s3"))
    from seicampaign.store.zarr_mongo import MongoZarrStore

    return MongoZarrStore(request.getfixturevalue("store"), "trajectory_chunks", "a-simulation")


@pytest.fixture(scope="session")
def s3():
    """The address of an S3 server in this process."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server.start()
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="trajectories")
        yield endpoint
        server.stop()
