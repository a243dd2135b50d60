"""The active-learning loop: one look at where it stands, and the jobs that bring it on.

The state is in the store, round by round. `LearningMaker` looks at it, does or asks for what comes
next, and comes after it again; so a loop that was cut off anywhere goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker, Response, job

from seicampaign.documents import PotentialReference
from seicampaign.documents.datasets import atoms_document, atoms_of
from seicampaign.documents.learning import Exploration, LearningSpec
from seicampaign.errors import TrainingError
from seicampaign.jobs.choice import choose, gather_candidates
from seicampaign.jobs.exploration import explore
from seicampaign.jobs.reference import LabelMaker
from seicampaign.jobs.training import FitMaker
from seicampaign.mtp import Potential
from seicampaign.store import connect, learning, leases, potentials

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.store import CampaignStore


@dataclass(frozen=True)
class Step:
    """What comes next in a loop: runs, labels, or a fit; -1 is before the first round."""

    number: int = -1
    runs: Sequence[Exploration] = ()
    candidates: Sequence[Atoms] = ()
    fit: int | None = None
    comment: str = ""


@dataclass(frozen=True)
class End:
    """How a loop has ended: converged, budget spent, rounds spent or failed; and why."""

    result: str
    reason: str


@dataclass
class LearningMaker(Maker):
    """Brings a loop on by one step, and comes back after it.

    Attributes
    ----------
    label_maker
        Its ``make(dataset, configurations, comment)`` gives a job whose output says ``version``,
        ``added`` and ``quarantined``, as `LabelMaker`'s.
    fit_maker
        Its ``make(dataset, version, name)`` gives a job whose output says ``potential`` (a hash)
        and ``name``, as `FitMaker`'s.
    """

    name: str = "active learning"
    label_maker: Any = field(default_factory=LabelMaker)
    fit_maker: Any = field(default_factory=FitMaker)

    @job
    def make(
        self,
        loop: str,
        token: str,
        number: int = -1,
        ran: list[Any] | None = None,
        labelled: dict[str, Any] | None = None,
        fitted: dict[str, Any] | None = None,
    ) -> Response:
        """Record what the jobs before have done, and ask for the next ones.

        Parameters
        ----------
        token
            Of this run of the loop, which holds the lease of the data set.
        number
            The round that the jobs before belong to: what is recorded already is not recorded
            again, as in a job that is run a second time.
        ran, labelled, fitted
            Outputs of the jobs before.

        Returns
        -------
        Response
            At the end, the output is what became of the loop (`outcome`).
        """
        with connect() as store, store.explained("written"):
            document = learning.get(store, loop)
            leases.require(store, document["dataset"], token)
            if labelled is not None:
                record_labels(store, document, number, labelled)
            if fitted is not None:
                record_fit(store, document, number, fitted)
            step = next_step(store, loop)
            if isinstance(step, End):
                learning.end(store, loop, vars(step))
                return Response(output=outcome(learning.get(store, loop)))
        return Response(replace=self._flow(loop, token, document["dataset"], step))

    def _flow(self, loop: str, token: str, dataset: str, step: Step) -> Flow:
        from pymatgen.io.ase import MSONAtoms

        before: list[Any]
        if step.runs:
            before = [explore(run) for run in step.runs]
            for work, run in zip(before, step.runs, strict=True):
                work.name = f"explore {run.title}"
            after = self.make(loop, token, step.number, ran=[each.output for each in before])
        elif step.candidates:
            cells = [MSONAtoms(atoms) for atoms in step.candidates]
            before = [self.label_maker.make(dataset, cells, step.comment)]
            after = self.make(loop, token, step.number, labelled=before[0].output)
        else:
            name = f"{loop}-v{step.fit}" if step.fit is not None else loop
            before = [self.fit_maker.make(dataset, step.fit, name)]
            after = self.make(loop, token, step.number, fitted=before[0].output)
        return Flow([*before, after], output=after.output, name=f"{self.name} {loop}")


def outcome(document: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a loop.

    Returns
    -------
    dict
        ``loop``, ``result`` (converged, budget spent, rounds spent, failed, given up), ``reason``,
        ``potential`` (the last one's hash), ``rounds``, ``labels`` (asked for), ``version`` of the
        data set.
    """
    rounds = document["rounds"]
    done = [each["labelled"]["version"] for each in rounds if each["labelled"]]
    return {
        "loop": document["name"],
        **(document["outcome"] or {"result": None, "reason": "not ended yet"}),
        "potential": rounds[-1]["potential"]["hash"] if rounds else None,
        "rounds": len(rounds),
        "labels": spent(document),
        "version": done[-1] if done else None,
    }


def spent(document: Mapping[str, Any]) -> int:
    """Labels that a loop has asked for."""
    return sum(len(each["candidates"] or ()) for each in document["rounds"])


def record_labels(
    store: CampaignStore,
    document: Mapping[str, Any],
    number: int,
    labelled: Mapping[str, Any],
) -> None:
    """The labels of a round are in the data set, or in quarantine."""
    if document["rounds"][number]["labelled"] is None:
        kept = {key: labelled[key] for key in ("version", "added", "duplicate", "quarantined")}
        learning.record_round(store, document["name"], number, labelled=kept)


def record_fit(
    store: CampaignStore, document: Mapping[str, Any], number: int, fitted: Mapping[str, Any]
) -> None:
    """A potential is fitted to what a round has labelled: the next round begins with it."""
    if len(document["rounds"]) > number + 1:
        return
    potential = {"name": fitted["name"], "hash": fitted["potential"]}
    if number >= 0:
        learning.record_round(store, document["name"], number, fitted=potential["hash"])
    learning.add_round(store, document["name"], number + 1, potential)


def next_step(store: CampaignStore, loop: str) -> Step | End:
    """What a loop needs next, or how it has ended."""
    document = learning.get(store, loop)
    spec = LearningSpec.model_validate(document["spec"])
    if not document["rounds"]:
        return Step()
    last = document["rounds"][-1]
    if last["labelled"] is not None:
        return _after_labels(spec, document, last)
    if last["candidates"]:
        cells = [atoms_of(d) for d in last["candidates"]]
        return Step(last["number"], candidates=cells, comment=_comment(last))
    runs = spec.explorations(PotentialReference(**last["potential"]), last["number"])
    found = [learning.exploration(store, run.id) for run in runs]
    left = [
        run
        for run, document_ in zip(runs, found, strict=True)
        if document_ is None or document_["state"] not in learning.FINISHED
    ]
    if left:
        ids = [run.id for run in runs]
        learning.record_round(store, loop, last["number"], explorations=ids)
        return Step(last["number"], runs=left)
    return _after_runs(store, spec, document, runs, [d for d in found if d is not None])


def _comment(of_round: Mapping[str, Any]) -> str:
    return f"active learning, round {of_round['number']}"


def _after_labels(
    spec: LearningSpec,
    document: Mapping[str, Any],
    last: Mapping[str, Any],
) -> Step | End:
    if not last["labelled"]["added"] and not last["labelled"]["duplicate"]:
        count = len(last["candidates"])
        return End("failed", f"none of {count} labels could be used; see quarantine")
    if len(document["rounds"]) >= spec.max_rounds:
        return End("rounds spent", f"{spec.max_rounds} rounds were made")
    return Step(last["number"], fit=last["labelled"]["version"])


def _after_runs(
    store: CampaignStore,
    spec: LearningSpec,
    document: Mapping[str, Any],
    runs: Sequence[Exploration],
    found: Sequence[Mapping[str, Any]],
) -> Step | End:
    """All runs of a round are over: they passed, or show what to label."""
    if all(each["state"] == "passed" for each in found):
        reason = f"{len(runs)} runs of {spec.length:g} ps without a grade over {spec.threshold:g}"
        return End("converged", reason)
    open_ = [run.title for run, each in zip(runs, found, strict=True) if each["state"] != "passed"]
    left = spec.budget - spent(document)
    if left <= 0:
        said = f"{spec.budget} labels were asked for, and {len(open_)} of {len(runs)} runs still "
        return End("budget spent", f"{said}met what is not known: {open_[0]}")
    last = document["rounds"][-1]
    potential = mtp_potential(store, last["potential"]["hash"])
    candidates = gather_candidates(store, spec, runs, potential, last["number"])
    chosen = choose(store, spec, potential, candidates, min(left, spec.per_round))
    if not chosen:
        return End("failed", _nothing_to_label(found, open_))
    documents = [atoms_document(atoms) for atoms in chosen]
    learning.record_round(store, spec.name, last["number"], candidates=documents)
    return Step(last["number"], candidates=chosen, comment=_comment(last))


def mtp_potential(store: CampaignStore, key: str) -> Potential:
    """A potential of the store that can be fitted and graded here.

    Raises
    ------
    TrainingError
        If it is of another kind.
    """
    found = potentials.load(store, key)
    if not isinstance(found, Potential):
        raise TrainingError(
            f"Potential {found.name!r} is no moment tensor potential: a loop cannot fit one like "
            "it. Begin with an .mtp file, or with none."
        )
    return found


def _nothing_to_label(found: Sequence[Mapping[str, Any]], open_: Sequence[str]) -> str:
    errors = [each["error"] for each in found if each["error"]]
    why = errors[0].partition("\n")[0] if errors else "no label cell could be cut from its frames"
    return f"{open_[0]} did not pass, and gives nothing to label: {why}"
