"""Configurations whose extrapolation grade was over the threshold, for the active-learning loop.

Each holds its own positions: it stays what it is when the simulation it came from is cut back to
an earlier restart point, and the frame that made a run fail is the one that is wanted most.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from seicampaign.documents import SCHEMA_VERSION, PotentialReference, check_schema

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

    from seicampaign.md import Frame, MDParameters
    from seicampaign.store.campaign_store import CampaignStore

COLLECTION = "selections"


class Run(Protocol):
    """What configurations come from: a simulation, or another run with an identity."""

    @property
    def id(self) -> str:
        """Its identity."""

    @property
    def potential(self) -> PotentialReference:
        """What its grades belong to."""

    @property
    def md(self) -> MDParameters:
        """What makes times of its steps."""


class Sampled(Protocol):
    """A run that configurations are selected from: a simulation, or an exploration of a loop."""

    @property
    def id(self) -> str: ...
    @property
    def potential(self) -> PotentialReference: ...
    @property
    def md(self) -> MDParameters: ...


@dataclass(frozen=True)
class Selection:
    """A selected configuration and where it came from.

    Attributes
    ----------
    potential
        Hash of the potential it is an extrapolation of.
    step, time
        Of the simulation; time in ps.
    grade
        The largest of its atoms.
    atoms
        The configuration. The array ``grade`` has the grades over the threshold, 0 for the rest.
    """

    simulation_id: str
    potential: str
    step: int
    time: float
    grade: float
    atoms: Atoms


def add(
    store: CampaignStore,
    simulation: Sampled,
    numbers: ArrayLike,
    frames: Iterable[Frame],
    *,
    select: float,
    keep: int,
) -> int:
    """Store selected frames of a simulation, as far as they are among those worth keeping.

    Parameters
    ----------
    numbers
        Atomic numbers, shape (atoms,).
    frames
        With the grade of each atom in `extra`, shape (atoms, 1).
    select
        Only the grades over it are kept.
    keep
        The number of configurations kept of one simulation; see `surplus`.

    Returns
    -------
    int
        How many of the simulation are stored now.
    """
    collection = store.database[COLLECTION]
    new = {frame.step: frame for frame in frames}
    stored = collection.find({"simulation_id": simulation.id}, {"step": 1, "grade": 1})
    grades = {d["step"]: d["grade"] for d in stored}
    before = set(grades)
    grades |= {step: float(frame.extra[:, 0].max()) for step, frame in new.items()}
    dropped = surplus(grades, keep)
    for step in sorted(new.keys() - dropped):
        document = _document(simulation, numbers, new[step], select)
        collection.replace_one({"_id": document["_id"]}, document, upsert=True)
    if gone := dropped & before:
        collection.delete_many({"simulation_id": simulation.id, "step": {"$in": sorted(gone)}})
    return len(grades) - len(dropped)


def surplus(grades: Mapping[int, float], keep: int) -> set[int]:
    """The steps to do without, so that what stays is spread over the run and high in grade.

    Of the two configurations nearest in time the one of lower grade goes, until `keep` are left:
    neighbours in time are much alike, and the highest grade of all always stays.
    """
    steps = sorted(grades)
    gone: set[int] = set()
    while len(steps) > keep:
        if len(steps) == 1:
            gone.add(steps.pop())
            break
        pairs = pairwise(steps)
        _, _, lower = min(
            (b - a, min(grades[a], grades[b]), a if grades[a] <= grades[b] else b) for a, b in pairs
        )
        steps.remove(lower)
        gone.add(lower)
    return gone


def query(
    store: CampaignStore,
    criteria: Mapping[str, Any] | None = None,
    *,
    simulation_id: str | None = None,
    potential: str | None = None,
    over: float | None = None,
) -> list[Selection]:
    """Selected configurations, the highest grade first.

    Parameters
    ----------
    criteria
        A MongoDB query on their documents, beside the following.
    potential
        Hash of a potential.
    over
        Only those with a grade over it.
    """
    wanted: dict[str, Any] = dict(criteria or {})
    if simulation_id is not None:
        wanted["simulation_id"] = simulation_id
    if potential is not None:
        wanted["potential"] = potential
    if over is not None:
        wanted["grade"] = {"$gt": over}
    found = store.database[COLLECTION].find(wanted).sort([("grade", -1), ("_id", 1)])
    return [_selection(document) for document in found]


def _document(
    simulation: Sampled, numbers: ArrayLike, frame: Frame, select: float
) -> dict[str, Any]:
    grades = frame.extra[:, 0]
    above = np.flatnonzero(grades > select)
    key = f"{simulation.id}-{frame.step}"
    return {
        "_id": key,
        "selection_id": key,
        "schema_version": SCHEMA_VERSION,
        "simulation_id": simulation.id,
        "potential": simulation.potential.hash,
        "step": frame.step,
        "time": simulation.md.time(frame.step),
        "grade": float(grades.max()),
        "atom": int(grades.argmax()),
        "select": select,
        "n_atoms": len(grades),
        "above": above.tolist(),
        "grades": grades[above].tolist(),
        "cell": frame.cell.tolist(),
        "numbers": _packed(np.asarray(numbers, dtype="<u1")),
        "positions": _packed(frame.positions.astype("<f4")),
        "created_at": datetime.now(UTC),
    }


def _selection(document: Mapping[str, Any]) -> Selection:
    from ase import Atoms

    check_schema(document)
    numbers = np.frombuffer(zlib.decompress(document["numbers"]), "<u1")
    positions = np.frombuffer(zlib.decompress(document["positions"]), "<f4")
    atoms = Atoms(numbers, positions.reshape(-1, 3).astype(float), cell=document["cell"], pbc=True)
    grades = np.zeros(len(atoms))
    grades[document["above"]] = document["grades"]
    atoms.set_array("grade", grades)
    atoms.info |= {key: document[key] for key in ("simulation_id", "potential", "step", "grade")}
    return Selection(
        document["simulation_id"],
        document["potential"],
        document["step"],
        document["time"],
        document["grade"],
        atoms,
    )


def _packed(values: NDArray[Any]) -> bytes:
    return zlib.compress(values.tobytes(), 1)
