"""`seicampaign engine`, `potential` and `doctor`: LAMMPS, its plug-in, the potentials."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.errors import SEICampaignError

if TYPE_CHECKING:
    from seicampaign.approval import TestResult

engine = typer.Typer(help="The MTP engine in LAMMPS.", no_args_is_help=True)
potential = typer.Typer(help="Potentials.", no_args_is_help=True)


@engine.command()
def build(
    lammps: Annotated[
        Path | None,
        typer.Option(help="Your own LAMMPS: its program, or its folder. Default: the one in use."),
    ] = None,
    include: Annotated[Path | None, typer.Option(help="Folder of that LAMMPS's headers.")] = None,
) -> None:
    """Compile the plug-in for the LAMMPS in use, or for your own; print its path."""
    from seicampaign.mtp.plugin import find_lammps, plugin_path

    if lammps is not None and lammps.is_dir():
        lammps, found = find_lammps(lammps)
        include = include or found
    for name, path in (("LAMMPS", lammps), ("LAMMPS_INCLUDE", include)):
        if path is not None:
            os.environ[f"SEICAMPAIGN_{name}"] = str(path.absolute())
    print(plugin_path())


@potential.command("list")
def list_potentials() -> None:
    """The potentials that come with the package: what was tested, and what they are not for."""
    from seicampaign.approval import beside, verdict
    from seicampaign.mtp import load_potential, shipped_potentials

    for name in shipped_potentials():
        found = load_potential(name)
        approved, why = verdict([beside(found.metadata)], found.hash)
        print(f"{name}: {' '.join(found.species)}, level {found.mtp.level}, hash {found.hash}")
        print(f"  {'approved' if approved else 'not approved'}: {why}")
        if limits := found.metadata.get("limits"):
            print(f"  limits: {limits}")


@potential.command("test")
def test_potential(
    name: Annotated[str, typer.Argument(help="A shipped potential, or the path of a .mtp file.")],
    species: Annotated[
        list[str] | None, typer.Option(help="Where no json beside the file says; repeatable.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels that were held out of its fit.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also write the parity figure (PNG) into this file.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Short runs, which approve nothing.")] = (
        False
    ),
) -> None:
    """Run the tests a potential must pass; keep what they say. Exit status 1 if one fails."""
    from seicampaign.jobs.approval import run_tests
    from seicampaign.mtp import load_potential
    from seicampaign.store import approvals, connect, potentials
    from seicampaign.training import read_labels

    found = load_potential(name, species)
    held = None if labels is None else read_labels(labels)
    with connect() as store, store.explained("written"):
        potentials.save(store, found)
        approval = run_tests(store, found, labels=held, quick=quick, report=_show_result)
        picture = approvals.figure(store, found.hash)
    if figure is not None and picture is not None:
        figure.write_bytes(picture)
        print(f"Parity: {figure}")
    said = "approved" if approval.approved else "not approved"
    print(f"Potential {found.name!r} is {said}: {approval.reason}.")
    if approval.failed:
        sys.exit(1)


def _show_result(result: TestResult) -> None:
    print(f"{'pass' if result.passed else 'FAIL'}  {result}", flush=True)


def doctor() -> None:
    """Check this machine's parts, one line each; exit status 1 if one is missing."""
    checks: dict[str, Callable[[], str]] = {
        "database": _database,
        "LAMMPS": _lammps,
        "MTP plug-in": _plugin,
    }
    healthy = True
    for name, check in checks.items():
        try:
            print(f"ok       {name}: {check()}")
        except SEICampaignError as error:
            healthy = False
            print(f"missing  {name}: {error}")
    if not healthy:
        sys.exit(1)


def _database() -> str:
    from seicampaign.store import connect

    with connect() as store:
        return f"{store!r}, MongoDB {store.database.client.server_info()['version']}"


def _lammps() -> str:
    from seicampaign.md.engine import lammps_command

    return " ".join(lammps_command())


def _plugin() -> str:
    from seicampaign.mtp.plugin import plugin_path

    return str(plugin_path())
