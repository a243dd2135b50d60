"""The MTP dataclass: what it derives, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from seicampaign.errors import PotentialError
from seicampaign.mtp.model import MTP


@pytest.fixture
def mtp() -> MTP:
    """f_0, a vector, and the two scalars that are their squares; two species."""
    return MTP(
        scaling=0.1,
        species_count=2,
        min_dist=2.0,
        max_dist=5.0,
        radial_basis_size=3,
        radial_funcs_count=1,
        alpha_moments_count=6,
        alpha_index_basic=np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        alpha_index_times=np.array([[0, 0, 1, 4], [1, 1, 1, 5], [2, 2, 1, 5], [3, 3, 1, 5]]),
        alpha_scalar_moments=3,
        alpha_moment_mapping=np.array([0, 4, 5]),
        radial_coeffs=np.linspace(-1, 1, 12).reshape(2, 2, 1, 3),
        species_coeffs=np.array([1.0, 2.0]),
        moment_coeffs=np.array([1.0, -1.0, 0.5]),
    )


def test_level_is_the_highest_of_a_scalar(mtp):
    assert mtp.level == 6
    assert (
        replace(
            mtp,
            alpha_moment_mapping=np.array([0]),
            alpha_scalar_moments=1,
            moment_coeffs=np.array([1.0]),
        ).level
        == 2
    )


def test_a_potential_is_trained_when_all_coefficients_are_there(mtp):
    assert mtp.trained
    assert not replace(mtp, species_coeffs=np.zeros(0)).trained


def test_equal_content_has_an_equal_hash_whatever_the_name(mtp):
    twin = replace(mtp, potential_name="other")
    assert twin == mtp and hash(twin) == hash(mtp)
    assert replace(mtp, scaling=np.nextafter(0.1, 1)) != mtp


def test_arrays_are_contiguous_and_read_only(mtp):
    assert mtp.alpha_index_times.dtype == np.int32
    assert mtp.radial_coeffs.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        mtp.moment_coeffs[0] = 3.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_dist": 5.0}, "less than max_dist"),
        ({"scaling": np.nan}, "scaling is nan"),
        ({"scaling": 0.0}, "scaling is 0"),
        ({"species_count": 0}, "species_count is 0"),
        ({"species_count": 3}, r"radial_coeffs has the shape \(2, 2, 1, 3\), must be \(3, 3, 1"),
        ({"radial_basis_type": "RBShapeev"}, "only RBChebyshev"),
        ({"moment_coeffs": np.array([1.0, np.inf, 2.0])}, "moment_coeffs has values"),
        ({"alpha_moment_mapping": np.array([0, 4, 6])}, "alpha_moment_mapping 6 is out of range"),
        ({"alpha_moment_mapping": np.array([0, 4, 4])}, "names a moment twice"),
        ({"alpha_index_times": np.array([[0, 0, 1, 3]])}, "target 3 is out of range"),
        ({"alpha_index_times": np.array([[0, 9, 1, 4]])}, "factor 9 is out of range"),
        ({"alpha_index_times": np.array([[0, 5, 1, 4], [1, 1, 1, 5]])}, "before it is complete"),
        ({"alpha_index_times": np.array([[4, 4, 1, 4]])}, "before it is complete"),
        ({"alpha_index_basic": np.array([[1, 0, 0, 0]])}, "mu 1 is out of range"),
        ({"alpha_index_basic": np.zeros((0, 4), int)}, "alpha_index_basic has the shape"),
        ({"alpha_index_basic": np.array([[0.5, 0, 0, 0]])}, "must be integers"),
        ({"alpha_moment_mapping": np.array([0, 4, 2**40])}, "32-bit"),
    ],
)
def test_nonsense_is_refused(mtp, change, message):
    with pytest.raises(PotentialError, match=message):
        replace(mtp, **change)
