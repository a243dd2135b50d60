"""Where pages are executed: a database with a finished campaign, a directory like a clone."""

import gzip
import re
import shutil
from dataclasses import replace

import documentation
import numpy as np
import pytest
from ase.io import write

from seicampaign import Campaign, connect
from seicampaign.mtp import load_potential, read_mtp, write_mtp
from seicampaign.reference import STARTER
from seicampaign.structures import crystal

COPIED = ("seicampaign/mtp/data", "scripts", "stores", "workflows")
QUICKSTART = "workflows/quickstart.yaml"
DATABASE = "docs"


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """What pages find beside them: the files of a clone, and some of a reader's own."""
    folder = tmp_path_factory.mktemp("docs") / "clone"
    for name in COPIED:
        shutil.copytree(documentation.ROOT / name, folder / name)
    quickstart = folder / QUICKSTART
    quickstart.write_text(documentation.shortened(quickstart.read_text()))
    data = folder / "seicampaign" / "mtp" / "data"
    for name in ("own.mtp", "own.almtp", "own.yace", "own.asi"):
        shutil.copy(data / "LiPSCl-level8.mtp", folder / name)
    shutil.copy(data / "LiPSCl.extxyz.gz", folder / "labels.extxyz.gz")
    stand_ins(folder / "own.mtp", folder)
    return folder


@pytest.fixture
def workspace(clone, tmp_path, monkeypatch):
    """A page's own copy of the clone, as the directory it is read in."""
    folder = tmp_path / "clone"
    shutil.copytree(clone, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", DATABASE)
    return folder


@pytest.fixture(scope="session")
def run_once(mongo_home, clone):
    """The quickstart, with cells and times that take seconds; dumps of it."""
    with connect(home=mongo_home, database=DATABASE) as store:
        campaign = Campaign.from_file(clone / QUICKSTART)
        assert campaign.run(store, workers=1).finished
        first = campaign.simulations()[0].id
        return first, old_run(store.trajectory(first), clone.parent)


@pytest.fixture
def finished(run_once, workspace, monkeypatch):
    """The database has a finished quickstart, the workspace the files of somebody's run."""
    simulation, files = run_once
    monkeypatch.setenv("SIMULATION", simulation)
    for path in files:
        shutil.copy(path, workspace)


def old_run(trajectory, folder):
    """Dumps of a run of somebody's, in two parts, and its log."""
    first, second = folder / "old.dump", folder / "more.dump"
    trajectory.export(first, frames=slice(0, 15))
    trajectory.export(second, frames=slice(15, None))
    for path in (first, second):
        number_types(path)
    packed = folder / "old.dump.gz"
    packed.write_bytes(gzip.compress(first.read_bytes()))
    log = folder / "log.lammps"
    rows = "\n".join(f"{step} 400.0" for step in trajectory.steps)
    log.write_text(f"Step Temp\n{rows}\nLoop time of 1\n")
    return packed, second, log


def number_types(path):
    """Types as `--elements "Li P S Cl"` has them."""
    types = {element: n for n, element in enumerate(("Li", "P", "S", "Cl"), 1)}
    text = re.sub(
        r"^(\d+ +)\d+ (\w+) ",
        lambda row: f"{row[1]}{types[row[2]]} {row[2]} ",
        path.read_text(),
        flags=re.MULTILINE,
    )
    path.write_text(text)


def stand_ins(potential, folder):
    """A potential whose Br is its Cl, and its labels, in place of those that DFT would make."""
    from ase.calculators.singlepoint import SinglePointCalculator

    species = ("Li", "P", "S", "Cl", "Br")
    index = [0, 1, 2, 3, 3]
    known = read_mtp(potential)
    found = replace(
        known,
        species_count=5,
        radial_coeffs=known.radial_coeffs[np.ix_(index, index)],
        species_coeffs=known.species_coeffs[index],
    )
    write_mtp(folder / "bromide.mtp", found)
    calculator = load_potential(folder / "bromide.mtp", species=species).calculator()
    labels = []
    for seed in range(12):
        atoms = crystal("Li6PS5Cl-48h", seed=seed, lattice=9.98)
        atoms.symbols[atoms.symbols == "Cl"] = "Br"
        atoms.rattle(0.05, seed=seed)
        atoms.calc = calculator
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        atoms.info |= {"kind": "bulk", "source": str(seed), "setting": STARTER.key()}
        labels.append(atoms)
    write(folder / "bromide.extxyz", labels)
