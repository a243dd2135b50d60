"""Jobs that fit potentials to a version of a data set, and store them with where they come from."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker, Response, job

from seicampaign.documents import content_hash
from seicampaign.documents.identity import NAME
from seicampaign.errors import TrainingError
from seicampaign.mtp import load_potential, write_mtp
from seicampaign.settings import settings as machine
from seicampaign.store import connect, datasets, potentials
from seicampaign.training import Progress, errors_by_kind, split
from seicampaign.training.backends import FitSettings, Fitted, backend

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.store import CampaignStore


@dataclass
class FitMaker(Maker):
    """Fits a potential to a data set and stores it.

    The same fit to the same labels is made once: a second job finds the potential. One that was
    killed goes on from its checkpoint on the same machine (native backend).

    Attributes
    ----------
    fit
        Fields of `seicampaign.training.backends.FitSettings` that are not left at their defaults.
    validation
        Share of the data set, by whole sources, that decides when to stop.
    test
        Share that the fit never sees. Its errors by kind are stored.
    split_seed
        Decides which sources these are; the members of a committee share it.
    threads
        Of the native backend. Default: one for each processor.
    """

    name: str = "fit"
    fit: dict[str, Any] = field(default_factory=dict)
    validation: float = 0.1
    test: float = 0.1
    split_seed: int = 0
    threads: int | None = None

    @job
    def make(
        self, dataset: str, version: int | None = None, potential_name: str | None = None
    ) -> dict[str, Any]:
        """Fit to a version of a data set; the latest by default.

        Returns
        -------
        dict
            ``potential`` (the hash), ``name``, ``dataset``, ``version``, ``content_hash``,
            ``errors`` (of the test, validation and training parts, by kind).
        """
        with connect() as store, store.explained("used"):
            return fit_and_store(self, store, Path.cwd(), dataset, version, potential_name)


@dataclass
class FitCommitteeMaker(Maker):
    """Fits several potentials that differ in their seed alone.

    Attributes
    ----------
    fit_maker
        Makes each of them.
    seeds
        One potential for each.
    """

    name: str = "fit committee"
    fit_maker: FitMaker = field(default_factory=FitMaker)
    seeds: Sequence[int] = (0, 1, 2)

    def make(
        self, dataset: str, version: int | None = None, potential_name: str | None = None
    ) -> Flow:
        """Make the flow; its output is ``potentials`` (hashes) and ``fits`` (their outputs).

        Parameters
        ----------
        version
            Default: the latest when the first of the jobs runs, for all of them.
        """
        members = member_jobs(self, dataset, version, potential_name)
        members.name = f"{self.name} {dataset}"
        return Flow([members], output=members.output, name=members.name)


@job
def member_jobs(
    maker: FitCommitteeMaker, dataset: str, version: int | None, potential_name: str | None
) -> Response:
    """Replace this job by the fits, all of one version."""
    with connect() as store, store.explained("read"):
        version = datasets.describe(store, dataset, version)["version"]
    jobs = []
    for seed in maker.seeds:
        one = replace(maker.fit_maker, fit=maker.fit_maker.fit | {"seed": seed})
        name = f"{potential_name or dataset}-seed{seed}"
        jobs.append(one.make(dataset, version, name))
    gathering = gather([each.output for each in jobs])
    return Response(replace=Flow([*jobs, gathering], output=gathering.output))


@job
def gather(fits: list[dict[str, Any]]) -> dict[str, Any]:
    """The members of a committee in one output."""
    return {"potentials": [each["potential"] for each in fits], "fits": fits}


def fit_and_store(
    maker: FitMaker,
    store: CampaignStore,
    directory: Path,
    dataset: str,
    version: int | None = None,
    potential_name: str | None = None,
    callback: Callable[[Progress], object] | None = None,
) -> dict[str, Any]:
    """Fit to a version of a data set, unless that was done, and store the potential.

    Raises
    ------
    TrainingError
        If the data set cannot be fitted to, or the backend fails.
    """
    chosen = FitSettings.of(maker.fit)
    of_set = datasets.describe(store, dataset, version)
    fit_id = _fit_id(maker, chosen, of_set["content_hash"])
    collection = store.database["potentials"]
    found = collection.find_one({"fits": fit_id})
    name = potential_name or f"{dataset}-v{of_set['version']}"
    if not re.match(NAME, name):
        raise TrainingError(
            f"A potential cannot be called {name!r}: letters, digits, '.', '_' and '-', 80 at most."
        )
    if found is None:
        labels = datasets.dataset(store, dataset, of_set["version"])
        parts = Parts.of(labels, maker)
        start = time.monotonic()
        checkpoint = _checkpoint(fit_id)
        fitted = backend(chosen.backend).fit(
            parts.chosen("training"),
            parts.chosen("validation"),
            chosen,
            directory,
            threads=maker.threads,
            checkpoint=checkpoint,
            callback=callback,
        )
        seconds = time.monotonic() - start
        known = _metadata(maker, chosen, of_set, fitted, parts) | {"seconds": round(seconds, 1)}
        key = _save(store, fitted, known, parts, directory / f"{name}.mtp")
        collection.update_one({"_id": key}, {"$addToSet": {"fits": fit_id}})
        checkpoint.unlink(missing_ok=True)
        found = collection.find_one({"fits": fit_id})
        assert found is not None
    return _output(found, of_set)


def _fit_id(maker: FitMaker, chosen: FitSettings, content: str) -> str:
    return content_hash(
        "fit",
        {
            "settings": chosen.model_dump(mode="json", exclude_defaults=True),
            "parts": [maker.validation, maker.test, maker.split_seed],
            "content": content,
        },
    )


def _checkpoint(fit_id: str) -> Path:
    folder = machine().cache / "fits"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{fit_id}.npz"


@dataclass(frozen=True)
class Parts:
    """A data set in three parts; no source is in two of them."""

    labels: list[Atoms]
    indices: dict[str, list[int]]

    @classmethod
    def of(cls, labels: list[Atoms], maker: FitMaker) -> Parts:
        """Part a data set by source, as a maker says."""
        rest, test = split(labels, maker.test, seed=maker.split_seed)
        inside, held = split([labels[i] for i in rest], maker.validation, seed=maker.split_seed)
        indices = {
            "training": [rest[i] for i in inside],
            "validation": [rest[i] for i in held],
            "test": test,
        }
        return cls(labels, indices)

    def chosen(self, part: str) -> list[Atoms]:
        """The configurations of a part."""
        return [self.labels[i] for i in self.indices[part]]

    def identities(self, part: str) -> list[str]:
        """The identities of the configurations of a part."""
        return [atoms.info["configuration_id"] for atoms in self.chosen(part)]


def _metadata(
    maker: FitMaker,
    chosen: FitSettings,
    of_set: dict[str, Any],
    fitted: Fitted,
    parts: Parts,
) -> dict[str, Any]:
    from seicampaign import __version__

    errors = {
        part: {
            kind: _finite(errors.as_dict())
            for kind, errors in errors_by_kind(
                fitted.mtp, chosen.species, parts.chosen(part), threads=maker.threads or 1
            ).items()
        }
        for part, indices in parts.indices.items()
        if indices
    }
    return {
        "species": list(chosen.species),
        "level": chosen.level,
        "cutoff": chosen.cutoff,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "dataset": of_set["name"],
            "version": of_set["version"],
            "content_hash": of_set["content_hash"],
            "configurations": of_set["size"],
            "validation": parts.identities("validation"),
            "test": parts.identities("test"),
        },
        "reference": of_set["setting"],
        "fit": chosen.model_dump(mode="json"),
        "iterations": fitted.iterations,
        "stopped": fitted.stopped,
        "notes": fitted.notes,
        "errors": errors,
        "seicampaign": __version__,
    }


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _save(
    store: CampaignStore, fitted: Fitted, known: dict[str, Any], parts: Parts, path: Path
) -> str:
    """Store the potential, with the active set of what it was trained on; return its hash."""
    from seicampaign.mtp.grade import active_set

    write_mtp(path, replace(fitted.mtp, potential_name=path.stem))
    potential = replace(load_potential(path, species=known["species"]), metadata=known)
    chosen = active_set(potential.mtp, potential.species, parts.chosen("training"))
    return potentials.save(store, potential, chosen)


def _output(document: dict[str, Any], of_set: dict[str, Any]) -> dict[str, Any]:
    return {
        "potential": document["hash"],
        "name": document["name"],
        "dataset": of_set["name"],
        "version": of_set["version"],
        "content_hash": of_set["content_hash"],
        "errors": document["metadata"]["errors"],
    }
