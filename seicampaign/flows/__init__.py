"""Jobflow flows made of the makers in `seicampaign.jobs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seicampaign.flows.simulation import SimulationFlowMaker

if TYPE_CHECKING:
    from seicampaign.flows.learning import ActiveLearningFlowMaker

__all__ = ["ActiveLearningFlowMaker", "SimulationFlowMaker"]


def __getattr__(name: str) -> Any:
    """Import on first use: a launch needs nothing of labels and fits."""
    if name == "ActiveLearningFlowMaker":
        from seicampaign.flows.learning import ActiveLearningFlowMaker

        return ActiveLearningFlowMaker
    raise AttributeError(f"module 'seicampaign.flows' has no attribute {name!r}")
