"""Fits as jobs: from a version of a data set to a potential that says where it comes from."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.calculators.singlepoint import SinglePointCalculator
from jobflow import run_locally

from seicampaign.errors import TrainingError
from seicampaign.jobs.training import FitCommitteeMaker, FitMaker, fit_and_store
from seicampaign.mtp.potential import SHIPPED
from seicampaign.reference import STARTER
from seicampaign.reference.gates import Gates
from seicampaign.store import datasets, potentials
from seicampaign.training import errors_by_kind, read_labels

SMALL = FitMaker(
    fit={"species": ["Li"], "level": 4, "cutoff": 4.5, "max_iterations": 20, "ridge": 1e-4},
    validation=0.2,
    test=0.2,
)


def lithium(count=10):
    """Rattled cells of six runs, labelled by a Morse potential."""
    images = []
    for number in range(count):
        atoms = bulk("Li", "bcc", a=3.4 + 0.02 * (number % 5), cubic=True) * (2, 2, 2)
        atoms.rattle(0.15, seed=number)
        atoms.calc = MorsePotential(r0=3.0, epsilon=0.3, rho0=4.0, rcut1=3.8, rcut2=4.4)
        results = {n: atoms.calc.get_property(n, atoms) for n in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **results)
        atoms.info |= {"kind": "metal", "source": f"run {number // 2}", "setting": "morse"}
        images.append(atoms)
    return images


@pytest.fixture
def filled(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    datasets.add_configurations(store, "Li", lithium())
    return store


def run(job, store):
    responses = run_locally(job, store=store.job_store(), log=False, ensure_success=True)
    return [r.output for by_index in responses.values() for r in by_index.values()]


def test_a_fit_is_stored_with_all_that_decided_it(filled):
    (output,) = run(SMALL.make("Li"), filled)
    document = filled.potentials.query_one({"hash": output["potential"]})
    known = document["metadata"]
    of_set = datasets.describe(filled, "Li")
    assert known["data"]["content_hash"] == of_set["content_hash"] == output["content_hash"]
    assert known["reference"] == {"key": "morse"}
    assert known["fit"]["seed"] == 0 and known["fit"]["backend"] == "native"
    assert set(output["errors"]) == {"training", "validation", "test"}
    assert document["active_set"]["configurations"] > 0

    # The errors are those of the stored potential on the configurations that it names.
    potential = potentials.load(filled, output["potential"])
    by_id = {a.info["configuration_id"]: a for a in datasets.dataset(filled, "Li")}
    test = [by_id[i] for i in known["data"]["test"]]
    errors = errors_by_kind(potential.mtp, potential.species, test)["metal"]
    assert output["errors"]["test"]["metal"]["forces"] == pytest.approx(errors.forces)

    # No run is on both sides.
    inside = set(by_id) - set(known["data"]["test"]) - set(known["data"]["validation"])
    sources = [
        {by_id[i].info["source"] for i in part}
        for part in (inside, known["data"]["test"], known["data"]["validation"])
    ]
    assert all(sources) and len(set.union(*sources)) == sum(map(len, sources))


def test_the_same_fit_is_made_once(filled, tmp_path):
    first = fit_and_store(SMALL, filled, tmp_path, "Li")
    (tmp_path / "Li-v1.mtp").unlink()
    assert fit_and_store(SMALL, filled, tmp_path, "Li") == first
    assert not (tmp_path / "Li-v1.mtp").exists()
    datasets.add_configurations(filled, "Li", lithium(12))
    later = fit_and_store(SMALL, filled, tmp_path, "Li")
    assert later["version"] == 2 and later["potential"] != first["potential"]
    assert fit_and_store(SMALL, filled, tmp_path, "Li", 1) == first


def test_a_committee_differs_by_its_seeds_and_is_tested_on_the_same(filled):
    outputs = run(FitCommitteeMaker(fit_maker=SMALL, seeds=[0, 1]).make("Li"), filled)
    (committee,) = [o for o in outputs if isinstance(o, dict) and "potentials" in o]
    assert len(set(committee["potentials"])) == 2
    documents = [filled.potentials.query_one({"hash": h}) for h in committee["potentials"]]
    assert [d["metadata"]["fit"]["seed"] for d in documents] == [0, 1]
    assert documents[0]["metadata"]["data"] == documents[1]["metadata"]["data"]
    assert [d["name"] for d in documents] == ["Li-seed0", "Li-seed1"]


def test_species_in_another_order_make_the_same_potential(filled, tmp_path):
    """Li first or Li last: the file's order is stored with it, and the physics does not change."""
    for species in (["Li", "S"], ["S", "Li"]):
        maker = FitMaker(fit=SMALL.fit | {"species": species}, validation=0.2, test=0.2)
        output = fit_and_store(maker, filled, tmp_path, "Li", potential_name="-".join(species))
        potential = potentials.load(filled, output["potential"])
        assert list(potential.species) == species
        atoms = lithium(1)[0]
        atoms.calc = potential.calculator()
        truth = lithium(1)[0].get_potential_energy()
        assert atoms.get_potential_energy() == pytest.approx(truth, abs=0.1 * len(atoms))


def test_a_data_set_without_an_element_of_the_labels_is_refused(filled, tmp_path):
    maker = FitMaker(fit=SMALL.fit | {"species": ["Na"]})
    with pytest.raises(TrainingError, match="has Li, the potential is for Na"):
        fit_and_store(maker, filled, tmp_path, "Li")


def test_what_could_not_be_stored_is_refused_before_the_fit(filled, tmp_path):
    def never(progress):
        raise AssertionError("an iteration was made")

    with pytest.raises(TrainingError, match="cannot be called 'a/b'"):
        fit_and_store(SMALL, filled, tmp_path, "Li", potential_name="a/b", callback=never)
    for species, words in ((["Li", "Li"], "'Li' is named twice"), (["LI"], "'LI' is no element")):
        twice = FitMaker(fit=SMALL.fit | {"species": species})
        with pytest.raises(TrainingError, match=words):
            fit_and_store(twice, filled, tmp_path, "Li", callback=never)


def test_one_nan_in_a_file_of_labels_reaches_no_fit(filled, tmp_path):
    bad = lithium(12)[11]
    bad.calc.results["forces"][0, 0] = np.nan
    added = datasets.add_configurations(filled, "Li", [bad])
    assert (added.version, added.quarantined) == (1, 1)
    assert fit_and_store(SMALL, filled, tmp_path, "Li")["version"] == 1


@pytest.mark.slow
def test_the_shipped_labels_give_a_potential_through_jobs(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = read_labels(SHIPPED / "LiPSCl.extxyz.gz")
    datasets.add_configurations(store, "LiPSCl", labels, STARTER, gates=Gates(max_force=50))
    maker = FitMaker(fit={"level": 6, "min_dist": 1.3, "max_iterations": 30, "ridge": 1e-4})
    (output,) = run(maker.make("LiPSCl"), store)
    document = store.potentials.query_one({"hash": output["potential"]})
    assert document["metadata"]["reference"]["key"] == STARTER.key()
    assert output["errors"]["training"]["all"]["energy"] < 100
