"""Moment tensor potentials: the MLIP-2 files, the native kernel and what runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seicampaign.mtp.basis import untrained
    from seicampaign.mtp.cfg import read_cfg, write_cfg
    from seicampaign.mtp.format import read_mtp, write_mtp
    from seicampaign.mtp.model import MTP
    from seicampaign.mtp.potential import Potential, load_potential, shipped_potentials

__all__ = [
    "MTP",
    "Potential",
    "load_potential",
    "read_cfg",
    "read_mtp",
    "shipped_potentials",
    "untrained",
    "write_cfg",
    "write_mtp",
]

_HOMES = {
    "MTP": "model",
    "Potential": "potential",
    "load_potential": "potential",
    "read_cfg": "cfg",
    "read_mtp": "format",
    "shipped_potentials": "potential",
    "untrained": "basis",
    "write_cfg": "cfg",
    "write_mtp": "format",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
