"""`seicampaign potential learn` and `loop`: active learning, and how far it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def learn(
    file: Annotated[Path, typer.Argument(help="A loop, e.g. workflows/learn-lipscl.yaml.")],
    launch: Annotated[
        bool, typer.Option("--launch", help="Put it into the LaunchPad instead of running it.")
    ] = False,
) -> None:
    """Run an active-learning loop, or go on with it, until it ends."""
    from seicampaign.campaign.learning import LearningFile
    from seicampaign.store import connect

    asked = LearningFile.from_file(file)
    with connect() as store, store.explained("used"):
        if launch:
            asked.launch(store)
            print(f"Loop {asked.name!r} is in the LaunchPad. Next: `rlaunch multi 2`.")
            return
        ended = asked.run(store)
    _say(ended)


def loop(
    name: Annotated[str, typer.Argument(help="The name of a loop.")],
    give_up: Annotated[
        bool, typer.Option("--give-up", help="End it, and let others have its data set.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the rounds of an active-learning loop, and how it ended."""
    from seicampaign.cli.tables import show_table
    from seicampaign.jobs.learning import outcome
    from seicampaign.store import connect, learning

    with connect() as store, store.explained("read"):
        if give_up:
            learning.give_up(store, name)
        document = learning.get(store, name)
        rows = [_row(learning.summary(store, each)) for each in document["rounds"]]
    ended = outcome(document)
    if as_json:
        print(json.dumps(ended | {"table": rows}, indent=2))
        return
    show_table(f"Loop {name}", rows)
    _say(ended)


def _row(found: dict[str, Any]) -> dict[str, str]:
    return {
        "round": str(found["number"]),
        "potential": found["potential"],
        "runs": f"{found['passed']} of {found['runs']} passed",
        "largest grade": "-" if found["max_grade"] is None else f"{found['max_grade']:.2f}",
        "labels": str(found["candidates"]),
        "added": "-" if found["added"] is None else str(found["added"]),
    }


def _say(ended: dict[str, Any]) -> None:
    result = ended["result"] or "not ended"
    print(f"Loop {ended['loop']!r}: {result} ({ended['reason']}).")
    print(
        f"{ended['rounds']} rounds, {ended['labels']} labels asked for; potential "
        f"{ended['potential']}. `seicampaign potential loop {ended['loop']}` shows the rounds."
    )
