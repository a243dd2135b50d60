"""Potentials in the store: of our own kernel and of others, their files and active sets."""

import numpy as np
import pytest

from seicampaign.errors import PotentialError, StoreError
from seicampaign.md.active import training_active_set
from seicampaign.md.potentials import LammpsPotential
from seicampaign.mtp import load_potential
from seicampaign.store import blobs, potentials


@pytest.fixture
def lines():
    text = ("pair_style pace/extrapolation", "pair_coeff * * own.yace own.asi {elements}")
    files = {"own.yace": b"model\n" * 1000, "own.asi": bytes(range(256))}
    return LammpsPotential("own", text, ("Li", "S"), files)


def test_a_potential_of_another_engine_comes_back_whole(store, lines):
    potentials.save(store, lines)
    found = potentials.load_pair(store, lines.hash)
    assert (found.hash, found.files, found.lines) == (lines.hash, lines.files, lines.lines)
    with pytest.raises(PotentialError, match=r"'own' is given as LAMMPS lines"):
        potentials.load(store, lines.hash)
    assert potentials.active_set_file(store, lines) is None


def test_its_grade_may_become_known_later(store, lines):
    potentials.save(store, lines)
    graded = LammpsPotential(
        "own", lines.lines, lines.species, lines.files, grade="pace/extrapolation gamma 1"
    )
    assert graded.hash == lines.hash
    potentials.save(store, graded)
    assert potentials.load_pair(store, lines.hash).grade == "pace/extrapolation gamma 1"
    potentials.save(store, lines)
    assert potentials.load_pair(store, lines.hash).grade == "pace/extrapolation gamma 1"


def test_a_file_is_kept_once_whoever_saves_it(store):
    key = blobs.save(store, b"content")
    assert blobs.save(store, b"content") == key
    assert blobs.load(store, key) == b"content"
    assert store.database["potential_files.files"].count_documents({}) == 1


def test_what_is_missing_or_damaged_is_named(store):
    with pytest.raises(StoreError, match="There is no file 0123"):
        blobs.load(store, "0123")
    with pytest.raises(StoreError, match="There is no potential 'abc'"):
        potentials.load(store, "abc")
    key = blobs.save(store, b"content")
    store.database["potential_files.chunks"].update_one({}, {"$set": {"data": b"contend"}})
    with pytest.raises(StoreError, match=f"{key} .* is damaged"):
        blobs.load(store, key)


def test_the_active_set_of_the_shipped_potential_is_stored_with_it(store):
    shipped = load_potential("LiPSCl-level8")
    potentials.save(store, shipped)
    chosen = training_active_set(shipped)
    stored = potentials.load_active_set(store, potentials.load(store, shipped.hash))
    np.testing.assert_array_equal(stored.rows, chosen.rows)
    file = potentials.active_set_file(store, shipped)
    assert file.read_bytes().startswith(b"seicampaign active set")
    document = store.potentials.query_one({"hash": shipped.hash})
    assert document["active_set"]["configurations"] == len(chosen.configurations())
