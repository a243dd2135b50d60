"""Jobflow makers: a few lines each, over code that runs without them."""

from __future__ import annotations

from seicampaign.jobs.analysis import AnalysisMaker
from seicampaign.jobs.interface import InterfaceMaker
from seicampaign.jobs.md import MDSegmentMaker

__all__ = ["AnalysisMaker", "InterfaceMaker", "MDSegmentMaker"]
