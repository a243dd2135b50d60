"""Where everything is kept: the embedded or named MongoDB, its collections, the trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore
    from seicampaign.store.curves import Curve
    from seicampaign.store.opening import connect

__all__ = ["CampaignStore", "Curve", "connect"]

_MODULES = {"CampaignStore": "campaign_store", "Curve": "curves", "connect": "opening"}


def __getattr__(name: str) -> Any:
    """Import on first use: the modules below pull in pymongo."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"seicampaign.store.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'seicampaign.store' has no attribute {name!r}")
