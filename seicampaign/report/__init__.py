"""What is shown: figures of curves."""

from __future__ import annotations

from seicampaign.report.figure import curves_figure

__all__ = ["curves_figure"]
