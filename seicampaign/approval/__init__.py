"""Tests a potential must pass before a campaign may use it.

::

    from seicampaign.approval import approve
    from seicampaign.mtp import load_potential

    approval = approve(load_potential("LiPSCl-level8"))
    approval.approved, approval.reason, approval.results
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seicampaign.approval.results import TESTS_VERSION, Approval, TestResult, beside, verdict

if TYPE_CHECKING:
    from seicampaign.approval.run import approve

__all__ = ["TESTS_VERSION", "Approval", "TestResult", "approve", "beside", "verdict"]


def __getattr__(name: str) -> Any:
    """Import on first use: the tests pull in ASE's optimisers, a look at their results does not."""
    if name == "approve":
        from seicampaign.approval.run import approve

        return approve
    raise AttributeError(f"module 'seicampaign.approval' has no attribute {name!r}")
