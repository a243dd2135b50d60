"""Training of moment tensor potentials: labels, loss, fit, errors.

::

    from seicampaign.mtp import write_mtp
    from seicampaign.training import Weights, errors_by_kind, fit, read_labels, split

    labels = read_labels("labels.extxyz.gz")            # checked: missing, NaN, twice, mixed
    rest, test = split(labels, 0.15, seed=1)            # no source on both sides
    species = ("Li", "P", "S", "Cl")
    result = fit(
        [labels[i] for i in rest], level=16, species=species, cutoff=5.0, validation=0.1,
        weights=Weights(energy=1.0, forces=0.01, stress=0.001, shear=0.0, kinds={"crystal": 0.5}),
        max_iterations=2000, checkpoint="fit.npz",      # a fit that was killed goes on from there
        callback=lambda p: logger.info("%d %s", p.iteration, p.errors_validation),
    )
    write_mtp("potential.mtp", result.mtp)
    for kind, errors in errors_by_kind(result.mtp, species, [labels[i] for i in test]).items():
        logger.info("%-10s %s", kind, errors)           # meV/atom, eV/A, GPa

The next fit, with more labels, can start from this one: ``fit(..., start=result.mtp)``.
"""

from __future__ import annotations

from seicampaign.training.accuracy import Errors, errors_by_kind
from seicampaign.training.data import check_labels, read_labels, split
from seicampaign.training.fit import FitResult, Progress, fit
from seicampaign.training.loss import LabelledSet, Weights

__all__ = [
    "Errors",
    "FitResult",
    "LabelledSet",
    "Progress",
    "Weights",
    "check_labels",
    "errors_by_kind",
    "fit",
    "read_labels",
    "split",
]
