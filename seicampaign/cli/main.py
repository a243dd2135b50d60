"""`seicampaign`: campaigns, their status and their comparison."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.cli.analyse import analyse
from seicampaign.cli.compare import compare
from seicampaign.cli.control import cancel, pause, priority, resume
from seicampaign.cli.database import db
from seicampaign.cli.dataset import dataset
from seicampaign.cli.engine import doctor, engine, potential
from seicampaign.cli.export import export
from seicampaign.cli.garbage import garbage
from seicampaign.cli.imported import imported
from seicampaign.cli.imports import import_
from seicampaign.cli.learn import learn, loop
from seicampaign.cli.report import report
from seicampaign.cli.serve import serve
from seicampaign.cli.status import status
from seicampaign.cli.tend import tend
from seicampaign.cli.train import train
from seicampaign.cli.view import view
from seicampaign.cli.why import why
from seicampaign.errors import SEICampaignError, StoreError

if TYPE_CHECKING:
    from seicampaign.campaign import Campaign, LaunchReport
    from seicampaign.store import CampaignStore

app = typer.Typer(
    help="Campaigns of simulations of the solid electrolyte interphase.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(db, name="db")
app.add_typer(dataset, name="dataset")
potential.command()(train)
potential.command()(learn)
potential.command()(loop)
app.add_typer(potential, name="potential")
app.add_typer(engine, name="engine")
app.command()(doctor)
for command in (status, why, tend, pause, resume, cancel, priority):
    app.command()(command)
db.command()(garbage)
app.command()(export)
app.command("import")(import_)
app.command()(imported)
app.command()(analyse)
app.command()(view)
app.command()(compare)
app.command()(report)
app.command()(serve)

File = Annotated[Path, typer.Argument(help="A campaign file, e.g. workflows/quickstart.yaml.")]


def main() -> None:
    """Entry point: our own errors are one sentence on standard error, and exit status 1.

    So are files that cannot be read or written.
    """
    warnings.showwarning = _show_warning
    try:
        app()
    except SEICampaignError as error:
        print(f"seicampaign: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        print(f"seicampaign: {error.filename}: {error.strerror}.", file=sys.stderr)
        sys.exit(1)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Without the file and line of the source, which mean nothing on the command line."""
    print(f"seicampaign: {message}", file=sys.stderr)


def _store() -> CampaignStore:
    from seicampaign.store import connect

    return connect()


def _launched(campaign: Campaign, store: CampaignStore) -> LaunchReport:
    """Launch; a potential that has not passed its tests is named before anything runs."""
    report = campaign.launch(store)
    if report.warning:
        print(report.warning, file=sys.stderr)
    if report.edited:
        print(report.edited, file=sys.stderr)
    return report


@app.command()
def launch(file: File) -> None:
    """Put a campaign into the LaunchPad; what is there already stays as it is."""
    from seicampaign import Campaign

    campaign = Campaign.from_file(file)
    with _store() as store:
        report = _launched(campaign, store)
    print(f"{campaign.name}: {report}.")
    print(f"Next: `seicampaign run {file}` here, or `rlaunch rapidfire` (see `seicampaign db`).")


@app.command()
def run(
    file: File,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Simulations at a time. Default: one per core.")
    ] = None,
) -> None:
    """Launch a campaign and work it off on this machine."""
    from seicampaign import Campaign

    campaign = Campaign.from_file(file)
    with _store() as store:
        _launched(campaign, store)
        try:
            status = campaign.run(store, workers=workers)
        except KeyboardInterrupt:
            print(
                f"\nInterrupted. What was stored stays; `seicampaign run {file}` continues.",
                file=sys.stderr,
            )
            sys.exit(130)
        except StoreError as error:
            raise StoreError(
                f"{error}\nWhat was stored stays; `seicampaign run {file}` continues."
            ) from None
    print(f"{campaign.name}: {status.ns_done:.4g} ns of {len(status.simulations)} simulations.")
    print(f"Next: `seicampaign compare {campaign.name}`.")
