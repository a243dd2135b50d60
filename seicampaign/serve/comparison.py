"""The comparison as a page and as JSON: table, summaries with intervals, aligned curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seicampaign.compare import plain_conditions
from seicampaign.compare.aligned import aligned_curves
from seicampaign.compare.ranking import RANKED, rank_documents, titles
from seicampaign.compare.rows import cautions, comparison_rows, potentials
from seicampaign.compare.table import CURVE_NAMES, comparison_table
from seicampaign.errors import unknown
from seicampaign.report import plots
from seicampaign.report.contents import ROWS, place, summary_rows
from seicampaign.serve.contents import Document, curves_revision, known, selected
from seicampaign.serve.questions import ASKED, Question, refused

if TYPE_CHECKING:
    import pandas as pd

    from seicampaign.store import CampaignStore

CURVES = {
    "reduction_degree": "reduced share",
    "crystalline_fraction": "crystalline share",
    "amorphous_fraction": "amorphous share",
    "sei_thickness": "thickness of the interphase (Å)",
}
SUMMARISED = ("electrolyte", "anode", "supercell", "temperature", "pressure", "potential")


def conditions_of(question: Question) -> Question:
    """What chooses simulations; without times, pages and names of curves."""
    return {k: v for k, v in question.items() if k in (*ASKED, "campaign")}


def revision(store: CampaignStore, question: Question) -> Any:
    """Changes with the simulations of a comparison and with their curves."""
    simulations = selected(store, conditions_of(question))
    kept = ("simulation_id", "steps_done", "planned_steps", "state", "approved")
    seen = [[s.get(name) for name in kept] for s in simulations]
    curve = question.get("curve")
    names = CURVE_NAMES if curve is None else (curve,)
    return seen, curves_revision(store, [s["simulation_id"] for s in simulations], names)


def table(store: CampaignStore, question: Question) -> pd.DataFrame:
    """As `CampaignStore.compare`."""
    simulations = selected(store, conditions_of(question))
    curves = store.read_curves([s["simulation_id"] for s in simulations], CURVE_NAMES)
    times = question.get("time")
    chosen = times if isinstance(times, list) or times is None else [times]
    return comparison_table(simulations, curves, chosen)


def records(store: CampaignStore, question: Question) -> list[Document]:
    """The table for JSON: a mapping per row, null where there is no value."""
    found = json.loads(table(store, question).to_json(orient="records", double_precision=10))
    return list(found)


def aligned(store: CampaignStore, question: Question) -> plots.Plot:
    """One curve of every condition, mean and spread over seeds."""
    curve = question.get("curve", "reduction_degree")
    if curve not in CURVES:
        raise refused(unknown("curve", curve, CURVES))
    simulations = selected(store, conditions_of(question))
    curves = store.read_curves([s["simulation_id"] for s in simulations], [curve])
    return plots.aligned(aligned_curves(simulations, curves, curve), CURVES[curve])


def electrolytes(store: CampaignStore, question: Question) -> list[Document]:
    """The summaries that `ElectrolyteBuilder` has stored."""
    known(store, question.get("campaign"))
    names = {"campaign": "campaigns", "potential": "potential.hash"}
    chosen = {k: v for k, v in question.items() if k in (*SUMMARISED, "campaign")}
    query = plain_conditions({names.get(name, name): v for name, v in chosen.items()})
    with store.explained("read"):
        found = store.database["electrolytes"].find(query)
        return sorted(found, key=place)


def ranking(store: CampaignStore, question: Question) -> list[Document]:
    """Those summaries by a quantity, and what their seeds leave undecided."""
    quantity = question.get("quantity", "half_reduction")
    if quantity not in RANKED:
        raise refused(unknown("quantity", quantity, RANKED))
    places = rank_documents(electrolytes(store, question), quantity)
    return [place._asdict() | {"estimate": place.estimate.model_dump()} for place in places]


def part(store: CampaignStore, question: Question) -> Document:
    """What the page of a comparison shows."""
    found = table(store, question)
    summaries = electrolytes(store, question)
    return {
        "rows": comparison_rows(found),
        "potentials": potentials(found),
        "cautions": cautions(found),
        "summaries": [
            {"title": title, "document": document, "rows": summary_rows(document)}
            for title, document in zip(titles(summaries), summaries, strict=True)
        ],
        "labels": [label for _, label in ROWS],
        "behind": _behind(store, summaries),
    }


def _behind(store: CampaignStore, summaries: Sequence[Document]) -> int:
    """How many summaries are of less than has been simulated by now."""
    ids = [identity for summary in summaries for identity in summary["simulations"]]
    fields = {"steps_done": 1, "timestep": 1}
    with store.explained("read"):
        found = store.database["simulations"].find({"_id": {"$in": ids}}, fields)
        done = {d["_id"]: d["steps_done"] * d["timestep"] / 1e6 for d in found}
    return sum(
        summary["ns_done"] < sum(done.get(i, 0.0) for i in summary["simulations"]) - 1e-9
        for summary in summaries
    )
