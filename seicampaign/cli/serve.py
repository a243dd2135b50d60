"""`seicampaign serve`: what is stored, as pages that follow it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seicampaign.errors import SettingsError


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8800,
    token: Annotated[
        bool, typer.Option("--token", help="Ask for a token on loopback too.")
    ] = False,
) -> None:
    """Show campaigns, comparisons and simulations in a browser, read-only, until Ctrl-C."""
    from seicampaign.store import connect

    try:
        from seicampaign import serve as server
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "uvicorn"):
            raise
        raise SettingsError(
            f"`seicampaign serve` needs {error.name}: pip install 'seicampaign[serve]'."
        ) from None
    with connect() as store:
        server.serve(
            store,
            host=host,
            port=port,
            token=token,
            said=lambda address: print(f"{address}\nCtrl-C ends it.", flush=True),
        )
    print("Ended.", file=sys.stderr)
