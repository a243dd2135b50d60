"""Curves from trajectories: only frames that are new are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from maggma.core import Builder

from seicampaign.analysis import Thresholds
from seicampaign.errors import SEICampaignError
from seicampaign.store import CampaignStore, connect
from seicampaign.store.analyses import pending, record_failure, update_curves


class CurveBuilder(Builder):
    """Brings the curves of all simulations up to date with their trajectories.

    An item is a simulation. The process that takes it writes its curves itself, fifty frames at a
    time, because a trajectory is gigabytes: a killed `mrun` goes on where it was. `update_targets`
    records what failed; that is tried again once its trajectory has changed.

    Parameters
    ----------
    uri, database
        As of `seicampaign.connect`.
    thresholds
        Fields of `Thresholds` that are not left at their defaults; others make other curves.
    campaign
        Only the simulations of this campaign.
    """

    def __init__(
        self,
        uri: str | None = None,
        database: str | None = None,
        thresholds: Mapping[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 8,
    ) -> None:
        with connect(uri, database=database) as store:
            self.uri, self.database = store.uri, store.name
        self.thresholds = dict(thresholds or {})
        self.campaign = campaign
        self._thresholds = Thresholds(**self.thresholds)
        self._store = CampaignStore(self.uri, self.database)
        super().__init__(self._store.trajectories, self._store.curves, chunk_size)

    def get_items(self) -> Iterator[str]:
        """Yield simulations that have frames without points."""
        chosen = None
        if self.campaign is not None:
            query = {"campaigns": self.campaign}
            chosen = self._store.database["simulations"].distinct("simulation_id", query)
        ids = pending(self._store, self._thresholds, chosen)
        self.total = len(ids)
        self.logger.info("%d simulations have new frames", self.total)
        yield from ids

    def process_item(self, item: str) -> dict[str, Any]:
        """Analyse the new frames of one simulation."""
        try:
            added = update_curves(self._store, item, self._thresholds)
        except SEICampaignError as error:
            return {"simulation_id": item, "error": str(error)}
        except Exception as error:  # mrun would drop it without a word
            return {"simulation_id": item, "error": f"{type(error).__name__}: {error}"}
        return {"simulation_id": item, "frames": added}

    def update_targets(self, items: list[dict[str, Any]]) -> None:
        """Record failures; what succeeded is stored already."""
        for item in items:
            if "error" in item:
                self.logger.error("%(simulation_id)s: %(error)s", item)
                identity, error = item["simulation_id"], item["error"]
                record_failure(self._store, identity, self._thresholds, error)
