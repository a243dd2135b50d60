"""`seicampaign dataset` and `potential train`, as typed."""

import json

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.cli.main import app
from seicampaign.errors import TrainingError


@pytest.fixture
def call(store, capsys):
    """Runs a command in this process, which saves the seconds that its imports take."""

    def run(*arguments):
        app([str(a) for a in arguments], standalone_mode=False)
        return capsys.readouterr().out

    return run


@pytest.fixture
def file(tmp_path):
    """Eight labelled cells, one of them with a NaN."""
    images = []
    for seed in range(8):
        atoms = bulk("Li", "bcc", a=3.4, cubic=True) * 2
        atoms.rattle(0.1, seed=seed)
        atoms.calc = LennardJones(sigma=2.6, rc=5.0)
        results = {n: atoms.calc.get_property(n, atoms) for n in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **results)
        atoms.info |= {"kind": "metal", "source": f"run {seed}"}
        images.append(atoms)
    images[3].calc.results["forces"][0, 0] = np.nan
    ase.io.write(tmp_path / "labels.extxyz", images, format="extxyz")
    return tmp_path / "labels.extxyz"


def test_a_data_set_from_a_file_to_a_potential_and_out_again(call, file, tmp_path):
    with pytest.raises(TrainingError, match="does not say with which setting"):
        call("dataset", "import", "Li", file)

    imported = call("dataset", "import", "Li", file, "--setting", "lj")
    assert "Li version 1: 7 added, 0 there already, 1 quarantined." in imported
    apart = json.loads(call("dataset", "show", "Li", "--quarantine", "--json"))
    assert [d["reasons"] for d in apart] == ["forces not finite"]

    (listed,) = json.loads(call("dataset", "list", "--json"))
    assert (listed["configurations"], listed["setting"], listed["quarantined"]) == (7, "lj", 1)
    assert "7 metal. 1 quarantined." in call("dataset", "show", "Li")

    out = tmp_path / "new" / "labels.cfg"
    assert "7 configurations" in call("dataset", "export", "Li", out)
    assert out.read_text().count("BEGIN_CFG") == 7

    one = tmp_path / "one.extxyz"
    call("dataset", "export", "Li", one)
    identity = ase.io.read(one, 0).info["configuration_id"]
    removed = call("dataset", "remove", "Li", identity, "--comment", "doubted")
    assert removed == "Li version 2: 1 removed.\n"
    call("dataset", "import", "Li", file, "--setting", "lj")

    arguments = ("Li", "--species", "Li", "--level", 4, "--max-iterations", 10, "--out", tmp_path)
    trained = call("potential", "train", *arguments, "--set", "ridge=1e-4", "--json")
    (output,) = json.loads(trained)
    assert output["errors"]["training"]["metal"]["configurations"] > 0
    beside = json.loads((tmp_path / "Li-v3.json").read_text())
    assert beside["species"] == ["Li"] and beside["fit"]["ridge"] == 1e-4
    assert (tmp_path / "Li-v3.mtp").is_file()


def test_a_data_set_of_which_nothing_was_set_apart_says_so(call, file):
    ase.io.write(file, ase.io.read(file, ":3"), format="extxyz")
    call("dataset", "import", "clean", file, "--setting", "lj")
    assert call("dataset", "show", "clean", "--quarantine") == (
        "Nothing of clean is quarantined.\n"
    )
    assert json.loads(call("dataset", "show", "clean", "--quarantine", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dataset", "show", "nothing"), "Unknown data set 'nothing'"),
        (("dataset", "show", "nothing", "--quarantine"), "Unknown data set 'nothing'"),
        (("potential", "train", "nothing"), "Unknown data set 'nothing'"),
        (("dataset", "import", "a", "nowhere.extxyz"), r"nowhere\.extxyz"),
    ],
)
def test_wrong_names_are_named(call, arguments, words):
    with pytest.raises(TrainingError, match=words):
        call(*arguments)
