"""Reference (ab initio) labels: what a potential is trained on."""

from __future__ import annotations

from seicampaign.reference.gpaw import STARTER, GPAWSetting, label
from seicampaign.reference.queue import LabelQueue

__all__ = ["STARTER", "GPAWSetting", "LabelQueue", "label"]
