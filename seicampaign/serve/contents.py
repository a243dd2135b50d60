"""What the pages show, read from the store. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from seicampaign.campaign.status import (
    CampaignStatus,
    SimulationStatus,
    campaign_status,
    simulation_rows,
)
from seicampaign.compare import plain_conditions
from seicampaign.compare.ranking import titles
from seicampaign.compare.table import of_one_analysis
from seicampaign.documents import content_hash
from seicampaign.errors import CampaignError, unknown
from seicampaign.report import plots
from seicampaign.serve.questions import Question, missing, query_of
from seicampaign.store.campaigns import find_campaign
from seicampaign.store.clock import server_time

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore
    from seicampaign.store.curves import Curve

Document = dict[str, Any]
ROWS_PER_PAGE = 100
GROUPS_PER_PAGE = 12


class Kind(NamedTuple):
    """A kind of plot of the seeds of one condition, and the curves it is drawn of."""

    draw: Callable[[plots.Seeds], plots.Plot]
    curves: tuple[str, ...]


PLOTS = {
    "growth": Kind(plots.growth, tuple(plots.GROWTH)),
    "product": Kind(plots.product, tuple(plots.PRODUCT)),
    "thickness": Kind(plots.thickness, tuple(plots.THICKNESS)),
    "census": Kind(plots.census, tuple(plots.CENSUS)),
}
GROUPED = ("electrolyte", "anode", "supercell", "temperature", "pressure", "potential")


def campaigns(store: CampaignStore) -> list[Document]:
    """Every campaign: how far it is, its states, what runs and when a worker last showed itself."""
    step = {"$max": ["$steps_done", {"$ifNull": ["$step_now", 0]}]}
    going = {"$and": [{"$eq": ["$state", "running"]}, {"$gt": ["$worker", None]}]}
    sums = {
        "_id": {"campaign": "$campaigns", "state": "$state"},
        "simulations": {"$sum": 1},
        "done": {"$sum": {"$multiply": [step, "$timestep"]}},
        "planned": {"$sum": {"$multiply": ["$planned_steps", "$timestep"]}},
        "rate": {"$sum": {"$cond": [going, {"$ifNull": ["$ns_per_day", 0]}, 0]}},
        "heartbeat": {"$max": "$worker.heartbeat"},
    }
    with store.explained("read"):
        now = server_time(store).replace(tzinfo=None)  # as pymongo gives times
        pipeline: list[Document] = [{"$unwind": "$campaigns"}, {"$group": sums}]
        found = list(store.database["simulations"].aggregate(pipeline))
        declared = store.database["campaigns"].find({}, {"spec.description": 1}).sort("_id")
        return [_campaign(d, [f for f in found if f["_id"]["campaign"] == d["_id"]], now)
                for d in declared]  # fmt: skip


def _campaign(declared: Document, states: Sequence[Document], now: datetime) -> Document:
    beats = [s["heartbeat"] for s in states if s["heartbeat"] is not None]
    return {
        "name": declared["_id"],
        "description": (declared.get("spec") or {}).get("description") or "",
        "simulations": sum(s["simulations"] for s in states),
        "ns_done": sum(s["done"] for s in states) / 1e6,
        "ns_planned": sum(s["planned"] for s in states) / 1e6,
        "ns_per_day": sum(s["rate"] for s in states),
        "states": {s["_id"]["state"]: s["simulations"] for s in states},
        "heartbeat": (now - max(beats)).total_seconds() if beats else None,
    }


def status(store: CampaignStore, name: str) -> CampaignStatus:
    """The status of a campaign; 404 where there is none of that name."""
    with _or_404(), store.explained("read"):
        return campaign_status(store, name)


def known(store: CampaignStore, campaign: str | None) -> None:
    """404 with the nearest name, unless there is such a campaign; None is all of them."""
    if campaign is not None:
        with _or_404():
            find_campaign(store, campaign, "name")


@contextmanager
def _or_404() -> Iterator[None]:
    try:
        yield
    except CampaignError as error:
        raise missing(str(error)) from None


def page_of(found: CampaignStatus, page: int = 1, state: str | None = None) -> Document:
    """A page of the simulations of a campaign, and the sums over all of them."""
    states = found.states
    if state is not None and state not in states:
        raise missing(unknown("state", state, states))
    rows: list[SimulationStatus] = [s for s in found.simulations if state in (None, s.state)]
    pages = max(1, -(-len(rows) // ROWS_PER_PAGE))
    if page > pages:
        raise missing(f"There are {pages} pages, and no page {page}.")
    shown = rows[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE]
    return {
        "name": found.name,
        "ns_done": found.ns_done,
        "ns_planned": found.ns_planned,
        "hours_left": found.hours_left,
        "core_hours": found.core_hours,
        "core_hours_left": found.core_hours_left,
        "states": dict(sorted(states.items())),
        "total": len(found.simulations),
        "state": state,
        "page": page,
        "pages": pages,
        "simulations": [asdict(row) for row in shown],
    }


def selected(store: CampaignStore, question: Question) -> list[Document]:
    """The simulations of a campaign (of all) under conditions."""
    known(store, question.get("campaign"))
    names = {"campaign": "campaigns", "potential": "potential.hash"}
    query = plain_conditions({names.get(name, name): v for name, v in question.items()})
    with store.explained("read"):
        return list(store.database["simulations"].find(query, {"sampling": 0}))


def groups(store: CampaignStore, campaign: str) -> list[Document]:
    """The conditions of a campaign: what its seeds share, as a title and as a query."""
    shared = {name: f"${name}" for name in GROUPED}
    pipeline: list[Document] = [
        {"$match": plain_conditions({"campaigns": campaign})},
        {"$group": {"_id": shared, "seeds": {"$sum": 1}}},
    ]
    with store.explained("read"):
        found = list(store.database["simulations"].aggregate(pipeline))
    own = [d["_id"] | {"electrolyte_id": content_hash("group", d["_id"])} for d in found]
    rows = [
        {"title": words, "seeds": d["seeds"], "query": _query(campaign, d["_id"])}
        for words, d in zip(titles(own), found, strict=True)
    ]
    return sorted(rows, key=lambda row: row["title"])


def groups_page(store: CampaignStore, campaign: str, number: int) -> tuple[list[Document], int]:
    """A page of the conditions of a campaign, and how many pages there are."""
    found = groups(store, campaign)
    pages = max(1, -(-len(found) // GROUPS_PER_PAGE))
    if number > pages:
        raise missing(f"There are {pages} pages of curves, and no page {number}.")
    return found[(number - 1) * GROUPS_PER_PAGE : number * GROUPS_PER_PAGE], pages


def rows(store: CampaignStore, ids: Sequence[str]) -> list[SimulationStatus]:
    """The status of simulations."""
    with store.explained("read"):
        return simulation_rows(store, ids)


def _query(campaign: str, shared: Mapping[str, Any]) -> str:
    conditions = {**shared, "potential": shared["potential"]["hash"]}
    return query_of({"campaign": campaign, **conditions})


def curves_revision(store: CampaignStore, ids: Sequence[str], names: Sequence[str]) -> Any:
    """Changes whenever one of these curves does; no point is read.

    A curve's document counts its replacements, so that no clock has to be trusted.
    """
    sums = {
        "_id": None,
        "curves": {"$sum": 1},
        "revisions": {"$sum": "$revision"},
        "points": {"$sum": "$points"},
        "last": {"$max": "$last_updated"},
    }
    match = {"simulation_id": {"$in": list(ids)}, "name": {"$in": list(names)}}
    with store.explained("read"):
        return list(store.database["curves"].aggregate([{"$match": match}, {"$group": sums}]))


def plot(store: CampaignStore, kind: str, simulations: Sequence[Document]) -> plots.Plot:
    """One of `PLOTS`, of the seeds given; those of another analysis than most are left out."""
    curves = store.read_curves([s["simulation_id"] for s in simulations], PLOTS[kind].curves)
    ids, _ = of_one_analysis(curves)
    seeds: dict[str, Mapping[str, Curve]] = {}
    for s in sorted(simulations, key=lambda s: (s["seed"], s["simulation_id"])):
        if s["simulation_id"] in ids:
            label = f"seed {s['seed']}"
            again = f"{label} ({s['simulation_id'][:6]})"
            seeds[again if label in seeds else label] = curves[s["simulation_id"]]
    drawn = PLOTS[kind].draw(seeds)
    left_out = sum(bool(own) for own in curves.values()) - len(ids)
    if left_out:
        text = f"{left_out} seeds are left out: another analysis made their curves"
        drawn["layout"]["annotations"] = [
            {"text": text, "xref": "paper", "yref": "paper", "x": 1, "y": 0, "showarrow": False}
        ]
    return drawn


def simulation(store: CampaignStore, simulation_id: str) -> Document:
    """The document of a simulation; 404 where there is none, with the nearest id."""
    with store.explained("read"):
        found = store.database["simulations"].find_one({"_id": simulation_id})
        if found is not None:
            return found
        ids = store.database["simulations"].distinct("_id")
    begin = [i for i in ids if i.startswith(simulation_id)] if simulation_id else []
    close = begin[:1] or get_close_matches(simulation_id, ids, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]}?" if close else " A campaign's page lists its own."
    raise missing(f"There is no simulation {simulation_id!r} here.{hint}")


def provenance(store: CampaignStore, document: Document) -> Document:
    """Where the forces of a simulation come from, and the segments it was run in."""
    with store.explained("read"):
        potential = store.database["potentials"].find_one(
            {"_id": document["potential"]["hash"]}, {"file": 0, "files": 0}
        )
        segments = store.database["segments"].find(
            {"simulation_id": document["_id"]}, {"log": 0, "log_tail": 0}
        )
        return {"potential": potential, "segments": list(segments.sort("first_step").limit(200))}
