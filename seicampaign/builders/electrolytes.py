"""One document per electrolyte and condition: the summary over its seeds, kept up to date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from maggma.core import Builder
from pymongo.errors import OperationFailure

from seicampaign.compare.electrolytes import (
    CURVES_READ,
    SUMMARY_VERSION,
    TRUSTED_GRADE,
    summarise,
)
from seicampaign.compare.table import CONDITIONS, group_identity, of_one_analysis
from seicampaign.documents import SCHEMA_VERSION, content_hash
from seicampaign.errors import SEICampaignError
from seicampaign.store import CampaignStore, connect
from seicampaign.store.collections import UNAUTHORIZED

NEEDED = {"reduction_degree", "crystalline_fraction"}

Document = dict[str, Any]


class ElectrolyteBuilder(Builder):
    """Summarises what `CurveBuilder` and the runs have stored, for `CampaignStore.electrolytes`.

    An item is a group of simulations that differ in seed or timestep alone. Of curves that
    different analyses made those of most seeds count: `analysis` is which, `other_analyses` how
    many seeds were left out. A group is
    summarised again only when a curve of it has grown, or a simulation has joined or been
    planned longer.

    `grade_flags` has how many seeds went over the grade up to which the potential is trusted, how
    many it ended, and how many were not graded.

    Parameters
    ----------
    uri, database
        As of `seicampaign.connect`.
    campaign
        Only the groups that simulations of this campaign belong to.
    """

    def __init__(
        self,
        uri: str | None = None,
        database: str | None = None,
        campaign: str | None = None,
        chunk_size: int = 50,
    ) -> None:
        with connect(uri, database=database) as store:
            self.uri, self.database = store.uri, store.name
        self.campaign = campaign
        self._store = CampaignStore(self.uri, self.database)
        super().__init__(self._store.curves, self._store.electrolytes, chunk_size)

    def get_items(self) -> Iterator[Document]:
        """Yield the groups whose document is missing or out of date."""
        groups = self._groups()
        ends = self._ends([m["_id"] for members in groups.values() for m in members])
        stored = {
            d["_id"]: d.get("state")
            for d in self._store.database["electrolytes"].find({}, {"state": 1})
        }
        due = []
        for identity, members in groups.items():
            state = _state(members, ends)
            if stored.get(identity) != state:
                due.append({"identity": identity, "members": members, "state": state})
        self.total = len(due)
        yield from due

    def process_item(self, item: Document) -> Document:
        """Read the curves of a group and summarise them."""
        members = item["members"]
        try:
            curves = self._store.read_curves([m["_id"] for m in members], CURVES_READ)
            usable = {key: own for key, own in curves.items() if set(own) >= NEEDED}
            ids, analysis = of_one_analysis(usable)
            summary = summarise([curves[key] for key in ids]) if ids else None
        except SEICampaignError as error:
            return _document(item, [], None) | {"error": str(error)}
        seeds = [m for m in members if m["_id"] in ids]
        others = {"analysis": analysis, "other_analyses": len(usable) - len(ids)}
        found = None if summary is None else summary.model_dump(mode="json")
        grades = () if summary is None else summary.grade_max.values
        flags = {"limit": TRUSTED_GRADE, "over": sum(grade > TRUSTED_GRADE for grade in grades)}
        flags["ended"] = sum(m["state"] == "extrapolating" for m in members)
        flags["ungraded"] = len(seeds) - len(grades)
        return _document(item, seeds, found) | others | {"grade_flags": flags}

    def update_targets(self, items: list[Document]) -> None:
        """Replace the documents."""
        for item in items:
            self._store.database["electrolytes"].replace_one(
                {"_id": item["electrolyte_id"]}, item, upsert=True
            )

    def _groups(self) -> dict[str, list[Document]]:
        query = {} if self.campaign is None else {"campaigns": self.campaign}
        groups: dict[str, list[Document]] = {}
        found = self._store.database["simulations"].find(query)
        for document in found.sort([("seed", 1), ("_id", 1)]):
            groups.setdefault(group_identity(document), []).append(document)
        return groups

    def _ends(self, ids: list[str]) -> dict[str, list[Any]]:
        """Where the curves of simulations end, by simulation: no point is read."""
        one = {"curve": "$curve_id", "last": "$last_step"}
        pipeline: list[Document] = [
            {"$match": {"simulation_id": {"$in": ids}, "name": {"$in": CURVES_READ}}},
            {"$group": {"_id": "$simulation_id", "ends": {"$push": one}}},
        ]
        found = self._store.database["curves"].aggregate(pipeline)
        return {d["_id"]: sorted((e["curve"], e["last"]) for e in d["ends"]) for d in found}


def summaries(store: CampaignStore, campaign: str | None = None) -> list[Document]:
    """The documents of all groups, or of a campaign's, brought up to date first.

    With an account that may only read they are the same, and not stored.
    """
    query = {} if campaign is None else {"campaigns": campaign}
    builder = ElectrolyteBuilder(store.uri, store.name, campaign)
    with store.explained("read"), builder._store:
        made = [builder.process_item(item) for item in builder.get_items()]
        unstored: dict[str, Document] = {}
        try:
            builder.update_targets(made)
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:
                raise
            unstored = {d["_id"]: d for d in made}
        stored = {d["_id"]: d for d in store.database["electrolytes"].find(query)}
    return list((stored | unstored).values())


def _state(members: list[Document], ends: dict[str, list[Any]]) -> str:
    seen = [
        [m["_id"], m["planned_steps"], m["state"], m.get("approved", True), ends.get(m["_id"])]
        for m in members
    ]
    return content_hash("summary", {"version": SUMMARY_VERSION, "members": seen})


def _document(item: Document, seeds: list[Document], summary: Document | None) -> Document:
    members = item["members"]
    first = members[0]
    done = sum(m["steps_done"] * m["timestep"] for m in members)
    planned = sum(m["planned_steps"] * m["timestep"] for m in members)
    return {
        "_id": item["identity"],
        "electrolyte_id": item["identity"],
        "schema_version": SCHEMA_VERSION,
        **{name: first.get(name) for name in CONDITIONS},
        "potential": first["potential"]
        | {"approved": all(m.get("approved", True) for m in members)},
        "campaigns": sorted({name for m in members for name in m["campaigns"]}),
        "simulations": [m["_id"] for m in members],
        "seeds": [m["seed"] for m in seeds],
        "n_atoms": first.get("n_atoms"),
        "ns_done": done / 1e6,
        "ns_planned": planned / 1e6,
        "completeness": done / planned if planned else 0.0,
        "states": {s: sum(m["state"] == s for m in members) for s in {m["state"] for m in members}},
        "summary": summary,
        "state": item["state"],
        "last_updated": datetime.now(UTC),
    }
