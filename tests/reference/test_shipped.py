"""The shipped potentials: what their json says is true of the files beside it."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from seicampaign.mtp import load_potential, shipped_potentials
from seicampaign.mtp.potential import SHIPPED
from seicampaign.reference import STARTER
from seicampaign.reference.gpaw import SHORTEST_EDGE
from seicampaign.training import LabelledSet, errors_by_kind, read_labels


@pytest.fixture(scope="module", params=shipped_potentials())
def potential(request):
    return load_potential(request.param)


@pytest.fixture(scope="module")
def labels(potential):
    return read_labels(SHIPPED / potential.metadata["data"]["file"])


def test_the_data_set_is_the_one_the_potential_was_fitted_to(potential, labels):
    data = potential.metadata["data"]
    assert hashlib.sha256((SHIPPED / data["file"]).read_bytes()).hexdigest() == data["sha256"]
    assert len(labels) == data["configurations"]


def test_every_label_was_made_with_the_one_setting(potential, labels):
    assert {atoms.info["setting"] for atoms in labels} == {STARTER.key()}
    assert potential.metadata["reference"]["key"] == STARTER.key()


def test_every_label_says_what_it_is_and_where_it_is_from(labels):
    for atoms in labels:
        assert {"kind", "source", "origin"} <= set(atoms.info)
        assert min(atoms.cell.lengths()) >= SHORTEST_EDGE


def test_no_label_is_closer_than_the_potential_was_made_for(potential, labels):
    closest, _ = LabelledSet(labels, potential.species, cutoff=potential.mtp.max_dist).closest()
    assert closest > potential.mtp.min_dist


def test_the_errors_in_the_json_are_those_of_the_file(potential, labels):
    stated = json.loads(potential.path.with_suffix(".json").read_text())["errors_training"]
    measured = errors_by_kind(potential.mtp, potential.species, labels)
    assert set(stated) == set(measured)
    for kind, errors in measured.items():
        for quantity in ("energy", "forces", "stress"):
            np.testing.assert_allclose(
                getattr(errors, quantity), stated[kind][quantity], rtol=2e-3, err_msg=kind
            )
