"""Data sets in the store: labelled configurations, their versions, and what was set apart.

A configuration is stored once, under the identity of its structure and the key of its setting. A
version of a data set is a list of configurations that never changes; adding to a data set makes
the next version. What the gates refuse goes to `quarantine` with the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from seicampaign.documents import SCHEMA_VERSION, check_schema, content_hash
from seicampaign.documents.datasets import (
    SETTING,
    atoms_document,
    atoms_of,
    configuration_id,
    label_hash,
)
from seicampaign.documents.identity import NAME
from seicampaign.errors import StoreError, TrainingError, unknown
from seicampaign.reference import STARTER
from seicampaign.reference.gates import Gates
from seicampaign.store import quarantine
from seicampaign.store.quarantine import quarantined

if TYPE_CHECKING:
    from ase import Atoms

    from seicampaign.store.campaign_store import CampaignStore

__all__ = [
    "Added",
    "add_configurations",
    "dataset",
    "describe",
    "names",
    "quarantined",
    "remove_configurations",
    "stored",
    "versions",
    "without_label",
]

SAME_ENERGY = 0.005
"""eV/atom: two labels of one structure with one setting differ by less."""


class Setting(Protocol):
    """A reference setting: something that decides labels, with a key."""

    def key(self) -> str:
        """A short hash of all that decides a label."""
        ...


@dataclass(frozen=True)
class Added:
    """What became of configurations that were to be added.

    Attributes
    ----------
    name, version
        The data set and its version now; 0 while it has none.
    added, duplicate, quarantined
        How many were new to the data set, in it already, or set apart.
    """

    name: str
    version: int
    added: int
    duplicate: int
    quarantined: int

    def __str__(self) -> str:
        return (
            f"{self.name} version {self.version}: {self.added} added, {self.duplicate} there "
            f"already, {self.quarantined} quarantined"
        )


def add_configurations(
    store: CampaignStore,
    name: str,
    configurations: Sequence[Atoms],
    setting: Setting | str | None = None,
    *,
    gates: Gates | None = None,
    comment: str = "",
) -> Added:
    """Add labelled configurations to a data set, which is made if there is none.

    What another process adds meanwhile stays: each version is made from the one before it.

    Parameters
    ----------
    configurations
        With energy (eV, force-consistent), forces (eV/A) and, if there is one, stress (eV/A^3) in
        their calculators. ``info`` is kept: ``kind``, ``source`` (its trajectory), ``origin``
        (a text, or a mapping such as ``{"simulation": id, "step": 1000, "grade": 3.2}``).
    setting
        What made the labels, or its key. Default: what ``info["setting"]`` of each says.
    gates
        Limits of what is trained on.
    comment
        Why this version exists.

    Raises
    ------
    TrainingError
        If a configuration has another setting than the data set, or says none.
    """
    if not re.match(NAME, name):
        raise TrainingError(
            f"A data set cannot be called {name!r}: letters, digits, '.', '_' and '-', 80 at most."
        )
    key = _one_setting(store, name, configurations, setting)
    _check_labelling(store, name, configurations)
    good, bad = _sorted_out(store, configurations, key, gates or Gates())
    quarantine.put(store, name, key, bad)
    version, added = 0, 0
    if good:
        _store_configurations(store, key, good)
        described = _described(setting, key)
        version, added = _next_version(store, name, described, comment, more=list(good))
        quarantine.release(store, name, key, good.values())
    return Added(
        name=name,
        version=version or _latest_number(store, name),
        added=added,
        duplicate=len(configurations) - len(bad) - added,
        quarantined=len(bad),
    )


def remove_configurations(
    store: CampaignStore, name: str, identities: Sequence[str], comment: str
) -> int:
    """Make a version of a data set without some configurations; older versions keep them.

    Parameters
    ----------
    identities
        ``info["configuration_id"]`` of each.
    comment
        Why they go.

    Returns
    -------
    int
        The number of the version without them.

    Raises
    ------
    TrainingError
        If the data set does not hold one of them.
    """
    latest = describe(store, name)
    strangers = sorted(set(identities) - set(latest["configurations"]))
    if strangers:
        raise TrainingError(
            f"Version {latest['version']} of data set {name!r} does not hold {strangers[0]!r}."
        )
    return _next_version(store, name, latest["setting"], comment, less=identities)[0]


def dataset(store: CampaignStore, name: str, version: int | None = None) -> list[Atoms]:
    """The configurations of a data set, ordered by identity.

    Parameters
    ----------
    version
        Default: the latest.

    Returns
    -------
    list
        ``info`` of each has ``setting`` and ``configuration_id`` beside what was given.

    Raises
    ------
    TrainingError
        If there is no such data set or version.
    """
    ids = describe(store, name, version)["configurations"]
    found = {d["_id"]: d for d in store.database["configurations"].find({"_id": {"$in": ids}})}
    missing = [i for i in ids if i not in found]
    if missing:
        raise StoreError(
            f"Data set {name!r} names {len(missing)} configurations that are not stored, the "
            f"first is {missing[0]!r}. Import the data set again from a file."
        )
    return [atoms_of(found[identity]) for identity in ids]


def describe(store: CampaignStore, name: str, version: int | None = None) -> dict[str, Any]:
    """The document of a version: its configurations' identities, setting and content hash.

    Raises
    ------
    TrainingError
        If there is no such data set or version.
    """
    query: dict[str, Any] = {"name": name}
    if version is not None:
        query["version"] = version
    found = store.database["datasets"].find_one(query, sort=[("version", -1)])
    if found is None and version is not None and (latest := _latest_number(store, name)):
        raise TrainingError(f"Data set {name!r} has versions 1 to {latest}, not {version}.")
    if found is None:
        raise TrainingError(unknown("data set", name, names(store)))
    check_schema(found)
    return found


def names(store: CampaignStore) -> list[str]:
    """The names of all data sets."""
    return sorted(store.database["datasets"].distinct("name"))


def versions(store: CampaignStore, name: str) -> list[dict[str, Any]]:
    """All versions of a data set, oldest first, without the lists of configurations."""
    lists = dict.fromkeys(("configurations", "added", "removed"), 0)
    found = store.database["datasets"].find({"name": name}, lists)
    return list(found.sort("version", 1))


def without_label(
    store: CampaignStore, configurations: Sequence[Atoms], setting: str
) -> list[Atoms]:
    """The configurations that have no label of a setting in the store, each once."""
    wanted = {configuration_id(atoms, setting): atoms for atoms in configurations}
    query = {"_id": {"$in": list(wanted)}}
    for document in store.database["configurations"].find(query, {"_id": 1}):
        del wanted[document["_id"]]
    return list(wanted.values())


def stored(store: CampaignStore, configurations: Sequence[Atoms], setting: str) -> list[Atoms]:
    """The configurations as they are in the store, with their labels; what is not is left out."""
    wanted = [configuration_id(atoms, setting) for atoms in configurations]
    return [atoms_of(d) for d in store.database["configurations"].find({"_id": {"$in": wanted}})]


def _one_setting(
    store: CampaignStore,
    name: str,
    configurations: Sequence[Atoms],
    setting: Setting | str | None,
) -> str:
    """The key of the one setting of a data set and all that is to be added."""
    given = setting if isinstance(setting, str | None) else setting.key()
    of_set = store.database["datasets"].find_one({"name": name}, {"setting": 1})
    key = of_set["setting"]["key"] if of_set else given
    for index, atoms in enumerate(configurations):
        said = atoms.info.get(SETTING, given)
        key = key or said
        if said is None:
            raise TrainingError(
                f"Configuration {index} ({atoms.symbols}) does not say with which setting it was "
                "labelled. Name the setting."
            )
        if said != key or (given is not None and said != given):
            raise TrainingError(
                f"Configuration {index} ({atoms.symbols}) was labelled with setting {said!r}, "
                f"data set {name!r} has {key!r}. Energies of different settings do not compare: "
                "use another data set."
            )
    if key is None:
        raise TrainingError(f"Nothing was given to add to data set {name!r}.")
    return str(key)


def _check_labelling(store: CampaignStore, name: str, configurations: Sequence[Atoms]) -> None:
    """Refuse what says that it was labelled otherwise than the data set, as a fit would."""
    from seicampaign.training.data import SETTING_KEYS

    if not configurations:
        return
    latest = store.database["datasets"].find_one({"name": name}, sort=[("version", -1)])
    of_set = latest and store.database["configurations"].find_one(
        {"_id": {"$in": latest["configurations"][:1]}}
    )
    first = atoms_of(of_set) if of_set else configurations[0]
    for field in set(SETTING_KEYS) - {SETTING}:
        for index, atoms in enumerate(configurations):
            said, known = (str(a.info.get(field)) for a in (atoms, first))
            if said != known:
                raise TrainingError(
                    f"Configuration {index} ({atoms.symbols}) says {field} {said!r}, data set "
                    f"{name!r} {known!r}. Energies of different settings do not compare: use "
                    "another data set."
                )


def _sorted_out(
    store: CampaignStore, configurations: Iterable[Atoms], setting: str, gates: Gates
) -> tuple[dict[str, Atoms], list[tuple[Atoms, list[str]]]]:
    """What may be trained on, by identity, and what may not, with the reasons."""
    good: dict[str, Atoms] = {}
    bad: list[tuple[Atoms, list[str]]] = []
    for atoms in configurations:
        if reasons := gates.reasons(atoms):
            bad.append((atoms, reasons))
            continue
        identity = configuration_id(atoms, setting)
        first = good.setdefault(identity, atoms)
        if reasons := _contradiction(first.calc.results["energy"], atoms):
            bad.append((atoms, reasons))
    known = store.database["configurations"].find({"_id": {"$in": list(good)}})
    for document in known:
        atoms = good[document["_id"]]
        if reasons := _contradiction(atoms_of(document).calc.results["energy"], atoms):
            bad.append((good.pop(document["_id"]), reasons))
    return good, bad


def _contradiction(energy: float, atoms: Atoms) -> list[str]:
    """Why another label of a stored structure cannot be one of the same setting."""
    apart = abs(atoms.calc.results["energy"] - energy) / len(atoms)
    if apart < SAME_ENERGY:
        return []
    return [
        f"the same structure has another label, {1000 * apart:.1f} meV/atom away: one of the two "
        "was made with another setting or is not converged"
    ]


def _store_configurations(store: CampaignStore, setting: str, good: Mapping[str, Atoms]) -> None:
    from pymongo import UpdateOne

    now = datetime.now(UTC)
    updates = [
        UpdateOne(
            {"_id": identity},
            {
                "$setOnInsert": {
                    **atoms_document(atoms),
                    "configuration_id": identity,
                    "structure_id": identity.partition("/")[0],
                    "setting": setting,
                    "label_hash": label_hash(atoms),
                    "created_at": now,
                }
            },
            upsert=True,
        )
        for identity, atoms in good.items()
    ]
    store.database["configurations"].bulk_write(updates, ordered=False)


def _next_version(
    store: CampaignStore,
    name: str,
    setting: dict[str, Any],
    comment: str,
    *,
    more: Sequence[str] = (),
    less: Sequence[str] = (),
) -> tuple[int, int]:
    """Make the version after the latest; where another process made it, the one after that.

    Returns
    -------
    tuple
        The number of the version that has more and less, and how many configurations changed.
    """
    from pymongo.errors import DuplicateKeyError

    while True:
        latest = store.database["datasets"].find_one({"name": name}, sort=[("version", -1)])
        before = set(latest["configurations"]) if latest else set()
        if latest and latest["setting"]["key"] != setting["key"]:
            raise TrainingError(
                f"Data set {name!r} was made by another process meanwhile, with setting "
                f"{latest['setting']['key']!r}, not {setting['key']!r}. Use another data set."
            )
        after = (before | set(more)) - set(less)
        if latest and after == before:
            return latest["version"], 0
        document = _version_document(store, name, latest, sorted(after))
        document |= {
            "added": sorted(after - before),
            "removed": sorted(before - after),
            "setting": latest["setting"] if latest else setting,
            "comment": comment,
        }
        try:
            store.database["datasets"].insert_one(document)
        except DuplicateKeyError:
            continue
        return document["version"], len(after ^ before)


def _described(setting: Setting | str | None, key: str) -> dict[str, Any]:
    """A setting with all its fields, where they are known, and its key."""
    known: Any = STARTER if key == STARTER.key() else setting
    fields = asdict(known) if is_dataclass(known) and not isinstance(known, type) else {}
    return fields | {"key": key}


def _version_document(
    store: CampaignStore, name: str, latest: dict[str, Any] | None, identities: list[str]
) -> dict[str, Any]:
    version = latest["version"] + 1 if latest else 1
    found = store.database["configurations"].find({"_id": {"$in": identities}}, {"label_hash": 1})
    labels = {document["_id"]: document["label_hash"] for document in found}
    return {
        "_id": f"{name}/{version}",
        "dataset_id": f"{name}/{version}",
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "version": version,
        "configurations": identities,
        "size": len(identities),
        "content_hash": content_hash("dataset", labels),
        "created_at": datetime.now(UTC),
    }


def _latest_number(store: CampaignStore, name: str) -> int:
    latest = store.database["datasets"].find_one(
        {"name": name}, {"version": 1}, sort=[("version", -1)]
    )
    return latest["version"] if latest else 0
