"""The queue of structures to label: order, refusals, and death at any moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator

from seicampaign.errors import LabelError
from seicampaign.reference import LabelQueue


def lennard_jones(atoms: Atoms, log) -> Atoms:
    """A cheap stand-in for DFT, which refuses cells without atoms to spare."""
    if len(atoms) < 2:
        raise LabelError("too small")
    work = atoms.copy()
    work.calc = LennardJones(sigma=2.5, rc=5.0)
    results = {"energy": work.get_potential_energy(), "forces": work.get_forces()}
    labelled = atoms.copy()
    labelled.calc = SinglePointCalculator(labelled, **results)
    return labelled


@pytest.fixture
def queue(tmp_path):
    return LabelQueue(tmp_path)


@pytest.fixture
def atoms():
    atoms = bulk("Li", "bcc", a=3.44, cubic=True)
    atoms.info["kind"] = "metal"
    return atoms


def test_structures_are_labelled_in_the_order_of_their_names(queue, atoms):
    for name in ("20-later", "10-first"):
        assert queue.add(name, atoms)
    assert list(queue.work(lennard_jones)) == ["10-first", "20-later"]
    labelled = queue.labels()[0]
    assert labelled.info["kind"] == "metal"
    assert labelled.get_potential_energy() == pytest.approx(
        lennard_jones(atoms, None).get_potential_energy()
    )


def test_a_structure_is_queued_once(queue, atoms):
    assert queue.add("a", atoms)
    assert not queue.add("a", atoms)
    list(queue.work(lennard_jones))
    assert not queue.add("a", atoms)


def test_what_is_added_during_work_is_worked_off_too(queue, atoms):
    queue.add("b", atoms)
    names = []
    for name in queue.work(lennard_jones):
        names.append(name)
        queue.add("a", atoms)
    assert names == ["b", "a"]


def test_a_refusal_keeps_its_reason_and_the_rest_goes_on(queue, atoms):
    queue.add("a", atoms[:1])
    queue.add("b", atoms)
    assert list(queue.work(lennard_jones)) == ["a", "b"]
    assert queue.failures() == {"a": "too small"}
    assert len(queue.labels()) == 1
    assert queue.pending() == []


def hang(folder):
    def forever(atoms, log):
        (folder / "started").touch()
        time.sleep(60)

    list(LabelQueue(folder).work(forever))


def test_a_killed_worker_leaves_its_structure_to_the_next(queue, atoms, tmp_path):
    queue.add("a", atoms)
    worker = multiprocessing.get_context("fork").Process(target=hang, args=(tmp_path,))
    worker.start()
    while not (tmp_path / "started").exists():
        time.sleep(0.01)
    assert list(queue.work(lennard_jones)) == []  # the other one has it
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert list(queue.work(lennard_jones)) == ["a"]
