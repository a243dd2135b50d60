"""What is stored: pydantic models, each with a schema version, and their identities."""

from __future__ import annotations

from seicampaign.documents.identity import SCHEMA_VERSION, check_schema, content_hash
from seicampaign.documents.simulation import PotentialReference, Sampling, Simulation

__all__ = [
    "SCHEMA_VERSION",
    "PotentialReference",
    "Sampling",
    "Simulation",
    "check_schema",
    "content_hash",
]
