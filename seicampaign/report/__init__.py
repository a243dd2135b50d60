"""What is shown: figures of curves, snapshots, and the report of a campaign."""

from __future__ import annotations

from seicampaign.report.figure import curves_figure
from seicampaign.report.page import write_report

__all__ = ["curves_figure", "write_report"]
