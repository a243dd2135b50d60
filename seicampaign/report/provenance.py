"""Where the forces come from: the potential of a simulation, its tests, its labels, its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

Document = dict[str, Any]
UNKNOWN = "not known here"


def potentials(store: CampaignStore, simulations: Sequence[Document]) -> list[Document]:
    """The potentials of simulations without their coefficients; `lineage` is them in words."""
    hashes = sorted({s["potential"]["hash"] for s in simulations})
    query = {"_id": {"$in": hashes}}
    found = list(store.database["potentials"].find(query, {"file": 0, "files": 0}))
    return [{"document": d, "lineage": _lineage(store, d)} for d in found]


def _lineage(store: CampaignStore, potential: Document) -> dict[str, str]:
    known = potential.get("metadata") or {}
    return {
        "tests": _tests(store, potential),
        "labels": _labels(known.get("data") or {}),
        "labelled with": _setting(known.get("reference") or {}),
        "errors on labels no fit saw": _errors(known),
    }


def _tests(store: CampaignStore, potential: Document) -> str:
    from seicampaign.approval import Approval
    from seicampaign.store import approvals

    beside = (potential.get("metadata") or {}).get("approval")
    shipped = None if beside is None else Approval.from_dict(beside)
    found = approvals.find(store, potential["_id"]) or shipped
    if found is None:
        return "never tested"
    return f"{'approved' if found.approved else 'not approved'}: {found.reason}"


def _labels(data: Mapping[str, Any]) -> str:
    if "dataset" in data:
        source = f"data set {data['dataset']}, version {data['version']} ({data['content_hash']})"
    elif "file" in data:
        source = f"{data['file']} (SHA-256 {data.get('sha256', '')[:12]})"
    else:
        return UNKNOWN
    return f"{data.get('configurations', '?')} configurations of {source}"


def _setting(reference: Mapping[str, Any]) -> str:
    if not reference:
        return UNKNOWN
    words = (reference.get(name) for name in ("code", "version", "xc"))
    cutoff = f", plane waves to {reference['ecut']:g} eV" if "ecut" in reference else ""
    return " ".join(str(word) for word in words if word) + cutoff


def _errors(known: Mapping[str, Any]) -> str:
    kinds = known.get("errors_unseen") or (known.get("errors") or {}).get("test") or {}
    said = [
        f"{kind} {errors['energy']:.3g} meV/atom, {errors['forces']:.2g} eV/Å "
        f"({errors['configurations']})"
        for kind, errors in kinds.items()
        if errors.get("energy") is not None and errors.get("forces") is not None
    ]
    return "; ".join(said) or UNKNOWN
