"""`seicampaign imported`: what was brought in, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from seicampaign.cli.tables import show_table


def imported(
    campaign: Annotated[
        str | None, typer.Option(help="Only the runs that joined this campaign.")
    ] = None,
    remove: Annotated[
        str | None, typer.Option(help="Take the run of this id back, with trajectory and curves.")
    ] = None,
) -> None:
    """List the runs that `seicampaign import` brought in, or take one back."""
    from seicampaign.store import connect
    from seicampaign.store.campaigns import find_campaign
    from seicampaign.store.imports import imported_runs, remove_imported

    with connect() as store:
        if remove is not None:
            remove_imported(store, remove)
            print(f"{remove}: taken back, with its trajectory and curves.")
            return
        if campaign is not None:
            find_campaign(store, campaign, "name")
        rows = [_row(document) for document in imported_runs(store, campaign)]
    show_table("Imported runs" if campaign is None else f"Imported runs of {campaign}", rows)


def _row(document: Mapping[str, Any]) -> dict[str, str]:
    steps, timestep = document["steps_done"], document["timestep"]
    pressure = document["pressure"]
    return {
        "simulation": document["_id"],
        "name": document["name"] or "",
        "electrolyte": document["electrolyte"],
        "T (K)": f"{document['temperature']:g}",
        "p (bar)": "" if pressure is None else f"{pressure:g}",
        "seed": "" if document["seed"] is None else str(document["seed"]),
        "potential": document["potential"]["name"],
        "state": document["state"],
        "ps": f"{steps * timestep / 1000:g}" if steps else "",
        "campaigns": ", ".join(document.get("campaigns", [])),
        "files": ", ".join(document["files"]),
    }
