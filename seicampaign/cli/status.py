"""`seicampaign status`: how far a campaign is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.cli.tables import show_table

if TYPE_CHECKING:
    from seicampaign.campaign import CampaignStatus

MANY = 100


def status(
    name: Annotated[
        str | None, typer.Argument(help="A launched campaign. Default: the only one there is.")
    ] = None,
    watch: Annotated[
        float | None, typer.Option(min=1, help="Show it again every so many seconds.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help=f"A row for each simulation, of more than {MANY} too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how far each simulation of a campaign is, and what it waits for."""
    from seicampaign.campaign.status import campaign_status
    from seicampaign.store import connect
    from seicampaign.store.campaigns import only_campaign

    with connect() as store:
        name = name or only_campaign(store)
        while True:
            with store.explained("read"):
                found = campaign_status(store, name)
            if as_json:
                print(json.dumps(found.as_dict(), indent=2), flush=True)
            else:
                _show(found, clear=watch is not None, every=every)
            if watch is None or found.ended:
                return
            time.sleep(watch)


def _show(found: CampaignStatus, *, clear: bool, every: bool) -> None:
    if clear:
        print("\033[2J\033[H", end="")
    few = found.simulations
    if len(few) > MANY and not every:
        few = [s for s in few if s.state not in ("completed", "waiting")][:MANY]
    left_out = len(found.simulations) - len(few)
    rows = [
        {
            "simulation": s.simulation_id,
            "what": s.title,
            "state": s.state,
            "ns": f"{s.ns_done:.4g} of {s.ns_planned:.4g}",
            "ns/day": "" if s.ns_per_day is None else f"{s.ns_per_day:.1f}",
            "left": _duration(s.hours_left) if s.ns_done < s.ns_planned else "",
            "seen": "" if s.heartbeat is None else f"{s.heartbeat:.0f} s ago",
            "tries": str(s.tries or ""),
            "waits for": s.waits_for or "",
        }
        for s in few
    ]
    if rows or not left_out:
        show_table(f"Campaign {found.name}", rows)
    if left_out:
        print(f"Campaign {found.name}: {left_out} simulations have no row; `--all` gives each one.")
    counts = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    left = found.core_hours_left
    print(f"{found.ns_done:.4g} of {found.ns_planned:.4g} ns; {counts}.")
    print(
        f"{found.core_hours:.4g} core-hours used, {'unknown' if left is None else f'{left:.4g}'} "
        f"left{f'; {_duration(found.hours_left)} to go' if found.hours_left else ''}."
    )
    if found.imported:
        runs = "1 imported run" if found.imported == 1 else f"{found.imported} imported runs"
        print(f"Besides, {runs}: `seicampaign imported --campaign {found.name}`.")
    failed = [s for s in found.simulations if s.error]
    for s in failed[:10]:
        print(f"{s.simulation_id} failed: {(s.error or '').splitlines()[0]}")
    if failed:
        print(f"Why: `seicampaign why {failed[0].simulation_id}`.")


def _duration(hours: float | None) -> str:
    if hours is None:
        return ""
    minutes = round(hours * 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d}" if hours < 48 else f"{hours / 24:.1f} days"
