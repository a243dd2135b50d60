"""All tests of a potential, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ase import Atoms

from seicampaign.approval.dynamics import contact_tests, electrolyte_tests, metal_test, nve_test
from seicampaign.approval.results import TESTS_VERSION, Approval, TestResult
from seicampaign.approval.statics import crystal_tests, reaction_tests, repulsion_tests
from seicampaign.approval.unseen import check_unseen, label_tests, own_labels
from seicampaign.errors import PotentialError
from seicampaign.mtp import Potential

QUICK = 0.1
"""Share of their length that runs of a quick trial have."""


def approve(
    potential: Potential,
    *,
    labels: Sequence[Atoms] | None = None,
    trained: Sequence[Atoms] | None = None,
    quick: bool = False,
    report: Callable[[TestResult], object] | None = None,
) -> Approval:
    """Run every test.

    Nothing is random: the same potential on the same machine gives the same approval.

    Parameters
    ----------
    potential
        For lithium and more.
    labels
        Labelled configurations that were held out of the fit, of whole trajectories. Default: the
        cross-validation in the potential's metadata counts.
    trained
        Those it was trained on, which `labels` must share no trajectory with. Default: the data
        set that the metadata names, where it lies beside the file.
    quick
        Shorten the runs tenfold. The potential is then not approved, whatever they say.
    report
        Is told each result as it comes.

    Raises
    ------
    TrainingError
        If `labels` share a trajectory with the training set, or cannot be used.
    PotentialError
        If the potential has no lithium: there is nothing here to test it by.
    EngineError
        If LAMMPS is missing.
    """
    if "Li" not in potential.species:
        raise PotentialError(
            f"Potential {potential.name!r} has no Li: the tests are for contacts with lithium."
        )
    if labels is not None:
        check_unseen(labels, own_labels(potential) if trained is None else trained)
    results = []
    for result in _results(potential, labels, QUICK if quick else 1.0):
        results.append(result)
        if report is not None:
            report(result)
    return Approval(potential.hash, potential.name, TESTS_VERSION, not quick, tuple(results))


def _results(
    potential: Potential, labels: Sequence[Atoms] | None, share: float
) -> Iterator[TestResult]:
    """From the quick to the slow."""
    yield from label_tests(potential, labels)
    yield from crystal_tests(potential)
    yield from reaction_tests(potential)
    yield from repulsion_tests(potential)
    yield from nve_test(potential, share)
    yield from metal_test(potential, share)
    yield from electrolyte_tests(potential, share)
    yield from contact_tests(potential, share)
