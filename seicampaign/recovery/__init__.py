"""Recovery without a person: what is lost, failed or stuck is found, mended and run again."""

from __future__ import annotations

from seicampaign.recovery.handlers import HANDLERS, Handler, diagnose
from seicampaign.recovery.tend import Action, TendReport, tend

__all__ = ["HANDLERS", "Action", "Handler", "TendReport", "diagnose", "tend"]
