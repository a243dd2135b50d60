"""`seicampaign db`: the embedded database, and the files that lead other tools to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

db = typer.Typer(help="The embedded MongoDB.", no_args_is_help=True)


@db.command()
def start() -> None:
    """Start the embedded database, if it is not running."""
    from seicampaign.store import embedded

    embedded.start()
    status()


@db.command()
def stop() -> None:
    """Stop the embedded database."""
    from seicampaign.store import embedded

    print("Stopped." if embedded.stop() else "It was not running.")


@db.command()
def status() -> None:
    """Say whether it runs, and where its files are."""
    from seicampaign.store import embedded

    found = embedded.status()
    print(f"{'running' if found.running else 'not running'}, home {found.home}, log {found.log}")


@db.command()
def uri() -> None:
    """Print the URI of the database in use, without credentials."""
    from seicampaign.store import connect, uris

    with connect() as store:
        print(uris.redacted(store.uri))


@db.command()
def config(
    directory: Annotated[Path, typer.Argument(help="Where to write; made if need be.")],
) -> None:
    """Write my_launchpad.yaml, my_fworker.yaml, FW_config.yaml and jobflow.yaml."""
    from seicampaign.store import connect

    with connect() as store:
        for path in store.write_config(directory):
            print(path)
    folder = directory.absolute()
    print("Use them with:")
    print(f"  export FW_CONFIG_FILE={folder / 'FW_config.yaml'}")
    print(f"  export JOBFLOW_CONFIG_FILE={folder / 'jobflow.yaml'}")
