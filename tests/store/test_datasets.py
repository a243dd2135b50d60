"""Data sets: no duplicates, one setting, versions that do not change, nothing dropped silently."""

import multiprocessing

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.documents.datasets import atoms_of
from seicampaign.errors import TrainingError
from seicampaign.mtp.potential import SHIPPED
from seicampaign.reference import STARTER
from seicampaign.reference.gates import Gates
from seicampaign.store import connect, datasets
from seicampaign.training import read_labels

SQUEEZED = Gates(max_force=50)
"""Gates that the squeezed pairs of the shipped labels pass, with up to 41 eV/A."""


def labelled(seed, *, energy=-1.0, **info):
    """A rattled cell with made-up labels: what a store does with them is what is tested."""
    atoms = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    atoms.rattle(0.05, seed=seed)
    atoms.info |= {"setting": "s1"} | info
    forces = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=np.zeros(6))
    return atoms


def test_the_shipped_labels_go_in_and_come_out(store):
    labels = read_labels(SHIPPED / "LiPSCl.extxyz.gz")
    added = datasets.add_configurations(store, "LiPSCl", labels, STARTER, gates=SQUEEZED)
    assert (added.version, added.added, added.quarantined) == (1, len(labels), 0)
    back = datasets.dataset(store, "LiPSCl")
    energies = sorted(a.get_potential_energy() for a in labels)
    assert sorted(a.get_potential_energy() for a in back) == energies
    document = datasets.describe(store, "LiPSCl")
    assert document["setting"]["key"] == STARTER.key()
    assert document["setting"]["ecut"] == 300.0
    again = datasets.add_configurations(store, "LiPSCl", labels, gates=SQUEEZED)
    assert (again.version, again.added, again.duplicate) == (1, 0, len(labels))
    assert datasets.describe(store, "LiPSCl") == document


def test_cells_of_the_shipped_labels_with_large_forces_are_set_apart_unless_asked_for(store):
    labels = read_labels(SHIPPED / "LiPSCl.extxyz.gz")
    added = datasets.add_configurations(store, "LiPSCl", labels)
    assert (added.added, added.quarantined) == (len(labels) - 7, 7)
    apart = {d["info"]["source"]: d["reasons"] for d in datasets.quarantined(store, "LiPSCl")}
    squeezed = {1: 37.2, 5: 35.5, 6: 41.2, 9: 37.0, 17: 41.1, 18: 34.3}
    forces = {f"squeezed-{number}": force for number, force in squeezed.items()}
    forces["contact-53d06e9999e6bccdb567"] = 37.3  # where a potential fell into a hole
    assert apart == {
        source: [f"a force of {force} eV/A, the limit is 30 eV/A"]
        for source, force in forces.items()
    }


def test_a_version_never_changes(store):
    datasets.add_configurations(store, "a", [labelled(1), labelled(2)])
    first = datasets.describe(store, "a", 1)
    added = datasets.add_configurations(store, "a", [labelled(2), labelled(3)], comment="more")
    assert (added.version, added.added, added.duplicate) == (2, 1, 1)
    assert datasets.describe(store, "a", 1) == first
    assert len(datasets.dataset(store, "a", 1)) == 2
    assert len(datasets.dataset(store, "a")) == 3
    assert [v["size"] for v in datasets.versions(store, "a")] == [2, 3]
    assert store.configurations.count() == 3


def test_what_is_removed_stays_in_the_versions_that_had_it(store):
    datasets.add_configurations(store, "a", [labelled(1), labelled(2)])
    gone = datasets.dataset(store, "a")[0].info["configuration_id"]
    assert datasets.remove_configurations(store, "a", [gone], "its SCF was doubtful") == 2
    assert gone not in datasets.describe(store, "a")["configurations"]
    assert datasets.describe(store, "a")["removed"] == [gone]
    assert len(datasets.dataset(store, "a", 1)) == 2
    with pytest.raises(TrainingError, match="does not hold"):
        datasets.remove_configurations(store, "a", [gone], "again")
    assert datasets.add_configurations(store, "a", [labelled(1), labelled(2)]).version == 3


def test_equal_contents_have_equal_hashes_however_they_came(store):
    datasets.add_configurations(store, "a", [labelled(1), labelled(2)])
    datasets.add_configurations(store, "b", [labelled(2)])
    datasets.add_configurations(store, "b", [labelled(1)])
    hashes = [datasets.describe(store, name)["content_hash"] for name in "ab"]
    assert hashes[0] == hashes[1] != datasets.describe(store, "b", 1)["content_hash"]


def test_settings_are_never_mixed(store):
    datasets.add_configurations(store, "a", [labelled(1)])
    with pytest.raises(TrainingError, match="labelled with setting 's2', data set 'a' has 's1'"):
        datasets.add_configurations(store, "a", [labelled(2), labelled(3, setting="s2")])
    with pytest.raises(TrainingError, match="setting"):
        datasets.add_configurations(store, "a", [labelled(2)], STARTER)
    with pytest.raises(TrainingError, match="'s2', data set 'new' has 's1'"):
        datasets.add_configurations(store, "new", [labelled(2), labelled(3, setting="s2")])
    assert len(datasets.dataset(store, "a")) == 1
    assert datasets.names(store) == ["a"]


def test_labels_that_do_not_say_their_setting_need_it_named(store):
    atoms = labelled(1)
    del atoms.info["setting"]
    with pytest.raises(TrainingError, match="Name the setting"):
        datasets.add_configurations(store, "a", [atoms])
    assert datasets.add_configurations(store, "a", [atoms], "s1").added == 1


def test_the_same_structure_may_be_labelled_with_two_settings(store):
    datasets.add_configurations(store, "a", [labelled(1)])
    datasets.add_configurations(store, "b", [labelled(1, setting="s2", energy=-5.0)])
    assert datasets.dataset(store, "a")[0].get_potential_energy() == -1.0
    assert datasets.dataset(store, "b")[0].get_potential_energy() == -5.0


def nan_force(atoms):
    atoms.calc.results["forces"][0, 1] = np.nan


def nan_position(atoms):
    atoms.positions[0, 0] = np.nan


def no_forces(atoms):
    del atoms.calc.results["forces"]


def unlabelled(atoms):
    atoms.calc = None


def absurd_force(atoms):
    atoms.calc.results["forces"][3] = [0.0, 300.0, 0.0]


def on_top(atoms):
    atoms.positions[1] = atoms.positions[0] + [0.3, 0.0, 0.0]


def a_slab(atoms):
    atoms.pbc = (True, True, False)


def unconverged(atoms):
    atoms.info["converged"] = False


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (nan_force, "forces not finite"),
        (nan_position, "positions or cell not finite"),
        (no_forces, "it has no forces"),
        (unlabelled, "it has no energy"),
        (absurd_force, "a force of 300.0 eV/A, the limit is 30 eV/A"),
        (on_top, "Cl-Li 0.300 A apart, the limit is 1.03 A"),
        (a_slab, "it has a stress and is not periodic in three directions"),
        (unconverged, "its SCF did not converge"),
    ],
)
def test_what_must_not_be_trained_on_is_set_apart_with_the_reason(store, spoil, reason):
    bad = labelled(1)
    spoil(bad)
    added = datasets.add_configurations(store, "a", [bad, labelled(2)])
    assert (added.added, added.quarantined) == (1, 1)
    (document,) = datasets.quarantined(store, "a")
    assert reason in document["reasons"]
    assert document["formula"] == "Cl4Li4"
    kept = atoms_of(document)
    np.testing.assert_array_equal(kept.symbols, bad.symbols)
    datasets.add_configurations(store, "a", [bad])
    assert len(datasets.quarantined(store)) == 1
    # A sound label of the same structure is not held back by the bad one.
    assert datasets.add_configurations(store, "a", [labelled(1)]).added == 1


def test_limits_can_be_set_for_a_pair(store):
    gates = Gates(shortest={"Li-Cl": 2.9}, max_force=100.0)
    datasets.add_configurations(store, "a", [labelled(1)], gates=gates)
    (document,) = datasets.quarantined(store, "a")
    assert document["reasons"][0].startswith("Cl-Li 2.")
    assert document["reasons"][0].endswith("the limit is 2.90 A")


def test_two_labels_of_one_structure_that_disagree_are_set_apart(store):
    """Settings that were mixed under one name show in the energies."""
    datasets.add_configurations(store, "a", [labelled(1)])
    other = labelled(1, energy=-2.0)
    assert datasets.add_configurations(store, "a", [other]).quarantined == 1
    assert "125.0 meV/atom away" in datasets.quarantined(store, "a")[0]["reasons"][0]
    assert datasets.dataset(store, "a")[0].get_potential_energy() == -1.0
    noise = labelled(1, energy=-1.0001)
    assert datasets.add_configurations(store, "a", [noise]).duplicate == 1


def test_unknown_data_sets_and_versions_are_named(store):
    datasets.add_configurations(store, "LiPSCl", [labelled(1)])
    with pytest.raises(TrainingError, match="Did you mean 'LiPSCl'"):
        datasets.dataset(store, "LiPSC")
    with pytest.raises(TrainingError, match="versions 1 to 1, not 7"):
        datasets.dataset(store, "LiPSCl", 7)


def add_ten(home, first, barrier):
    with connect(home=home) as store:
        barrier.wait()
        for seed in range(first, first + 10):
            datasets.add_configurations(store, "shared", [labelled(seed)])


def test_processes_that_add_at_once_lose_nothing(store, mongo_home):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    workers = [
        context.Process(target=add_ten, args=(mongo_home, first, barrier)) for first in (0, 5, 10)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(datasets.dataset(store, "shared")) == 20
    found = datasets.versions(store, "shared")
    assert [v["version"] for v in found] == list(range(1, 21))
    assert [v["size"] for v in found] == list(range(1, 21))


def add_with(home, setting, barrier, results):
    with connect(home=home) as store:
        barrier.wait()
        try:
            datasets.add_configurations(store, "shared", [labelled(1, setting=setting)])
            results.put(setting)
        except TrainingError as error:
            results.put(str(error))


def test_of_two_settings_that_begin_a_data_set_at_once_one_is_refused(store, mongo_home):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=add_with, args=(mongo_home, setting, barrier, results))
        for setting in ("s1", "s2")
    ]
    for worker in workers:
        worker.start()
    said = sorted((results.get() for _ in workers), key=len)
    for worker in workers:
        worker.join()
    assert said[0] in ("s1", "s2") and "use another data set" in said[1].lower()
    (found,) = datasets.dataset(store, "shared")
    assert found.info["setting"] == said[0]


def test_what_is_set_apart_has_the_reasons_of_now_and_leaves_with_them(store):
    hot = labelled(1)
    hot.calc.results["forces"][0, 0] = 40.0
    datasets.add_configurations(store, "hot", [hot])
    datasets.add_configurations(store, "hot", [hot], gates=Gates(max_force=35))
    (apart,) = datasets.quarantined(store, "hot")
    assert "limit is 35" in apart["reasons"][0]
    assert datasets.add_configurations(store, "hot", [hot], gates=Gates(max_force=50)).added == 1
    assert datasets.quarantined(store, "hot") == []


def test_what_says_another_functional_than_the_data_set_is_refused(store):
    datasets.add_configurations(store, "a", [labelled(1, functional="PBE")])
    for other in (labelled(2), labelled(2, functional="PBEsol")):
        with pytest.raises(TrainingError, match=r"says functional .* data set 'a' 'PBE'"):
            datasets.add_configurations(store, "a", [other])
    with pytest.raises(TrainingError, match="says functional"):
        datasets.add_configurations(store, "b", [labelled(1, functional="PBE"), labelled(2)])


def test_a_name_that_no_file_could_have_is_refused(store):
    with pytest.raises(TrainingError, match="cannot be called 'my/set'"):
        datasets.add_configurations(store, "my/set", [labelled(1)])
