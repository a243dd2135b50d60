"""maggma builders: what is stored, brought up to date by `mrun` in one or several processes."""

from __future__ import annotations

from seicampaign.builders.curves import CurveBuilder
from seicampaign.builders.electrolytes import ElectrolyteBuilder, summaries

__all__ = ["CurveBuilder", "ElectrolyteBuilder", "summaries"]
