"""`seicampaign analyse`: curves of what is stored, and what they say."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seicampaign.cli.export import counting
from seicampaign.cli.tables import show_table
from seicampaign.errors import AnalysisError, SEICampaignError, unknown

if TYPE_CHECKING:
    from seicampaign.analysis import Thresholds
    from seicampaign.analysis.summary import CurveSummary
    from seicampaign.store import CampaignStore

Name = Annotated[str, typer.Argument(help="A campaign, or a simulation's id or its beginning.")]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="A threshold, as NAME=VALUE; repeatable. Makes other curves."),
]


def analyse(
    name: Name,
    threshold: Setting = None,
    sensitivity: Annotated[
        bool, typer.Option(help="Instead: the last frame with one threshold changed at a time.")
    ] = False,
) -> None:
    """Bring curves up to date with their trajectories; only new frames are read."""
    from seicampaign.store import connect

    thresholds = _thresholds(threshold or [])
    with connect() as store:
        ids = chosen(store, name)
        if sensitivity:
            for simulation in ids:
                _show_sensitivity(store, simulation, thresholds)
            return
        failed = [simulation for simulation in ids if not _update(store, simulation, thresholds)]
        rows = [_row(store, simulation, thresholds) for simulation in ids]
    show_table(f"Curves of {name}, analysis {thresholds.key()}", [row for row in rows if row])
    if failed:
        sys.exit(1)


def chosen(store: CampaignStore, name: str) -> list[str]:
    """The simulations of a campaign, or the one whose id begins so.

    Raises
    ------
    AnalysisError
        If there is none, or more than one.
    """
    with store.explained("read"):
        ids = sorted(store.database["trajectories"].distinct("_id"))
        members = store.database["simulations"].distinct("simulation_id", {"campaigns": name})
        campaigns = store.database["campaigns"].distinct("name")
    if members:
        return [simulation for simulation in ids if simulation in members]
    found = [simulation for simulation in ids if simulation.startswith(name)]
    if name in found:
        return [name]
    if len(found) > 1:
        raise AnalysisError(
            f"{len(found)} simulations begin with {name!r}: {', '.join(found[:9])}."
        )
    if not found:
        raise AnalysisError(unknown("campaign or simulation", name, [*campaigns, *ids]))
    return found


def chosen_one(store: CampaignStore, name: str) -> str:
    """The one simulation whose id begins so, or that makes up a campaign.

    Raises
    ------
    AnalysisError
        If there is none, or more than one.
    """
    ids = chosen(store, name)
    if len(ids) != 1:
        named = f": {', '.join(ids)}. Name one of them" if ids else " with a trajectory"
        raise AnalysisError(f"{name!r} is {len(ids)} simulations{named}.")
    return ids[0]


def _thresholds(settings: list[str]) -> Thresholds:
    from pydantic import ValidationError

    from seicampaign.analysis import Thresholds

    changed: dict[str, Any] = {}
    for setting in settings:
        field, is_set, value = setting.partition("=")
        if field not in Thresholds.model_fields:
            raise AnalysisError(unknown("threshold", field, Thresholds.model_fields))
        if not is_set:
            raise AnalysisError(f"--set {setting}: write it as {field}=VALUE.")
        changed[field] = tuple(value.split(",")) if "," in value else value
    try:
        return Thresholds(**changed)
    except ValidationError as error:
        problem = error.errors()[0]
        raise AnalysisError(f"Threshold {problem['loc'][0]}: {problem['msg']}.") from None


def _update(store: CampaignStore, simulation: str, thresholds: Thresholds) -> bool:
    """Whether all frames of a simulation have their points."""
    try:
        total = len(store.trajectory(simulation))
        added = _add(store, simulation, thresholds, total)
    except SEICampaignError as error:
        print(f"{simulation}: {error}", file=sys.stderr)
        return False
    except KeyboardInterrupt:
        print(
            f"\n{simulation}: interrupted. Its curves reach as far as it was analysed; the same "
            "command goes on from there.",
            file=sys.stderr,
        )
        sys.exit(130)
    print(f"{simulation}: {added} new frames of {total}.", file=sys.stderr)
    return True


def _add(store: CampaignStore, simulation: str, thresholds: Thresholds, total: int) -> int:
    from seicampaign.store.analyses import update_curves

    with counting(f"analysing {simulation[:8]}", total) as bar, _stopping() as stop:

        def show(done: int, of: int) -> None:
            if bar is not None:
                bar(done)
            stop(done, of)

        return update_curves(store, simulation, thresholds, show)


@contextmanager
def _stopping() -> Iterator[Callable[[int, int], None]]:
    """Ctrl-C is heeded after the block of frames at hand is stored; the second one at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)

    def stop(done: int, total: int) -> None:
        if asked and done < total:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _row(store: CampaignStore, simulation: str, thresholds: Thresholds) -> dict[str, str] | None:
    from seicampaign.analysis import CURVES
    from seicampaign.analysis.summary import summarise

    curves = store.curves_of(simulation, thresholds.key())
    if not set(CURVES) <= set(curves):
        return None
    found = summarise({name: (curve.times, curve.values) for name, curve in curves.items()})
    return {"simulation": simulation[:8], **_cells(found)}


def _cells(found: CurveSummary) -> dict[str, str]:
    from seicampaign.compare.rows import UNKNOWN, cell

    stages = found.stages
    stall = UNKNOWN
    if stages is not None and stages.stall is not None:
        reason = "" if stages.stalled_for == "neither" else f" (no {stages.stalled_for})"
        stall = cell(stages.stall) + reason
    laws = {
        name: " or ".join(verdict.laws) + (" (doubtful)" if verdict.doubtful else "")
        for name, verdict in found.growth.items()
    }
    return {
        "frames": str(found.frames),
        "ps": cell(found.time),
        "reduced": cell(found.last.get("reduction_degree")),
        "crystal": cell(found.last.get("crystalline_fraction")),
        "nucleation\n(ps)": cell(stages and stages.nucleation),
        "most amorphous\n(ps)": cell(stages and stages.amorphous_maximum),
        "stall\n(ps)": stall,
        "closed to Li\n(ps)": f"{cell(found.closed_lower)}, {cell(found.closed_upper)}",
        "reduction\ngrows as": laws.get("reduction_degree", UNKNOWN),
        "crystal\ngrows as": laws.get("crystalline_fraction", UNKNOWN),
    }


def _show_sensitivity(store: CampaignStore, simulation: str, thresholds: Thresholds) -> None:
    from seicampaign.analysis.sensitivity import sensitivity
    from seicampaign.compare.rows import cell

    names = ("reduction_degree", "crystalline_fraction", "residual_metal", "sei_thickness")
    rows = [
        {
            "threshold": response.threshold,
            "value": cell(float(response.value)),
            **{name: f"{response.values[name]:.4f}" for name in names},
        }
        for response in sensitivity(store.trajectory(simulation).frame(-1), thresholds)
    ]
    show_table(f"The last frame of {simulation[:8]} with one threshold changed", rows)
