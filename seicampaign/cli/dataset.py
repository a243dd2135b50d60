"""`seicampaign dataset`: labelled configurations in the store, and in files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seicampaign.cli.tables import show_table

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

dataset = typer.Typer(help="Data sets of labelled configurations.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name of a data set.")]
Version = Annotated[int | None, typer.Option(help="Default: the latest.")]
Species = Annotated[
    str | None, typer.Option(help="Elements of the types of a .cfg file, e.g. Li,P,S,Cl.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _store() -> CampaignStore:
    from seicampaign.store import connect

    return connect()


def _elements(species: str | None) -> list[str] | None:
    return None if species is None else species.replace(",", " ").split()


@dataset.command("import")
def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Extended XYZ, .cfg, or what ASE reads.")],
    setting: Annotated[
        str | None, typer.Option(help="Key of the reference setting, where the file says none.")
    ] = None,
    species: Species = None,
    max_force: Annotated[
        float | None,
        typer.Option(min=0.001, help="Set apart what has a larger force, eV/A. Default: 30."),
    ] = None,
    comment: Annotated[str, typer.Option(help="Why this version exists.")] = "",
) -> None:
    """Add the configurations of a file to a data set, which is made if there is none."""
    from seicampaign.reference.gates import Gates
    from seicampaign.store.dataset_files import import_file

    gates = Gates() if max_force is None else Gates(max_force=max_force)
    with _store() as store, store.explained("written"):
        added = import_file(
            store, name, file, setting, species=_elements(species), gates=gates, comment=comment
        )
    print(f"{added}.")
    if added.quarantined:
        print(f"Reasons: `seicampaign dataset show {name} --quarantine`.")


@dataset.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Ending in .cfg for MLIP-2, else extended XYZ.")],
    version: Version = None,
    species: Species = None,
) -> None:
    """Write a version of a data set into a file."""
    from seicampaign.store.dataset_files import export_file

    with _store() as store, store.explained("read"):
        count = export_file(store, name, file, version, species=_elements(species))
    print(f"{count} configurations: {file}")


@dataset.command()
def remove(
    name: Name,
    configurations: Annotated[
        list[str], typer.Argument(help="`configuration_id` of each, as an exported file has it.")
    ],
    comment: Annotated[str, typer.Option(help="Why they go.")],
) -> None:
    """Make a version without some configurations; older versions keep them."""
    from seicampaign.store.datasets import remove_configurations

    with _store() as store, store.explained("written"):
        version = remove_configurations(store, name, configurations, comment)
    print(f"{name} version {version}: {len(configurations)} removed.")


@dataset.command("list")
def list_(as_json: Json = False) -> None:
    """All data sets: their latest version, size and setting."""
    from seicampaign.store import datasets

    with _store() as store, store.explained("read"):
        found = [datasets.versions(store, name)[-1] for name in datasets.names(store)]
        apart = {d["name"]: len(datasets.quarantined(store, d["name"])) for d in found}
    rows = [_summary(d) | {"quarantined": apart[d["name"]]} for d in found]
    _show("Data sets", rows, as_json)


@dataset.command()
def show(
    name: Name,
    version: Version = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="What was set apart, and why.")
    ] = False,
    as_json: Json = False,
) -> None:
    """A data set: its versions, what it holds by kind, and what was set apart."""
    from seicampaign.store import datasets

    with _store() as store, store.explained("read"):
        apart = datasets.quarantined(store, name)
        if quarantine and apart:
            _show(f"Quarantine of {name}", [_apart(d) for d in apart], as_json)
            return
        document = datasets.describe(store, name, version)
        if quarantine:
            print("[]" if as_json else f"Nothing of {name} is quarantined.")
            return
        kinds = Counter(
            str(atoms.info.get("kind", "-")) for atoms in datasets.dataset(store, name, version)
        )
        rows = [_summary(d) for d in datasets.versions(store, name)]
    if as_json:
        found = _summary(document) | {"kinds": dict(kinds), "quarantined": len(apart)}
        print(json.dumps(found | {"setting": document["setting"], "versions": rows}, indent=2))
        return
    show_table(f"Data set {name}", [{k: str(v) for k, v in row.items()} for row in rows])
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(f"Version {document['version']}: {counts}. {len(apart)} quarantined.")
    print(f"Next: `seicampaign potential train {name}`.")


def _summary(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": document["name"],
        "version": document["version"],
        "configurations": document["size"],
        "setting": document["setting"]["key"],
        "content": document["content_hash"],
        "made": f"{document['created_at']:%Y-%m-%d %H:%M}",
        "comment": document["comment"],
    }


def _apart(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "formula": document["formula"],
        "origin": str(document["info"].get("origin", "-")),
        "reasons": "; ".join(document["reasons"]),
    }


def _show(title: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        show_table(title, [{k: str(v) for k, v in row.items()} for row in rows])
