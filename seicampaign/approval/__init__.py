"""Tests a potential must pass before a campaign may use it.

::

    from seicampaign.approval import approve
    from seicampaign.mtp import load_potential

    approval = approve(load_potential("LiPSCl-level8"))
    approval.approved, approval.reason, approval.results
"""

from __future__ import annotations

from seicampaign.approval.results import TESTS_VERSION, Approval, TestResult, verdict
from seicampaign.approval.run import approve

__all__ = ["TESTS_VERSION", "Approval", "TestResult", "approve", "verdict"]
