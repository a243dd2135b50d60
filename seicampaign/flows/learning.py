"""Active learning as a flow: it grows as it goes, until it is content or its budget is spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from jobflow import Flow, Maker, Response, job

from seicampaign.documents.learning import LearningSpec
from seicampaign.errors import PotentialError
from seicampaign.jobs.learning import LearningMaker, mtp_potential
from seicampaign.jobs.reference import LabelMaker
from seicampaign.jobs.training import FitMaker
from seicampaign.mtp import Potential, load_potential
from seicampaign.store import CampaignStore, connect, learning, potentials


@dataclass
class ActiveLearningFlowMaker(Maker):
    """MD with grades, selection, labels, a fit, and again.

    What it did is in the collection ``learning``, under the name of the loop. The same loop made
    and run again goes on where it stands, and does nothing if it has ended and nothing more is
    asked of it.

    Attributes
    ----------
    label_maker
        Makes the labels: `seicampaign.jobs.reference.LabelMaker`, or another with its ``make``.
    fit_maker
        Makes the potentials.
    """

    name: str = "active learning"
    label_maker: Any = field(default_factory=LabelMaker)
    fit_maker: Any = field(default_factory=FitMaker)

    def make(self, spec: LearningSpec, potential: str | None = None) -> Flow:
        """Make the flow of a loop.

        Parameters
        ----------
        potential
            Of the first round: its hash in the store, a shipped name, or the path of a file with
            its json beside it. Default: a fit to the data set as it is.

        Returns
        -------
        Flow
            Its output is that of `seicampaign.jobs.learning.outcome`.
        """
        first = begin(self, spec, uuid4().hex, potential)
        first.name = f"begin {spec.name}"
        flow = Flow([first], output=first.output, name=f"{self.name} {spec.name}")
        flow.update_metadata({"loop": spec.name})
        return flow


@job
def begin(
    maker: ActiveLearningFlowMaker, spec: LearningSpec, token: str, potential: str | None
) -> Response:
    """Take the data set for this loop, and start it or take it up again."""
    asked = LearningSpec.model_validate(spec)
    with connect() as store, store.explained("written"):
        first = None if potential is None else first_potential(store, potential)
        learning.begin(store, asked, token, first)
    steps = LearningMaker(maker.name, maker.label_maker, maker.fit_maker)
    return Response(replace=steps.make(asked.name, token))


def first_potential(store: CampaignStore, name: str) -> Potential:
    """A potential by its hash in the store, or one that is shipped or a file; it is stored.

    Raises
    ------
    PotentialError
        If there is none.
    """
    if store.database["potentials"].find_one({"_id": name}, {"_id": 1}) is not None:
        return mtp_potential(store, name)
    try:
        found = load_potential(name)
    except PotentialError as error:
        raise PotentialError(f"{error} The store has no potential of that hash either.") from None
    potentials.save(store, found)
    return found
