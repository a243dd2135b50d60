"""Connecting: which server, which database, and what a store does in other processes."""

import multiprocessing
import pickle
import subprocess
import sys

import numpy as np
import pytest
from pymongo.errors import DuplicateKeyError

from seicampaign.errors import CampaignError, StoreError, TrajectoryError
from seicampaign.store import connect
from seicampaign.store.collections import INDEXES, KEYS


def test_collections_are_maggma_stores_with_unique_keys(store):
    store.simulations.update([{"simulation_id": "a", "temperature": 300}])
    store.simulations.update([{"simulation_id": "a", "temperature": 400}])
    assert [d["temperature"] for d in store.simulations.query()] == [400]
    for name, key in KEYS.items():
        collection = store.database[name]
        collection.insert_one({key: "twice"})
        with pytest.raises(DuplicateKeyError):
            collection.insert_one({key: "twice"})


def test_every_index_exists(store):
    for name, indexes in INDEXES.items():
        made = store.database[name].index_information().values()
        keys = [[field for field, _ in index["key"]] for index in made]
        assert all(index in keys for index in indexes)


def test_stores_of_the_ecosystem_round_trip(store):
    """The maggma stores survive MSON, as jobflow and maggma's builders need."""
    from maggma.stores import MongoStore

    again = MongoStore.from_dict(store.curves.as_dict())
    again.connect()
    store.append_curves("s", {"a": [1.0]}, [1], [0.1], "md")
    assert again.query_one()["curve_id"] == "s/md/a"


def test_the_environment_names_server_and_database(store, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_MONGO_URI", store.uri)
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", "elsewhere")
    assert connect().name == "elsewhere"
    assert connect(database="third").name == "third"
    monkeypatch.setenv("SEICAMPAIGN_MONGO_URI", store.uri.replace("/?", "/in-the-uri?"))
    assert connect().name == "in-the-uri"
    for name in ("elsewhere", "third", "in-the-uri"):
        store.database.client.drop_database(name)


def test_a_worker_uses_the_database_of_its_jobflow_configuration(store, tmp_path, monkeypatch):
    worker = connect(store.uri, database="of-the-worker")
    worker.write_config(tmp_path)
    monkeypatch.setenv("SEICAMPAIGN_HOME", str(tmp_path / "unused"))
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(tmp_path / "jobflow.yaml"))
    opened = connect()
    assert (opened.uri, opened.name) == (worker.uri, "of-the-worker")
    store.database.client.drop_database("of-the-worker")


JOBFLOW = """
JOB_STORE:
  docs_store:
    type: MongoStore
    database: lab
    collection_name: outputs
    host: db.example.org
    port: 27018
    username: alice
    password: "p@ss/word"
"""


def test_a_jobflow_configuration_by_host_and_password(tmp_path, monkeypatch):
    from seicampaign.store import uris

    path = tmp_path / "jobflow.yaml"
    path.write_text(JOBFLOW)
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(path))
    uri, database = uris.configured()
    assert database == "lab"
    assert uri == "mongodb://alice:p%40ss%2Fword@db.example.org:27018/?authSource=lab"
    assert uris.redacted(uri) == "mongodb://db.example.org:27018/ (credentials hidden)"
    path.write_text("JOB_STORE: {docs_store: {type: MemoryStore}}")
    assert uris.configured() == (None, None)
    path.write_text("JOB_STORE: {")
    with pytest.raises(StoreError, match="not YAML"):
        uris.configured()
    path.unlink()
    with pytest.raises(StoreError, match=r"jobflow.yaml cannot be read: No such file"):
        uris.configured()


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://alice:secret@127.0.0.1:9/?serverSelectionTimeoutMS=500",
        "mongodb://alice:secret@no-such-host.invalid/db?authSource=admin&serverSelectionTimeoutMS=500",
        "mongodb://alice:secret@127.0.0.1:notaport/",
        "mongodb://alice:sec@ret@127.0.0.1:9/",
        "mongodb://%2Ftmp%2Fno-such.sock/?serverSelectionTimeoutMS=300",
        "postgres://alice:secret@127.0.0.1/",
        "alice:secret@127.0.0.1",
    ],
)
def test_a_wrong_uri_hides_the_password(uri):
    with pytest.raises(StoreError) as caught:
        connect(uri)
    text = f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert "secret" not in text and "sec@ret" not in text and "alice" not in text


def test_the_password_is_not_shown_by_repr(store):
    from seicampaign.store import CampaignStore

    assert "secret" not in repr(CampaignStore("mongodb://alice:secret@host/?a=b", "d"))


def test_the_search_for_a_server_is_short_and_writes_are_journaled(store):
    from seicampaign.store.uris import with_defaults

    assert store.database.client.options.server_selection_timeout == 5
    assert store.database.write_concern.document == {"w": 1, "j": True}
    assert with_defaults("mongodb://h").endswith("/?journal=true&serverSelectionTimeoutMS=5000")
    given = "mongodb://h/db?journal=false&serverSelectionTimeoutMS=1"
    assert with_defaults(given) == given


def test_a_comparison_of_nothing_says_which_name_is_wrong(store):
    assert store.compare(temperature=400).empty
    store.database.campaigns.insert_one({"_id": "argyrodites"})
    assert store.compare("argyrodites", temperature=400).empty
    for ask in (store.compare, lambda name: store.compare_curves(campaign=name)):
        with pytest.raises(CampaignError, match=r"Did you mean 'argyrodites'\?"):
            ask("argyrodite")
    with pytest.raises(CampaignError, match=r"Did you mean 'argyrodites'\?"):
        store.ranking("stall", "argyrodite")
    with pytest.raises(CampaignError, match=r"Unknown condition 'temprature'\. Did you mean 'temp"):
        store.compare("argyrodites", temprature=400)


def test_curves_of_a_name_that_nothing_has_are_refused(store):
    assert store.compare_curves("nope").empty  # nothing was simulated
    store.database.simulations.insert_one({"_id": "s", "simulation_id": "s"})
    assert store.compare_curves("nope").empty  # nothing has curves yet
    store.append_curves("s", {"reduction_degree": [0.1]}, [1000], [1.0], "analysis")
    with pytest.raises(
        StoreError, match=r"Unknown curve 'reduction'\. Did you mean 'reduction_deg"
    ):
        store.compare_curves("reduction")


def _count(store, queue):
    queue.put(store.database.things.count_documents({}) + store.simulations.count())


def test_a_store_works_after_a_fork_and_a_pickle(store):
    store.database.things.insert_many([{}, {}])
    store.simulations.update([{"simulation_id": "a"}])
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_count, args=(store, queue))
    child.start()
    assert queue.get(timeout=30) == 3
    child.join()
    assert pickle.loads(pickle.dumps(store)).database.things.count_documents({}) == 2
    assert store.simulations.count() == 1


def test_connecting_does_not_import_the_workflow_engines(store):
    code = (
        "import sys; from seicampaign.store import connect; s = connect(home=sys.argv[1]);"
        "s.database.simulations.find_one(); s.curves_of('x');"
        "heavy = {'fireworks', 'jobflow', 'maggma', 'zarr', 'ase', 'pymatgen'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    options = store.database.client.admin.command("getCmdLineOpts")["parsed"]
    home = options["storage"]["dbPath"].removesuffix("/data")
    assert subprocess.run([sys.executable, "-c", code, home]).returncode == 0


def frames(writer, start, stop):
    for i in range(start, stop):
        writer.append(i * 10, i * 0.02, np.full((30, 3), i * 0.5), np.eye(3) * 9)


def test_trajectories_of_simulations(store):
    numbers = np.full(30, 3)
    for simulation in ("a", "ab"):
        with store.trajectory_writer(simulation, numbers, chunk=(4, 16)) as writer:
            frames(writer, 0, 6)
    assert not store.is_being_written("a")
    with store.trajectory_writer("a", numbers) as writer:
        assert store.is_being_written("a")
        assert writer.last_step == 50
        frames(writer, 6, 9)
    with store.trajectory_writer("a") as writer:
        writer.truncate(70)
    trajectory = pickle.loads(pickle.dumps(store.trajectory("a")))
    assert trajectory.n_frames == 8
    assert trajectory.positions[100:200, :, 2].shape == (0, 30)
    np.testing.assert_allclose(trajectory.positions[2:4, :, 2], [[1.0] * 30, [1.5] * 30])
    assert store.trajectories.query_one({"trajectory_id": "a"})["last_step"] == 70
    store.delete_trajectory("a")
    assert store.trajectories.count() == 1
    assert store.database.trajectory_chunks.count_documents({"_id": {"$regex": "^a/"}}) == 0
    assert store.trajectory("ab").n_frames == 6


def test_a_trajectory_keeps_its_atoms(store):
    with pytest.raises(TrajectoryError, match="needs atomic numbers"):
        store.trajectory_writer("a")
    store.trajectory_writer("a", [3, 16]).close()
    with pytest.raises(TrajectoryError, match="other atoms"):
        store.trajectory_writer("a", [16, 3])
    store.trajectory_writer("a", [3, 16]).close()
    with pytest.raises(TrajectoryError, match="no trajectory"):
        store.trajectory("b")
