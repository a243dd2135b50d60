"""`seicampaign tend`: recovery, from a terminal, a loop or cron."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from seicampaign.errors import StoreError

EVERY = 60.0


def tend(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="Campaigns, simulations or queries. Default: everything."),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Go on until interrupted.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between rounds.")] = EVERY,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what is lost, failed or stuck; mend it, run it again, and name what needs a person."""
    while True:
        try:
            _round(what, as_json)
        except StoreError as error:
            if not loop:
                raise
            print(f"seicampaign: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        if not loop:
            return
        try:
            time.sleep(every)
        except KeyboardInterrupt:
            return


def _round(what: list[str] | None, as_json: bool) -> None:
    from seicampaign.recovery import tend as one_round
    from seicampaign.recovery.control import select
    from seicampaign.store import connect

    with connect() as store:
        report = one_round(store, select(store, what) if what else None)
    if as_json:
        print(json.dumps(asdict(report), indent=2), flush=True)
        return
    for action in report.actions:
        where = " ".join(
            str(part)
            for part in (action.simulation_id, action.job and f"job {action.job}")
            if part is not None
        )
        print(f"{'! ' if action.person else '  '}{where}: {action.found}. {action.done}")
    print(f"{time.strftime('%H:%M:%S')} {report}.", flush=True)
