"""`seicampaign compare`: how electrolytes compare, as a table, a ranking, a file or a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.cli.tables import show_table

if TYPE_CHECKING:
    from seicampaign.compare import Estimate, Rank
    from seicampaign.store import CampaignStore


def compare(
    name: Annotated[str | None, typer.Argument(help="A campaign. Default: all.")] = None,
    time: Annotated[
        list[float] | None, typer.Option(help="ps at which the curves are read; repeatable.")
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
    from seicampaign.compare.rows import cautions, comparison_rows, potentials
    from seicampaign.store import connect
    from seicampaign.store.campaigns import find_campaign

    with connect() as store:
        if name is not None:
            find_campaign(store, name, "name")
        table = store.compare(name, times=time)
        places = None if rank is None else _ranking(store, name, rank)
        if figure is not None:
            from seicampaign.report import curves_figure

            curves_figure(store, _only(name), figure)
    if csv is not None:
        table.to_csv(csv, index=False)
    if latex is not None:
        table.style.hide(axis="index").format(precision=3, escape="latex", na_rep="--").to_latex(
            latex, hrules=True
        )
    if as_json:
        print(table.to_json(orient="records", indent=2))
        return
    show_table(f"Comparison of {name or 'all campaigns'}", comparison_rows(table))
    if len(table):
        print(f"Potential: {'; '.join(potentials(table))}.")
    for caution in cautions(table):
        print(caution)
    if places is not None:
        show_table(f"Ranked by {rank}, smallest first", [_place(place) for place in places])
    for what, path in (("Curves", figure), ("CSV", csv), ("LaTeX", latex)):
        if path is not None:
            print(f"{what}: {path}")


def _only(name: str | None) -> str:
    if name is None:
        raise typer.BadParameter("a figure is drawn of one campaign: name it")
    return name


def _ranking(store: CampaignStore, campaign: str | None, quantity: str) -> list[Rank]:
    """The ranking, of summaries that are up to date."""
    from seicampaign.builders import summaries
    from seicampaign.compare import rank_documents

    return rank_documents(summaries(store, campaign), quantity)


def _place(place: Rank) -> dict[str, str]:
    from seicampaign.compare.rows import cell

    return {
        "electrolyte": place.name,
        "mean": cell(place.estimate.mean),
        "95 % interval": _interval(place.estimate),
        "seeds": f"{len(place.estimate.values)}",
        "surely below": ", ".join(place.below) or "-",
        "undecided": ", ".join(place.undecided) or "-",
    }


def _interval(estimate: Estimate) -> str:
    from seicampaign.compare.rows import cell

    if estimate.low is None:
        return "none: one seed" if estimate.values else "not reached"
    return f"{cell(estimate.low)} to {cell(estimate.high)}"
