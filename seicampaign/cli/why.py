"""`seicampaign why`: what happened to a simulation, in one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore


def why(
    simulation: Annotated[str, typer.Argument(help="Id of a simulation, or its beginning.")],
) -> None:
    """Say why a simulation stands where it does: failures, remedies tried, the end of its log."""
    from seicampaign.analysis import Thresholds
    from seicampaign.campaign.status import simulation_rows
    from seicampaign.recovery.control import select
    from seicampaign.store import analyses, connect, simulations

    with connect() as store, store.explained("read"):
        for key in select(store, [simulation]):
            (row,) = simulation_rows(store, [key])
            document = simulations.get(store, key)
            print(f"{key}  {row.title}: {row.state}, {row.ns_done:.4g} of {row.ns_planned:.4g} ns")
            if row.waits_for:
                print(f"waits for: {row.waits_for}")
            if reason := analyses.failure(store, key, Thresholds()):
                print(f"no curves: {reason}")
            _history(document)
            _log(store, key, document)


def _history(document: dict[str, Any]) -> None:
    for entry in document.get("rungs") or []:
        print(f"{entry['at']:%Y-%m-%d %H:%M} started from the {entry['rung']}: {entry['why']}")
    for entry in document.get("failures") or []:
        done = f"; {entry['remedy']}" if entry["remedy"] else ""
        print(f"{entry['at']:%Y-%m-%d %H:%M} {entry['name']} at step {entry['step']}{done}")
    if document.get("substeps"):
        fine = document["timestep"] / document["substeps"]
        print(f"runs with a timestep of {fine:g} fs in place of {document['timestep']:g} fs")


def _log(store: CampaignStore, key: str, document: dict[str, Any]) -> None:
    failures = document.get("failures") or []
    if text := document.get("error") or (failures[-1]["error"] if failures else None):
        print(f"\nThe last error:\n{text.strip()}")
        return
    last = store.database["segments"].find_one(
        {"simulation_id": key}, {"log_tail": 1, "host": 1}, sort=[("first_step", -1)]
    )
    if last is not None:
        print(f"\nNo error. The end of its last segment's log ({last.get('host')}):")
        print(last["log_tail"])
