"""Comparison of electrolytes: from simulations and their curves to tables and a ranking."""

from __future__ import annotations

from seicampaign.compare.aligned import CHOSEN_BY, aligned_curves, plain_conditions
from seicampaign.compare.electrolytes import Estimate, Summary, summarise
from seicampaign.compare.ranking import Rank, rank, rank_documents
from seicampaign.compare.table import comparison_table, default_times

__all__ = [
    "CHOSEN_BY",
    "Estimate",
    "Rank",
    "Summary",
    "aligned_curves",
    "comparison_table",
    "default_times",
    "plain_conditions",
    "rank",
    "rank_documents",
    "summarise",
]
