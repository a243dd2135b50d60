"""What a report says of a campaign, gathered from the store and made ready for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seicampaign.compare import Estimate, rank_documents
from seicampaign.compare.electrolytes import SHARES_AT, STAGE_CURVES, TRUSTED_GRADE
from seicampaign.compare.ranking import lengths_differ, titles
from seicampaign.compare.rows import OTHER_TIMES, ranking_rows
from seicampaign.compare.table import of_one_analysis
from seicampaign.report import plots
from seicampaign.report.provenance import potentials
from seicampaign.store.campaigns import find_campaign

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

Document = dict[str, Any]

NAMES = tuple(
    dict.fromkeys((*STAGE_CURVES, *plots.GROWTH, *plots.PRODUCT, *plots.CENSUS, *plots.THICKNESS))
)
MOST_GROUPS = 60
"""More conditions than this are listed and not drawn: a page must open."""
MOST_NAMED = 20
MOST_DOCUMENTS = 200
"""More simulations or conditions than this are summed up, without the documents behind them."""

ROWS = (
    ("half_reduction", "half reduced (ps)"),
    ("ninety_percent_reduction", "90 % reduced (ps)"),
    ("amorphous_maximum_share", "largest amorphous share"),
    ("sei_thickness", "interphase (Å)"),
    ("sei_growth_exponent", "growth exponent"),
    ("product_x_phosphorus", "x(P) of the crystal"),
    ("product_x_halogen", "x(halogen) of the crystal"),
    ("product_lattice_constant", "a of the crystal (Å)"),
    ("grade_max", "largest grade"),
)
UNITS = {"k": "k (1/ps)", "t0": "t0 (ps)"}
"""Parameters that have the same unit in every law that has them."""
STAGES = (
    ("nucleation", "nucleation (ps)"),
    ("amorphous_maximum", "amorphous maximum (ps)"),
    ("stall", "stall (ps)"),
    ("closure_lower", "closed to Li, lower (ps)"),
    ("closure_upper", "closed to Li, upper (ps)"),
)
REGIONS = {"anode": "the metal", "sei": "the interphase", "electrolyte": "the electrolyte"}
COMPARED = {"reduction_degree": "reduced share", "sei_thickness": "thickness (Å)"}
RANKED = {"half_reduction": "half reduced (ps)", "sei_thickness": "interphase (Å)"}


def gather(store: CampaignStore, name: str) -> Document:
    """Everything the page of a campaign shows but its pictures.

    Raises
    ------
    CampaignError
        If the campaign was never launched into this database.
    """
    from seicampaign.builders import summaries

    campaign = find_campaign(store, name)
    simulations = list(
        store.database["simulations"].find({"_id": {"$in": campaign["simulations"]}}).sort("_id")
    )
    groups = _groups(store, summaries(store, name), {s["_id"] for s in simulations})
    return {
        "name": name,
        "description": campaign["spec"].get("description") or "",
        "simulations": simulations[:MOST_DOCUMENTS],
        "more_simulations": max(0, len(simulations) - MOST_DOCUMENTS),
        "documents": groups[:MOST_DOCUMENTS],
        "labels": [label for _, label in ROWS],
        "groups": groups,
        "comparison": _comparison(store, name, [g["document"] for g in groups]),
        "notes": _notes(simulations, groups),
        "potentials": potentials(store, simulations),
    }


def _comparison(store: CampaignStore, name: str, documents: Sequence[Document]) -> Document:
    """All conditions in one plot each, and ranked; nothing where there is one condition."""
    known = [d for d in documents if d["summary"] is not None]
    if not 1 < len(known) <= MOST_GROUPS:
        return {"plots": {}, "rankings": {}, "caution": ""}
    drawn = {
        curve: plots.aligned(store.compare_curves(curve, name), unit)
        for curve, unit in COMPARED.items()
    }
    ranked = {
        label: ranking_rows(rank_documents(known, quantity))
        for quantity, label in RANKED.items()
        if sum(d["summary"][quantity]["mean"] is not None for d in known) > 1
    }
    caution = OTHER_TIMES if lengths_differ(known) else ""
    return {"plots": drawn, "rankings": ranked, "caution": caution}


def _groups(store: CampaignStore, documents: list[Document], ids: set[str]) -> list[Document]:
    """One entry per electrolyte and condition: its numbers, and its curves as plots."""
    documents.sort(key=place)
    groups = []
    for number, (title, document) in enumerate(zip(titles(documents), documents, strict=True)):
        members = [key for key in document["simulations"] if key in ids]
        shown = number < MOST_GROUPS and document["summary"] is not None
        groups.append(
            {
                "title": title,
                "document": document,
                "simulations": members,
                "rows": summary_rows(document),
                "stages": _numbers(document, STAGES) + _shares(document) + _transport(document),
                "laws": laws(document["summary"]),
                "plots": _plots(store, members) if shown else {},
            }
        )
    return groups


def place(document: Document) -> tuple[Any, ...]:
    """Where a condition stands: as its title reads, constant volume after all pressures."""
    pressure = document["pressure"]
    return (
        *(document["electrolyte"], document["anode"]),
        *(document["supercell"] or [], document["temperature"]),
        (pressure is None, pressure or 0.0),
    )


def _plots(store: CampaignStore, members: Sequence[str]) -> dict[str, plots.Plot]:
    curves = store.read_curves(members, NAMES)
    ids, _ = of_one_analysis(curves)
    seeds = {f"seed {n + 1}": curves[key] for n, key in enumerate(members) if key in ids}
    return {
        "growth": plots.growth(seeds),
        "product": plots.product(seeds),
        "census": plots.census(seeds),
        "thickness": plots.thickness(seeds),
    }


def summary_rows(document: Document) -> list[dict[str, str]]:
    """The numbers of a stored summary, labelled and with their uncertainty; none without curves."""
    return _numbers(document, ROWS)


def _numbers(document: Document, names: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    if document["summary"] is None:
        return []
    return [
        {
            "label": label,
            "value": shown(
                Estimate.model_validate(document["summary"][name]),
                "not reached" if label.endswith("(ps)") else "no value",
            ),
        }
        for name, label in names
    ]


def _shares(document: Document) -> list[dict[str, str]]:
    found = (document["summary"] or {}).get("crystalline_at", {})
    return [
        {
            "label": f"crystalline share at {time / 1000:g} ns",
            "value": shown(Estimate.model_validate(found[f"{time:g}"]), "not reached"),
        }
        for time in SHARES_AT
        if f"{time:g}" in found
    ]


def _transport(document: Document) -> list[dict[str, str]]:
    found = (document["summary"] or {}).get("lithium_diffusivity", {})
    return [
        {
            "label": f"D of Li in {name} (cm²/s)",
            "value": shown(Estimate.model_validate(found[region])),
        }
        for region, name in REGIONS.items()
        if region in found
    ]


def shown(estimate: Estimate, otherwise: str = "no value") -> str:
    """A number with its uncertainty, and how many seeds have it."""
    if estimate.mean is None:
        return otherwise
    count = len(estimate.values)
    short = f"; {otherwise} in {estimate.missing} of {count + estimate.missing}"
    rest = short if estimate.missing else ""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.3g} (one seed, no interval{rest})"
    return f"{estimate.mean:.3g} [{estimate.low:.3g}, {estimate.high:.3g}] ({count} seeds{rest})"


def laws(summary: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """The laws of growth in words: which, how sure, and with which parameters."""
    if summary is None:
        return []
    found = []
    for label, law in (
        ("reduction", summary["reduction_law"]),
        ("crystallisation", summary["crystal_law"]),
    ):
        names = " or ".join(law["laws"]) or "too few frames to tell"
        tie = " (a tie: not to be told apart)" if len(law["laws"]) > 1 else ""
        doubt = (
            f" (doubtful: it misses the shape of the curve, by {law['rms']['mean']:.2g} rms)"
            if law["doubtful"]
            else ""
        )
        parameters = ", ".join(
            f"{UNITS.get(name, name)} = {shown(Estimate.model_validate(value))}"
            for name, value in law["parameters"].items()
        )
        found.append({"label": label, "law": names + tie + doubt, "parameters": parameters})
    return found


def _notes(simulations: Sequence[Document], groups: Sequence[Document]) -> list[str]:
    """What a reader must know before the numbers."""
    notes = []
    if any(not s.get("approved", True) for s in simulations):
        notes.append("The potential has not passed its tests: every curve is flagged unapproved.")
    unfinished = [s for s in simulations if s["state"] != "completed"]
    if unfinished:
        notes.append(f"{len(unfinished)} of {len(simulations)} simulations are not complete.")
    without = [g["title"] for g in groups if g["document"]["summary"] is None]
    if without:
        notes.append(f"No curves yet: {_listed(without)}.")
    if any(len(g["document"]["seeds"]) == 1 for g in groups):
        notes.append("Where there is one seed only, there is no interval.")
    if any(len(g["document"]["seeds"]) == 2 for g in groups):
        notes.append(
            "Where there are two seeds, the interval is 12.7 standard errors to each side: it "
            "says little, and may pass zero."
        )
    beyond = [g["title"] for g in groups if g["document"].get("grade_flags", {}).get("over")]
    if beyond:
        notes.append(
            f"The potential extrapolates (grade over {TRUSTED_GRADE:g}) in "
            f"{_listed(beyond)}: numbers of these are in doubt."
        )
    ended = [s for s in simulations if s["state"] == "extrapolating"]
    if ended:
        notes.append(f"{len(ended)} simulations ended where their potential extrapolates.")
    mixed = [g["title"] for g in groups if g["document"].get("other_analyses")]
    if mixed:
        notes.append(
            "Seeds whose curves another analysis made are left out: "
            f"{_listed(mixed)}. `seicampaign analyse` brings all curves up to date."
        )
    if max(len(simulations), len(groups)) > MOST_DOCUMENTS:
        notes.append(
            f"Documents of the first {MOST_DOCUMENTS} simulations and conditions are in this page; "
            "`seicampaign serve` shows all."
        )
    if len(groups) > MOST_GROUPS:
        notes.append(f"Curves of the first {MOST_GROUPS} conditions are drawn, the others listed.")
    return notes


def _listed(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - MOST_NAMED} more" if len(titles) > MOST_NAMED else ""
    return "; ".join(titles[:MOST_NAMED]) + more
