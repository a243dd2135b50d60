"""The job that builds an interface, once for all simulations that share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobflow import Maker, job

from seicampaign.store import connect, interfaces
from seicampaign.structures import InterfaceSpec


@dataclass
class InterfaceMaker(Maker):
    """Builds an interface and stores it under the hash of its specification."""

    name: str = "interface"

    @job
    def make(self, spec: InterfaceSpec, interface_id: str | None = None) -> dict[str, Any]:
        """Build and store; an interface that is there already is left as it is.

        Parameters
        ----------
        interface_id
            Its identity, where it is known.

        Returns
        -------
        dict
            ``interface_id``, ``formula``, ``n_atoms``.
        """
        with connect() as store, store.explained("written"):
            return interfaces.build(store, spec, interface_id)
