"""The report of a campaign: one HTML file that needs no server and no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.errors import AnalysisError, TrajectoryError
from seicampaign.report.contents import gather
from seicampaign.report.slides import Slide, slides

if TYPE_CHECKING:
    from jinja2 import Environment

    from seicampaign.store import CampaignStore

TEMPLATE = "report.html"
MOST_SEQUENCES = 24


def write_report(store: CampaignStore, campaign: str, path: Path | str) -> Path:
    """Write the report of a campaign.

    Its numbers are those of the `electrolytes` collection, brought up to date first.

    Parameters
    ----------
    path
        The HTML file. The figures for a paper are `curves_figure`'s.

    Raises
    ------
    CampaignError
        If the campaign was never launched into this database.
    """
    contents = gather(store, campaign)
    for number, group in enumerate(contents["groups"]):
        members = group["simulations"] if number < MOST_SEQUENCES else []
        group["slides_of"], group["slides"] = _slides(store, members)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(contents), encoding="utf-8")
    return path


def render(contents: dict[str, Any]) -> str:
    """The page; whatever comes from the database is escaped."""
    from plotly.offline import get_plotlyjs

    plots = {str(n): g["plots"] for n, g in enumerate(contents["groups"])}
    plots["comparison"] = contents["comparison"]["plots"]
    images = [[slide._asdict() for slide in g["slides"]] for g in contents["groups"]]
    return (
        environment()
        .get_template(TEMPLATE)
        .render(**contents, plots=plots, images=images, plotlyjs=get_plotlyjs())
    )


def environment() -> Environment:
    """The templates, which escape what they are given, and the filter `document`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("seicampaign.report"), autoescape=True, undefined=StrictUndefined
    )
    found.filters["document"] = _document
    return found


def _slides(store: CampaignStore, simulation_ids: Sequence[str]) -> tuple[str, list[Slide]]:
    """Of the first simulation whose trajectory can be read; the curves are shown without any."""
    for key in simulation_ids:
        try:
            found = slides(store.trajectory(key))
        except (TrajectoryError, AnalysisError):
            continue
        if found:
            return key, found
    return "", []


def _document(document: Any) -> str:
    """A stored document, as text."""
    return json.dumps(document, indent=1, default=str, ensure_ascii=False)
