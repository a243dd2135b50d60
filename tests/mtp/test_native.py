"""A potential is made ready for the kernel, or refused with the reason."""

import dataclasses

import numpy as np
import pytest
from mtp_cases import random_mtp

from seicampaign.errors import PotentialError
from seicampaign.mtp import untrained
from seicampaign.mtp.native import Plan, plan


def test_an_untrained_potential_is_refused():
    empty = untrained(8, 4, min_dist=1.6, max_dist=5.0, radial_basis_size=8)
    with pytest.raises(PotentialError, match="not trained"):
        Plan(empty)


def test_an_unknown_instruction_set_is_refused():
    with pytest.raises(PotentialError, match="mmx"):
        Plan(random_mtp(2), "mmx")


def test_moments_beyond_level_28_are_refused():
    mtp = random_mtp(2)
    high = dataclasses.replace(mtp, alpha_index_basic=np.array([[0, 40, 0, 0]]))
    with pytest.raises(PotentialError, match="level 28"):
        Plan(high)


def test_a_plan_is_made_once():
    assert plan(random_mtp(4)) is plan(random_mtp(4))


def test_operations_grow_with_the_level():
    low, high = plan(random_mtp(6)), plan(random_mtp(12))
    assert all(a < b for a, b in zip(low.operations(), high.operations(), strict=True))
    assert low.peak(1000) > 0
