"""Jobflow flows made of the makers in `seicampaign.jobs`."""

from __future__ import annotations

from seicampaign.flows.simulation import SimulationFlowMaker

__all__ = ["SimulationFlowMaker"]
