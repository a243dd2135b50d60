"""Errors on labels that a potential was not trained on, and the pictures of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from ase import Atoms, units

from seicampaign.approval.results import TestResult
from seicampaign.errors import TrainingError
from seicampaign.mtp import Potential
from seicampaign.training import LabelledSet, errors_by_kind

ENERGY, FORCES = 20.0, 0.2  # meV/atom, eV/A
FAR = ("dense",)
"""Kinds far from anything a run visits: they are there to keep atoms apart, which the tests of
repulsion judge."""
TOGETHER = ("all", "all but dense")


def trajectory(atoms: Atoms) -> str:
    """What configurations must not be parted by: kind and source."""
    return f"{atoms.info.get('kind')} {atoms.info.get('source')}"


def check_unseen(labels: Sequence[Atoms], trained: Sequence[Atoms]) -> None:
    """Refuse labels of a trajectory that the potential was trained on.

    Raises
    ------
    TrainingError
        Naming the trajectory.
    """
    known = {trajectory(atoms) for atoms in trained}
    for atoms in labels:
        if trajectory(atoms) in known:
            raise TrainingError(
                f"The trajectory {trajectory(atoms)!r} is in the training set too, so its labels "
                "are not unseen. Give whole trajectories that were held out."
            )


def label_tests(potential: Potential, labels: Sequence[Atoms] | None) -> Iterator[TestResult]:
    """Errors by kind against their limits.

    Parameters
    ----------
    labels
        Labels that were held out. None takes what the fit left in the potential's metadata: a
        cross-validation, or the errors of the part it was kept from.
    """
    errors, source = _errors(potential, labels)
    if not errors:
        detail = "no labels that it has not seen, and no cross-validation in its metadata"
        yield TestResult("errors on unseen labels", None, ENERGY, False, detail, "meV/atom")
    for kind, found in errors.items():
        if kind in FAR or kind in TOGETHER:
            continue
        count = found["configurations"]
        for quantity, limit, unit in (("energy", ENERGY, "meV/atom"), ("forces", FORCES, "eV/A")):
            value = float(f"{found[quantity]:.4g}")
            yield TestResult(
                f"{quantity} of unseen {kind}",
                value,
                limit,
                bool(value <= limit),
                f"{value:g} {unit} over {count} configurations, limit {limit:g} ({source})",
                unit,
            )


def _errors(
    potential: Potential, labels: Sequence[Atoms] | None
) -> tuple[Mapping[str, Mapping[str, Any]], str]:
    if labels is not None:
        found = errors_by_kind(potential.mtp, potential.species, labels)
        return {kind: e.as_dict() for kind, e in found.items()}, "held-out labels"
    known = potential.metadata
    if "errors_unseen" in known:
        method = str(known.get("errors_method", "as its metadata says"))
        return known["errors_unseen"], method.partition(";")[0]
    return known.get("errors", {}).get("test", {}), "held out of its fit, by whole sources"


def own_labels(potential: Potential) -> list[Atoms]:
    """The data set beside the potential's file, by the name and the hash that its metadata says."""
    import hashlib

    from seicampaign.training import read_labels

    data = potential.metadata.get("data", {})
    path = potential.path.with_name(str(data.get("file", "")))
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != data.get("sha256"):
        return []
    return read_labels(path)


def parity_figure(potential: Potential, labels: Sequence[Atoms], title: str) -> bytes:
    """Predicted against labelled energies, forces and stresses, coloured by kind.

    Returns
    -------
    bytes
        A PNG; the same for the same labels.
    """
    from matplotlib.figure import Figure

    labelled = LabelledSet(labels, potential.species, cutoff=potential.mtp.max_dist)
    predicted = labelled.predict(potential.mtp, threads=1)
    kinds = np.array([str(atoms.info.get("kind", "unknown")) for atoms in labels])
    of_atom = np.repeat(kinds, labelled.sizes)
    per_volume = labelled.volumes[:, None] * units.GPa
    panels = [
        ("energy (eV/atom)", kinds, labelled.energies / labelled.sizes,
         predicted.energies / labelled.sizes),
        ("force (eV/A)", of_atom, labelled.forces, predicted.forces),
        ("stress (GPa)", kinds, labelled.virials[:, :3] / per_volume,
         predicted.virials[:, :3] / per_volume),
    ]  # fmt: skip
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    for axes, (name, groups, wanted, found) in zip(figure.subplots(1, 3), panels, strict=True):
        for kind in sorted(set(kinds)):
            mine = groups == kind
            axes.plot(
                np.ravel(wanted[mine]), np.ravel(found[mine]), ".", ms=3, label=kind, alpha=0.6
            )
        axes.axline((float(np.mean(wanted)),) * 2, slope=1, color="black", lw=0.6)
        axes.set_xlabel(f"labelled {name}")
        axes.set_ylabel(f"predicted {name}")
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"{potential.name}: {title}", fontsize=10)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=130, metadata={"Software": None})
    return picture.getvalue()
