"""What is stored, as pages that follow it: read-only, for a browser."""

from __future__ import annotations

from seicampaign.serve.app import create_app
from seicampaign.serve.run import serve

__all__ = ["create_app", "serve"]
