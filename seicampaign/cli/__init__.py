"""The command line: thin commands over the public API."""

from __future__ import annotations

from seicampaign.cli.main import main

__all__ = ["main"]
