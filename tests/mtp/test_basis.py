"""Contraction tables: published counts, and the same function space as motep's own tables."""

import json
from pathlib import Path

import numpy as np
import pytest

from seicampaign.errors import PotentialError
from seicampaign.mtp.basis import contraction_tables, scalar_graphs, untrained

SCALARS = [1, 2, 5, 9, 16, 29, 52, 92, 163, 288, 500, 864, 1464, 2445]


def scalars(mtp, vectors, radial):
    """Values of the basis functions of an atom, from the tables alone.

    `vectors` are unit vectors to neighbours (n, 3), `radial` is (mu, n).
    """
    moments = np.zeros(mtp.alpha_moments_count)
    for i, (mu, *powers) in enumerate(mtp.alpha_index_basic):
        moments[i] = (radial[mu] * np.prod(vectors**powers, axis=1)).sum()
    for left, right, multiplicity, target in mtp.alpha_index_times:
        moments[target] += multiplicity * moments[left] * moments[right]
    return moments[mtp.alpha_moment_mapping]


def motep_scalars(level, vectors, radial):
    """The same from the contraction trees that motep ships: nested (left, right, _, axes)."""
    motep = pytest.importorskip("motep")
    folder = Path(motep.__file__).parent / "potentials/mtp/jax/precomputed_moments"
    trees = json.loads((folder / f"moments_level{level}.json").read_text())

    def value(node):
        if isinstance(node[0], int):
            mu, nu, _ = node
            tensor = radial[mu]
            for _ in range(nu):
                tensor = np.einsum("n...,nx->n...x", tensor, vectors)
            return tensor.sum(axis=0)
        left, right, _, axes = node
        return np.tensordot(value(left), value(right), axes=axes)

    return np.array([float(value(tree)) for tree in trees])


@pytest.mark.parametrize(("level", "count"), zip(range(2, 29, 2), SCALARS, strict=True))
def test_numbers_of_scalars_are_the_published_ones(level, count):
    assert len(scalar_graphs(level)) == count


@pytest.mark.parametrize("level", range(2, 21, 2))
def test_tables_are_consistent(level):
    mtp = untrained(level, 3, min_dist=2.0, max_dist=5.0)
    assert mtp.level == level
    assert mtp.radial_funcs_count == 1 + (level - 2) // 4
    assert mtp.alpha_scalar_moments == len(scalar_graphs(level))
    assert not mtp.trained
    used = np.unique(np.r_[mtp.alpha_index_times[:, :2].ravel(), mtp.alpha_moment_mapping])
    assert len(used) == mtp.alpha_moments_count, "a moment that nothing uses"
    assert (np.diff(mtp.alpha_index_times[:, 3]) >= 0).all()


def test_level_eight_is_as_small_as_mlip2s():
    mtp = untrained(8, 1, min_dist=2.0, max_dist=5.0)
    assert (mtp.alpha_index_basic_count, mtp.alpha_moments_count) == (11, 18)
    assert mtp.alpha_index_times_count == 14
    assert mtp.alpha_index_basic[:6].tolist() == [
        [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 2, 0, 0], [0, 1, 1, 0],
    ]  # fmt: skip


@pytest.mark.parametrize("level", [4, 8, 12, 16])
def test_energies_span_the_space_of_moteps_tables(level):
    rng = np.random.default_rng(level)
    mtp = untrained(level, 1, min_dist=2.0, max_dist=5.0)
    ours, theirs = [], []
    for _ in range(2 * mtp.alpha_scalar_moments):
        vectors = rng.normal(size=(9, 3))
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        radial = rng.normal(size=(mtp.radial_funcs_count, 9)) / 3
        ours.append(scalars(mtp, vectors, radial))
        theirs.append(motep_scalars(level, vectors, radial))
    ours, theirs = np.array(ours), np.array(theirs)
    # Each of ours is one of theirs, but for order and a whole number.
    unit = theirs / np.linalg.norm(theirs, axis=0)
    overlap = np.abs((ours / np.linalg.norm(ours, axis=0)).T @ unit)
    best = overlap.argmax(axis=1)
    assert len(set(best)) == len(best) == theirs.shape[1]
    factors = (theirs[:, best] / ours)[0]
    np.testing.assert_allclose(theirs[:, best], ours * factors, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(factors, np.round(factors), rtol=1e-9)


@pytest.mark.slow
def test_level_28_fits_in_the_integers_of_the_format():
    tables = contraction_tables(28)
    assert len(tables.scalars) == 2445
    assert tables.times[:, 2].max() < 2**31


@pytest.mark.parametrize("level", [0, 3, 30, -2])
def test_other_levels_are_refused(level):
    with pytest.raises(PotentialError, match="level must be an even number of 2 to 28"):
        untrained(level, 1, min_dist=2.0, max_dist=5.0)
