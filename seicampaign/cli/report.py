"""`seicampaign report`: a campaign as one HTML file, and its figures for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FIGURES = (".png", ".pdf", ".svg")


def report(
    name: Annotated[str, typer.Argument(help="The name of a launched campaign.")],
    to: Annotated[Path | None, typer.Option(help="The HTML file. Default: NAME.html.")] = None,
    figures: Annotated[
        bool, typer.Option(help="Also write the curves as PNG, PDF and SVG beside it.")
    ] = True,
) -> None:
    """Write a campaign's report: tables, curves, snapshots, provenance, in one file."""
    from seicampaign.errors import CampaignError
    from seicampaign.report import curves_figure, write_report
    from seicampaign.store import connect

    page = to or Path(f"{name}.html")
    with connect() as store:
        print(f"Report: {write_report(store, name, page)}")
        if not figures:
            return
        try:
            drawn = [curves_figure(store, name, page.with_suffix(suffix)) for suffix in FIGURES]
        except CampaignError as error:
            print(f"No figures: {error}")
        else:
            print(f"Figures: {', '.join(map(str, drawn))}")
