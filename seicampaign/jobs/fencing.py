"""A job that holds its simulation: shows that it lives, and hears what is asked of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seicampaign.errors import StoreError
from seicampaign.store import fences
from seicampaign.store.fences import Fence

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore


class Hold:
    """A simulation that this job has taken.

    Attributes
    ----------
    asked_to_stop
        Whether the segment should end early: a person paused or cancelled the simulation.
    lost
        Whether another worker has it, so that nothing more can be stored.
    """

    def __init__(self, store: CampaignStore, fence: Fence) -> None:
        self.asked_to_stop = False
        self.lost = False
        self._store = store
        self._fence = fence
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Stop the heartbeat and let others take the simulation."""
        self._end.set()
        self._thread.join()
        self._fence.release()

    def _beat(self) -> None:
        while not self._end.wait(fences.BEAT_SECONDS):
            try:
                with self._store.explained("written"):
                    document = self._fence.beat()
            except StoreError:
                continue  # the next write of the job itself says so
            self.lost = document is None
            self.asked_to_stop = document is not None and document.get("control") is not None


def _fw_id() -> int | None:
    """The number of the FireWork that runs here."""
    from jobflow.core.state import CURRENT_JOB

    job = CURRENT_JOB.job
    return None if job is None else job.metadata.get("fw_id")


@contextmanager
def held(store: CampaignStore, simulation_id: str) -> Iterator[Hold]:
    """Take a simulation for this job, and show that the job lives until it ends.

    Raises
    ------
    TakenOverError
        If another living worker has it.
    """
    queue = os.environ.get("SLURM_JOB_ID") or os.environ.get("PBS_JOBID")
    fence = Fence.take(store, simulation_id, fw_id=_fw_id(), queue_job=queue)
    hold = Hold(store, fence)
    try:
        yield hold
    finally:
        hold.release()
