"""Crystals and interfaces: a library as data, and slabs of it brought together without vacuum."""

from __future__ import annotations

from seicampaign.structures.interface import build_interface, match, spec_hash
from seicampaign.structures.labels import label_cells
from seicampaign.structures.library import Crystal, crystals, record
from seicampaign.structures.matching import Match
from seicampaign.structures.sites import crystal
from seicampaign.structures.spec import InterfaceSpec

__all__ = [
    "Crystal",
    "InterfaceSpec",
    "Match",
    "build_interface",
    "crystal",
    "crystals",
    "label_cells",
    "match",
    "record",
    "spec_hash",
]
