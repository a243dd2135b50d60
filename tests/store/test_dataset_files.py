"""Data sets through files: what goes out and comes in again is the same data set."""

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.errors import TrainingError
from seicampaign.mtp.potential import SHIPPED
from seicampaign.reference import STARTER
from seicampaign.reference.gates import Gates
from seicampaign.store import datasets
from seicampaign.store.dataset_files import export_file, import_file


def labelled(seed, **info):
    atoms = bulk("LiCl", "rocksalt", a=5.1234567891, cubic=True)
    atoms.rattle(0.05, seed=seed)
    atoms.info |= {"setting": "55382617e472", "kind": "bulk"} | info
    random = np.random.default_rng(seed)
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=random.normal(),
        forces=random.normal(size=(len(atoms), 3)),
        stress=random.normal(size=6) / 100,
    )
    return atoms


@pytest.mark.parametrize("file", ["a.extxyz", "a.xyz.gz", "a.cfg"])
def test_what_goes_out_comes_in_again(store, tmp_path, file):
    """Even a setting whose key looks like a number, and an origin that is a mapping."""
    origin = {"simulation": "abc", "step": 1000, "grade": 3.25}
    before = [labelled(1, origin=origin, weight=0.5), labelled(2, source="a run", n=1)]
    before[1].info |= {"flag": True, "none": None, "word": "true", "cell": [1, 2], "why": "a b=c"}
    datasets.add_configurations(store, "out", before)
    assert export_file(store, "out", tmp_path / file) == 2
    species = ["Li", "Cl"] if file.endswith("cfg") else None
    added = import_file(store, "in", tmp_path / file, species=species)
    assert (added.added, added.quarantined) == (2, 0)
    out, back = (datasets.describe(store, name) for name in ("out", "in"))
    assert back["content_hash"] == out["content_hash"]
    assert back["setting"]["key"] == "55382617e472"
    infos = [atoms.info for atoms in datasets.dataset(store, "in")]
    assert infos == [atoms.info for atoms in datasets.dataset(store, "out")]


def test_the_types_of_a_cfg_file_are_in_the_order_that_is_named(store, tmp_path):
    datasets.add_configurations(store, "a", [labelled(1)])
    export_file(store, "a", tmp_path / "a.cfg", species=["Cl", "S", "Li"])
    assert import_file(store, "b", tmp_path / "a.cfg", species=["Cl", "S", "Li"]).added == 1
    assert import_file(store, "b", tmp_path / "a.cfg", species=["Cl", "S", "Li"]).duplicate == 1
    with pytest.raises(TrainingError, match="name the species"):
        import_file(store, "b", tmp_path / "a.cfg")


def test_the_shipped_file_keeps_its_origins_and_says_its_setting_in_full(store):
    gates = Gates(max_force=50)
    added = import_file(store, "LiPSCl", SHIPPED / "LiPSCl.extxyz.gz", gates=gates)
    document = datasets.describe(store, "LiPSCl")
    assert document["setting"]["code"] == "gpaw" and document["setting"]["key"] == STARTER.key()
    assert document["comment"] == "from LiPSCl.extxyz.gz"
    origins = {str(atoms.info["origin"]) for atoms in datasets.dataset(store, "LiPSCl")}
    assert any(origin.startswith("chgnet-md") for origin in origins)
    assert added.quarantined == 0


def test_configurations_without_an_origin_get_their_place_in_the_file(store, tmp_path):
    ase.io.write(tmp_path / "a.extxyz", [labelled(1), labelled(2)], format="extxyz")
    import_file(store, "a", tmp_path / "a.extxyz")
    origins = [atoms.info["origin"] for atoms in datasets.dataset(store, "a")]
    assert sorted(origins, key=str) == [{"file": "a.extxyz", "index": i} for i in (0, 1)]


def test_one_nan_in_a_file_is_set_apart_and_the_rest_goes_in(store, tmp_path):
    bad = labelled(1)
    bad.calc.results["forces"][2, 0] = np.nan
    ase.io.write(tmp_path / "a.extxyz", [bad, labelled(2)], format="extxyz")
    added = import_file(store, "a", tmp_path / "a.extxyz")
    assert (added.added, added.quarantined) == (1, 1)
    (document,) = datasets.quarantined(store, "a")
    assert document["info"]["origin"] == {"file": "a.extxyz", "index": 0}


def test_a_failed_export_leaves_the_file_there_was(store, tmp_path):
    (tmp_path / "a.cfg").write_text("precious")
    datasets.add_configurations(store, "a", [labelled(1)])
    with pytest.raises(ValueError, match="Li, the potential knows"):
        export_file(store, "a", tmp_path / "a.cfg", species=["Cl"])
    assert [p.name for p in tmp_path.iterdir()] == ["a.cfg"]
    assert (tmp_path / "a.cfg").read_text() == "precious"


@pytest.mark.parametrize("text", ["", "no configurations\n"])
def test_files_that_hold_nothing_are_refused(store, tmp_path, text):
    (tmp_path / "a.extxyz").write_text(text)
    with pytest.raises(TrainingError, match=r"a\.extxyz"):
        import_file(store, "a", tmp_path / "a.extxyz")
    assert datasets.names(store) == []
