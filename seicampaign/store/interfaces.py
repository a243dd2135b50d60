"""Interfaces in the store: each built once, whatever number of simulations start from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.documents import SCHEMA_VERSION, check_schema
from seicampaign.errors import StoreError

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.store.campaign_store import CampaignStore
    from seicampaign.structures import InterfaceSpec


def build(store: CampaignStore, spec: InterfaceSpec, key: str | None = None) -> dict[str, Any]:
    """Build an interface and store it, unless it is there.

    Parameters
    ----------
    key
        Its identity, where it is known: what is stored is then found without the files (CIF)
        that the specification may name.

    Returns
    -------
    dict
        ``interface_id``, ``formula``, ``n_atoms``.
    """
    from seicampaign.structures import build_interface, spec_hash

    key = key or spec_hash(spec)
    collection = store.database["interfaces"]
    summary = {"interface_id": 1, "formula": 1, "n_atoms": 1, "_id": 0}
    found = collection.find_one({"_id": key}, summary)
    if found is None:
        document = _document(key, spec, build_interface(spec))
        collection.replace_one({"_id": key}, document, upsert=True)
        found = {name: document[name] for name in summary if name != "_id"}
    return dict(found)


def _document(key: str, spec: InterfaceSpec, atoms: Atoms) -> dict[str, Any]:
    return {
        "_id": key,
        "interface_id": key,
        "schema_version": SCHEMA_VERSION,
        "spec": spec.model_dump(mode="json"),
        "formula": atoms.get_chemical_formula(),
        "n_atoms": len(atoms),
        "cell": atoms.cell.tolist(),
        "numbers": atoms.numbers.astype("<u1").tobytes(),
        "region": atoms.arrays["region"].astype("<i1").tobytes(),
        "positions": atoms.positions.astype("<f8").tobytes(),
    }


def load(store: CampaignStore, key: str) -> Atoms:
    """An interface as it was built.

    Raises
    ------
    StoreError
        If it has not been built.
    """
    from ase import Atoms

    document = store.database["interfaces"].find_one({"_id": key})
    if document is None:
        raise StoreError(
            f"Interface {key!r} has not been built: its InterfaceMaker job comes first."
        )
    check_schema(document)
    atoms = Atoms(
        numbers=np.frombuffer(document["numbers"], "<u1"),
        positions=np.frombuffer(document["positions"], "<f8").reshape(-1, 3),
        cell=document["cell"],
        pbc=True,
    )
    atoms.set_array("region", np.frombuffer(document["region"], "<i1").copy())
    return atoms
