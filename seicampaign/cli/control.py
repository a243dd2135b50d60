"""`seicampaign pause`, `resume`, `cancel` and `priority`: what a person asks of simulations."""

from __future__ import annotations

from typing import Annotated

import typer

What = Annotated[
    list[str],
    typer.Argument(help="Campaigns, simulations, or queries such as '{\"temperature\": 400}'."),
]


def pause(what: What) -> None:
    """Let simulations rest: running segments end early and whole, no other begins."""
    print(f"{_hold(what, 'pause')} paused. `seicampaign resume` lets them go on.")


def cancel(what: What) -> None:
    """End simulations for good; what they have stored stays, and `resume` takes it back."""
    print(f"{_hold(what, 'cancel')} cancelled.")


def resume(what: What) -> None:
    """Let simulations go on that were paused, cancelled, or waited for a person."""
    from seicampaign.recovery import control
    from seicampaign.store import connect

    with connect() as store, store.explained("written"):
        print(f"{control.resume(store, control.select(store, what))} go on.")


def priority(
    what: What,
    number: Annotated[int, typer.Option("--to", help="Workers take the highest first.")],
) -> None:
    """Say which simulations workers take first."""
    from seicampaign.recovery import control
    from seicampaign.store import connect

    with connect() as store, store.explained("written"):
        count = control.prioritise(store, control.select(store, what), number)
    print(f"{count} simulations have priority {number}.")


def _hold(what: list[str], asked: str) -> int:
    from seicampaign.recovery import control
    from seicampaign.store import connect

    with connect() as store, store.explained("written"):
        return control.hold(store, control.select(store, what), asked)
