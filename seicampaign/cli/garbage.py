"""`seicampaign db garbage`: what lies in the store and belongs to nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from seicampaign.cli.tables import show_table


def garbage(
    delete: Annotated[bool, typer.Option("--delete", help="Delete what is found.")] = False,
) -> None:
    """List trajectories, and parts of them, that no simulation and no commit refers to."""
    from seicampaign.store import connect
    from seicampaign.store.garbage import delete_garbage, find_garbage

    with connect() as store:
        found = find_garbage(store)
        if found:
            rows = [
                {"simulation": g.simulation_id, "why": g.reason, "keys": str(g.keys)} for g in found
            ]
            show_table("Garbage", rows)
        if delete and found:
            print(f"{delete_garbage(store, found)} keys deleted.")
        elif found:
            print("Next: `seicampaign db garbage --delete`.")
        else:
            print("Nothing lies here that belongs to nothing.")
