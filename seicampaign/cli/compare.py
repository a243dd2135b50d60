"""`seicampaign compare`: how electrolytes compare, as a table, a ranking, a file or a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seicampaign.cli.tables import show_table

if TYPE_CHECKING:
    from seicampaign.compare import Rank
    from seicampaign.store import CampaignStore


def compare(
    name: Annotated[str | None, typer.Argument(help="A campaign. Default: all.")] = None,
    time: Annotated[
        list[float] | None, typer.Option(help="ps at which the curves are read; repeatable.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="A condition, e.g. temperature=400, electrolyte=Li7PS6; repeatable, and the same "
            "one again for several values.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the curves into this picture file.")
    ] = None,
    rank: Annotated[
        str | None, typer.Option(help="Rank by a quantity, e.g. half_reduction, sei_thickness.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the table as CSV.")] = None,
    latex: Annotated[Path | None, typer.Option(help="Also write the table as LaTeX.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare electrolytes: a row for each electrolyte and condition."""
    from seicampaign.compare import rows
    from seicampaign.report import curves_figure
    from seicampaign.store import connect
    from seicampaign.store.campaigns import find_campaign

    conditions = _conditions(where or [])
    with connect() as store:
        if name is not None:
            find_campaign(store, name, "name")
        table = store.compare(name, times=time, **conditions)
        places, caution = (None, "") if rank is None else _ranking(store, name, rank, conditions)
        without = _without_curves(store, name, conditions)
        if figure is not None:
            curves_figure(store, _only(name), figure, **conditions)
    for path in (csv, latex):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if csv is not None:
        table.to_csv(csv, index=False)
    if latex is not None:
        latex.write_text(rows.latex(table), encoding="utf-8")
    if as_json:
        print(table.to_json(orient="records", indent=2))
        return
    title = ", ".join([f"Comparison of {name or 'all campaigns'}", *(where or [])])
    show_table(title, rows.comparison_rows(table))
    if len(table):
        print(f"Potential: {'; '.join(rows.potentials(table))}.")
    for said in (*rows.cautions(table), *without):
        print(said)
    if places is not None:
        show_table(f"Ranked by {rank}, smallest first", rows.ranking_rows(places))
    if caution:
        print(caution)
    for what, path in (("Curves", figure), ("CSV", csv), ("LaTeX", latex)):
        if path is not None:
            print(f"{what}: {path}")


def _without_curves(
    store: CampaignStore, campaign: str | None, conditions: dict[str, Any]
) -> list[str]:
    """What was simulated and cannot be compared, and why."""
    from seicampaign.analysis import Thresholds
    from seicampaign.store.analyses import failures

    ids = [d["simulation_id"] for d in store.simulations_of(campaign, conditions)]
    failed = failures(store, ids, Thresholds())
    if not failed:
        return []
    count = f"{len(failed)} of {len(ids)} simulations"
    return [f"No curves, or none to the end, of {count}: {next(iter(failed.values()))}"]


def _only(name: str | None) -> str:
    if name is None:
        raise typer.BadParameter("a figure is drawn of one campaign: name it")
    return name


def _conditions(texts: list[str]) -> dict[str, Any]:
    """NAME=VALUE as filters of `CampaignStore.compare`; a name that comes twice is a choice."""
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"{text!r} is no condition: write NAME=VALUE.")
        found.setdefault(name.strip(), []).append(_value(name.strip(), value.strip()))
    return {name: own[0] if len(own) == 1 else own for name, own in found.items()}


def _value(name: str, text: str) -> Any:
    if name == "supercell":
        return [int(n) for n in text.split("x") if n.isdigit()]
    if text in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text]
    try:
        return float(text)
    except ValueError:
        return text


def _ranking(
    store: CampaignStore, campaign: str | None, quantity: str, conditions: dict[str, Any]
) -> tuple[list[Rank], str]:
    """The ranking, of summaries that are up to date, and what is to be known of it."""
    from seicampaign.builders import summaries
    from seicampaign.compare.ranking import lengths_differ, rank_documents
    from seicampaign.compare.rows import OTHER_TIMES

    found = summaries(store, campaign)
    if conditions:
        chosen = {d["simulation_id"] for d in store.simulations_of(campaign, conditions)}
        found = [document for document in found if chosen & set(document["simulations"])]
    return rank_documents(found, quantity), OTHER_TIMES if lengths_differ(found) else ""
