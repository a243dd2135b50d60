"""`seicampaign potential train`: fit a potential to a data set of the store."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seicampaign.training import Progress

SECONDS = 5.0


def train(
    dataset: Annotated[str, typer.Argument(help="The name of a data set.")],
    version: Annotated[int | None, typer.Option(help="Default: the latest.")] = None,
    level: Annotated[int, typer.Option(help="Of the potential: 2, 4, ... 28.")] = 8,
    cutoff: Annotated[float, typer.Option(help="Angstrom.")] = 5.0,
    species: Annotated[str, typer.Option(help="Elements in the file's order.")] = "Li,P,S,Cl",
    backend: Annotated[str, typer.Option(help="native, motep or mlip2.")] = "native",
    seed: Annotated[list[int] | None, typer.Option(help="Repeat it for a committee.")] = None,
    max_iterations: Annotated[int, typer.Option(min=1)] = 1000,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other field of FitSettings, as name=JSON; repeatable."),
    ] = None,
    test: Annotated[float, typer.Option(help="Share that the fit never sees.")] = 0.1,
    validation: Annotated[float, typer.Option(help="Share that decides when to stop.")] = 0.1,
    name: Annotated[str | None, typer.Option(help="Of the potential.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write it into this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit a potential to a data set, and store it with its errors by kind."""
    from seicampaign.jobs.training import FitMaker, fit_and_store
    from seicampaign.store import connect, datasets

    fields: dict[str, Any] = {
        "species": species.replace(",", " ").split(),
        "level": level,
        "cutoff": cutoff,
        "backend": backend,
        "max_iterations": max_iterations,
        **dict(_field(text) for text in setting or []),
    }
    outputs = []
    with connect() as store, store.explained("used"):
        version = datasets.describe(store, dataset, version)["version"]
        for each in seed or [0]:
            maker = FitMaker(fit=fields | {"seed": each}, test=test, validation=validation)
            called = name if len(seed or [0]) == 1 else f"{name or dataset}-seed{each}"
            with tempfile.TemporaryDirectory() as folder:
                output = fit_and_store(
                    maker, store, Path(folder), dataset, version, called, _progress()
                )
            outputs.append(output)
            if out is not None:
                _write(store.database["potentials"].find_one({"_id": output["potential"]}), out)
            if not as_json:
                _show(output)
    if as_json:
        print(json.dumps(outputs, indent=2))


def _progress() -> Callable[[Progress], None]:
    """Says every few seconds, on standard error, how far a fit is."""
    said = time.monotonic()

    def say(now: Progress) -> None:
        nonlocal said
        if time.monotonic() - said < SECONDS:
            return
        said = time.monotonic()
        errors = now.errors_validation or now.errors_train
        print(
            f"iteration {now.iteration} of {now.max_iterations}: {errors}; "
            f"{now.seconds_left:.0f} s left at most",
            file=sys.stderr,
        )

    return say


def _field(text: str) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter(f"{text!r} is no name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _write(document: Any, folder: Path) -> None:
    """The `.mtp` file, and the JSON file beside it that `load_potential` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{document['name']}.mtp").write_text(document["file"])
    known = json.dumps(document["metadata"], indent=1) + "\n"
    (folder / f"{document['name']}.json").write_text(known)


def _show(output: dict[str, Any]) -> None:
    from seicampaign.cli.tables import show_table
    from seicampaign.compare.rows import cell

    rows = [
        {
            "part": part,
            "kind": kind,
            "configurations": str(errors["configurations"]),
            "meV/atom": cell(errors["energy"]),
            "eV/A": cell(errors["forces"]),
            "GPa": cell(errors["stress"]),
        }
        for part, kinds in output["errors"].items()
        for kind, errors in kinds.items()
    ]
    show_table(f"Potential {output['name']} ({output['potential']})", rows)
    print(f"Fitted to {output['dataset']} version {output['version']}.")
