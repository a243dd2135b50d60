"""Runs that exist already: into the store once, analysed and compared like the others."""

import numpy as np
import pytest
from ase import Atoms
from zarr.storage import MemoryStore

from seicampaign.builders import ElectrolyteBuilder
from seicampaign.errors import StoreError, TrajectoryError
from seicampaign.store.garbage import find_garbage
from seicampaign.store.imports import ImportedRun, import_run, remove_imported
from seicampaign.trajectory import Trajectory, TrajectoryWriter
from seicampaign.trajectory.lammps_log import read_log

RUN = ImportedRun(electrolyte="Li3PS4", temperature=300, timestep=2.0)


@pytest.fixture(scope="module")
def atoms():
    """Something like an electrolyte on metal: PS4 and lithium, beside bcc lithium."""
    from ase.build import bulk

    metal = bulk("Li", "bcc", 3.44, cubic=True).repeat((3, 3, 5))
    group = np.array([[0, 0, 0], [1.2, 1.2, 1.2], [-1.2, -1.2, 1.2], [-1.2, 1.2, -1.2]])
    rows = []
    for place in np.indices((2, 2, 4)).reshape(3, -1).T * 5.16 + [2.6, 2.6, 21.0]:
        rows += [("P", place)] + [("S", place + g) for g in group[1:]]
        rows += [("S", place + np.array([1.2, -1.2, -1.2])), ("Li", place + np.array([2.6, 0, 0]))]
    glass = Atoms([s for s, _ in rows], [p for _, p in rows])
    made = metal + glass
    made.set_cell([10.32, 10.32, 40.0])
    made.pbc = True
    return made


@pytest.fixture
def dump(atoms, tmp_path):
    """Write a dump of so many frames."""

    def write(name, frames, seed=1):
        rng = np.random.default_rng(seed)
        store = MemoryStore()
        with TrajectoryWriter.create(store, atoms.numbers) as writer:
            for i in range(frames):
                moved = atoms.positions + (rng.normal(0, 0.05, (len(atoms), 3)) if i else 0)
                writer.append(500 * i, 1.0 * i, moved, atoms.cell[:])
        Trajectory(store).export(tmp_path / name)
        return tmp_path / name

    return write


def test_a_log_is_read_past_what_is_no_row(tmp_path):
    log = tmp_path / "log.lammps"
    table = "Step Temp Press\n0 300 1\nWARNING: slow (src/x.cpp:1)\nat 7 now\n500 310 2\n"
    log.write_text(table + "Loop time of 1\n1 2 3\nStep Temp Press\n500 310 2\n1000 290 3\n")
    steps, values = read_log([log])
    assert steps.tolist() == [0, 500, 1000]
    assert values["pressure"].tolist() == [1, 2, 3]


def test_logs_in_the_wrong_order_are_refused(tmp_path):
    for name, first in (("one", 0), ("two", 500)):
        (tmp_path / name).write_text(f"Step Temp\n{first} 300\n{first + 500} 310\n")
    assert read_log([tmp_path / "one", tmp_path / "two"])[0].tolist() == [0, 500, 1000]
    with pytest.raises(TrajectoryError, match="one begins at step 0, before"):
        read_log([tmp_path / "two", tmp_path / "one"])


def test_a_run_joins_a_campaign_once(store, dump, tmp_path):
    log = tmp_path / "log.lammps"
    log.write_text("Step Temp Press\n0 300 1\n500 310 2\n1000 290 3\nLoop time of 1\n")
    files = [dump("old.dump", 6)]
    first = import_run(store, files, RUN, logs=[log], campaign="old-and-new")
    assert (first.frames, first.added, first.not_analysed) == (6, 6, None)
    again = import_run(store, files, RUN, logs=[log], campaign="old-and-new")
    assert (again.simulation_id, again.frames, again.added) == (first.simulation_id, 6, 0)
    document = store.simulations.query_one({"simulation_id": first.simulation_id})
    assert (document["origin"], document["state"], document["steps_done"]) == (
        "imported",
        "completed",
        2500,
    )
    assert document["requested_steps"] == 0, "or a workflow would be made to go on with it"
    assert document["campaigns"] == ["old-and-new"] and document["files"] == ["old.dump"]
    curves = store.curves_of(first.simulation_id)
    assert curves["reduction_degree"].times.tolist() == [0, 1, 2, 3, 4, 5]
    assert curves["temperature"].values.tolist() == [300, 310, 290]
    row = store.compare("old-and-new").iloc[0]
    assert (row["electrolyte"], row["seeds"], row["approved"]) == ("Li3PS4", 1, False)
    assert row["ns"] == pytest.approx(0.005)
    assert find_garbage(store) == []
    builder = ElectrolyteBuilder(store.uri, store.name)
    builder.run()
    (summary,) = store.database["electrolytes"].find()
    assert summary["simulations"] == [first.simulation_id] and "error" not in summary


def test_a_longer_version_goes_on_where_the_shorter_ended(store, dump):
    whole = dump("whole.dump", 60)
    part = whole.with_name("part.dump")
    text = whole.read_text()
    part.write_text(text[: text.index("ITEM: TIMESTEP\n26500")])
    first = import_run(store, [part], RUN)
    assert first.frames == 53
    second = import_run(store, [whole], RUN)
    assert (second.simulation_id, second.added, second.frames) == (first.simulation_id, 7, 60)
    assert len(store.curve(first.simulation_id, "reduction_degree")) == 60


def test_an_interrupted_import_goes_on(store, dump):
    whole = dump("whole.dump", 60)

    def interrupt(number):
        if number == 55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_run(store, [whole], RUN, progress=interrupt)
    (document,) = store.simulations.query()
    assert document["state"] == "importing"
    found = import_run(store, [whole], RUN)
    assert (found.frames, found.added) == (60, 10)


def test_what_is_known_of_a_run_tells_it_apart(store, dump):
    one, other = dump("1.dump", 3), dump("2.dump", 3, seed=2)
    runs = [
        (one, RUN),
        (other, RUN),
        (one, RUN.model_copy(update={"seed": 7})),
        (one, RUN.model_copy(update={"temperature": 400.0})),
    ]
    assert len({import_run(store, [file], run).simulation_id for file, run in runs}) == 4


def test_the_same_frames_under_another_name_are_noticed(store, dump):
    file, other = dump("1.dump", 3), dump("2.dump", 3, seed=2)
    first = import_run(store, [file], RUN)
    assert first.twins == import_run(store, [other], RUN).twins == ()
    second = import_run(store, [file], RUN.model_copy(update={"name": "the same"}))
    assert second.twins == (first.simulation_id,)
    assert import_run(store, [file], RUN).twins == (second.simulation_id,)


def test_another_run_that_begins_alike_is_refused(store, dump):
    one, other = dump("1.dump", 4), dump("2.dump", 4, seed=2)
    import_run(store, [one], RUN)
    text, theirs = one.read_text(), other.read_text()
    at = "ITEM: TIMESTEP\n1000"
    mixed = one.with_name("mixed.dump")
    mixed.write_text(text[: text.index(at)] + theirs[theirs.index(at) :])
    with pytest.raises(TrajectoryError, match="Step 1000 is not frame 2 of the run"):
        import_run(store, [mixed], RUN)
    assert store.simulations.query_one()["state"] == "failed"


def test_a_bad_frame_is_named_and_the_frames_before_it_stay(store, dump):
    file = dump("bad.dump", 60)
    text = file.read_text()
    place = text.index("\n7 1 Li", text.index("ITEM: TIMESTEP\n29000")) + 1
    end = text.index("\n", place)
    file.write_text(text[:place] + "7 1 Li nan 1.0 2.0" + text[end:])
    with pytest.raises(TrajectoryError, match=r"Frame 59 .*step 29000.* atom 7 is not finite"):
        import_run(store, [file], RUN, campaign="old-and-new")
    (document,) = store.simulations.query()
    assert "campaigns" not in document, "it would shorten what the others are compared over"
    assert "Frame 59" in document["error"]
    assert document["simulation_id"] in document["error"], "what was stored is not named"
    assert store.trajectory(document["simulation_id"]).n_frames == 58


def test_a_run_that_cannot_be_analysed_stays(store, dump, atoms, tmp_path):
    file = tmp_path / "metal.dump"
    text = dump("all.dump", 2).read_text()
    file.write_text(text.replace(" P ", " Cs "))
    found = import_run(store, [file], RUN.model_copy(update={"electrolyte": "caesium glass"}))
    assert found.frames == 2 and found.not_analysed


@pytest.mark.parametrize("said", ["Li6PS5Cl", "Li3PO4", "Li3P2S4", "Na3PS4"])
def test_atoms_that_are_not_what_they_are_said_to_be(store, dump, said):
    with pytest.raises(StoreError, match=f"The atoms are Li.* P16 S64, and {said} on Li has"):
        import_run(store, [dump("1.dump", 2)], RUN.model_copy(update={"electrolyte": said}))
    assert store.simulations.count() == 0
    assert store.database.trajectories.count_documents({}) == 0


def test_elements_in_a_wrong_order_are_refused(store, dump):
    file = dump("1.dump", 2)
    swapped = file.read_text().replace(" P ", " X ").replace(" S ", " P ").replace(" X ", " S ")
    file.write_text(swapped)
    with pytest.raises(StoreError, match="Are --elements in the order of the types"):
        import_run(store, [file], RUN)


def test_one_frame_is_no_run(store, dump):
    with pytest.raises(TrajectoryError, match="1 complete frames"):
        import_run(store, [dump("1.dump", 1)], RUN)
    assert store.simulations.count() == 0


def test_an_imported_run_can_be_removed(store, dump):
    found = import_run(store, [dump("1.dump", 3)], RUN)
    remove_imported(store, found.simulation_id)
    named = {"simulation_id": found.simulation_id}
    for name in store.database.list_collection_names():
        assert store.database[name].count_documents(named) == 0, name
    assert store.database.trajectory_chunks.count_documents({}) == 0
    with pytest.raises(StoreError, match="no imported simulation"):
        remove_imported(store, found.simulation_id)
