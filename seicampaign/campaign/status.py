"""How far a campaign is."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seicampaign.errors import CampaignError, unknown

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

FINISHED = {"completed"}


@dataclass(frozen=True)
class SimulationStatus:
    """One simulation: where it stands and how fast it goes.

    Attributes
    ----------
    ns_done, ns_planned
        Simulated time up to now and in all.
    ns_per_day
        Rate of its last segment, None before the first has ended.
    """

    simulation_id: str
    title: str
    state: str
    ns_done: float
    ns_planned: float
    ns_per_day: float | None
    error: str | None


@dataclass(frozen=True)
class CampaignStatus:
    """A campaign: its simulations and their sums."""

    name: str
    simulations: list[SimulationStatus]

    @property
    def ns_done(self) -> float:
        """Sum over simulations."""
        return sum(s.ns_done for s in self.simulations)

    @property
    def ns_planned(self) -> float:
        """Sum over simulations."""
        return sum(s.ns_planned for s in self.simulations)

    @property
    def states(self) -> Counter[str]:
        """How many simulations are in each state."""
        return Counter(s.state for s in self.simulations)

    @property
    def finished(self) -> bool:
        """Whether every simulation is complete."""
        return all(s.state in FINISHED for s in self.simulations)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        totals = {"ns_done": self.ns_done, "ns_planned": self.ns_planned}
        return asdict(self) | totals | {"states": dict(self.states)}


def campaign_status(store: CampaignStore, name: str) -> CampaignStatus:
    """The status of a launched campaign.

    Raises
    ------
    CampaignError
        If no campaign of that name was launched into this database.
    """
    from seicampaign.store import simulations

    campaign = store.database["campaigns"].find_one({"_id": name}, {"simulations": 1})
    if campaign is None:
        known = store.database["campaigns"].distinct("_id")
        raise CampaignError(unknown("campaign", name, known) + " `seicampaign launch` adds one.")
    found = store.database["simulations"].find({"_id": {"$in": campaign["simulations"]}})
    rows = []
    for document in found:
        simulation = simulations.specification(document)
        rows.append(
            SimulationStatus(
                simulation_id=document["_id"],
                title=simulation.title,
                state=document["state"],
                ns_done=simulation.md.time(max(document["steps_done"], document["step_now"])) / 1e3,
                ns_planned=simulation.md.time(document["planned_steps"]) / 1000,
                ns_per_day=document.get("ns_per_day"),
                error=document.get("error"),
            )
        )
    return CampaignStatus(name, sorted(rows, key=lambda row: row.title))
