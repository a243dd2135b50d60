"""Templates: whatever comes from the database is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from seicampaign.compare.rows import cell
from seicampaign.errors import unknown
from seicampaign.serve.kept import Answer, answer_of
from seicampaign.serve.questions import missing


@cache
def _environment() -> Any:
    from jinja2 import ChoiceLoader, PackageLoader

    from seicampaign.report.page import environment

    found = environment()
    of_report = PackageLoader("seicampaign.report")
    found.loader = ChoiceLoader([PackageLoader("seicampaign.serve"), of_report])
    found.filters |= {"cell": cell, "quoted": lambda text: quote(str(text), safe="")}
    return found


def page(template: str, **values: Any) -> str:
    """A template of ours, filled."""
    return str(_environment().get_template(template).render(**values))


STATIC = {
    "live.js": "text/javascript; charset=utf-8",
    "pages.css": "text/css; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "plotly.js": "text/javascript; charset=utf-8",
}


@cache
def static(name: str) -> Answer:
    """A file the pages load; plotly.js is that of the installed plotly."""
    if name not in STATIC:
        raise missing(unknown("file", name, STATIC))
    return answer_of(_static(name), STATIC[name])


def _static(name: str) -> bytes:
    if name == "plotly.js":
        return (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    if name == "style.css":
        return (files("seicampaign.report") / "templates" / name).read_bytes()
    return (files("seicampaign.serve") / "static" / name).read_bytes()
