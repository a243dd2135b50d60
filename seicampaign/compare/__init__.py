"""Comparison of electrolytes: from simulations and their curves to a table."""

from __future__ import annotations

from seicampaign.compare.table import comparison_table, default_times

__all__ = ["comparison_table", "default_times"]
