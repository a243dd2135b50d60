"""seicampaign: campaigns of simulations of the solid electrolyte interphase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seicampaign.campaign import Campaign
    from seicampaign.store import connect

__version__ = "0.1.0"
__all__ = ["Campaign", "__version__", "connect"]

_LAZY = {"Campaign": "seicampaign.campaign", "connect": "seicampaign.store"}


def __getattr__(name: str) -> Any:
    """Import the two public names on first use: they pull in half of the stack."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'seicampaign' has no attribute {name!r}")
