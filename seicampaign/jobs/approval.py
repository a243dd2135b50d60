"""The job that tests a potential and keeps what the tests said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jobflow import Maker, job

from seicampaign.approval import Approval, approve
from seicampaign.approval.unseen import own_labels, parity_figure
from seicampaign.store import approvals, connect, datasets, potentials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from seicampaign.approval import TestResult
    from seicampaign.mtp import Potential
    from seicampaign.store import CampaignStore


@dataclass
class PotentialTestMaker(Maker):
    """Runs the tests of a potential of the store; a potential that passes all is approved.

    Attributes
    ----------
    quick
        Shorten the runs tenfold: a trial that approves nothing.
    """

    name: str = "test potential"
    quick: bool = False

    @job
    def make(
        self,
        potential: str,
        unseen: str | None = None,
        trained: str | None = None,
        versions: dict[str, int] | None = None,
    ) -> dict[str, Any]:
        """Test, and store the approval with its parity figure.

        Parameters
        ----------
        potential
            Its hash.
        unseen
            A data set of labels that it was not trained on. Default: the cross-validation in the
            potential's metadata counts.
        trained
            The data set it was trained on, to make sure that no trajectory is in both.
        versions
            Of the data sets, by name. Default: the latest.

        Returns
        -------
        dict
            ``potential``, ``approved``, ``reason``, ``approval`` (the key of its document).
        """
        with connect() as store, store.explained("written"):
            found = stored_potential(store, potential)
            number = (versions or {}).get
            held = None if unseen is None else datasets.dataset(store, unseen, number(unseen))
            known = None if trained is None else datasets.dataset(store, trained, number(trained))
            approval = run_tests(store, found, labels=held, trained=known, quick=self.quick)
        return {
            "potential": potential,
            "approved": approval.approved,
            "reason": approval.reason,
            "approval": f"{approval.potential}-{approval.version}",
        }


def stored_potential(store: CampaignStore, key: str) -> Potential:
    """A potential of the store, with its metadata."""
    found = potentials.load(store, key)
    document = store.database["potentials"].find_one({"_id": key}, {"metadata": 1}) or {}
    return replace(found, metadata=document.get("metadata", {}))


def run_tests(
    store: CampaignStore,
    potential: Potential,
    *,
    labels: Sequence[Atoms] | None = None,
    trained: Sequence[Atoms] | None = None,
    quick: bool = False,
    report: Callable[[TestResult], object] | None = None,
) -> Approval:
    """Run the tests, draw the parity figure of the labels there are, and store both."""
    approval = approve(potential, labels=labels, trained=trained, quick=quick, report=report)
    shown = labels or trained or own_labels(potential)
    figure = None
    if shown:
        title = "labels it has not seen" if labels else "labels it was fitted to"
        figure = parity_figure(potential, shown, title)
    approvals.save(store, approval, figure)
    return approval
