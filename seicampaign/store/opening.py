"""Opening the store: which server, which database, and an embedded one that has died."""

from __future__ import annotations

from pathlib import Path

from seicampaign.errors import StoreError
from seicampaign.settings import settings
from seicampaign.store import embedded, sockets, uris
from seicampaign.store.campaign_store import CampaignStore


def connect(
    uri: str | None = None, *, home: Path | str | None = None, database: str | None = None
) -> CampaignStore:
    """Open the store, starting the embedded database when no server is named.

    Parameters
    ----------
    uri
        A MongoDB server. Default: ``SEICAMPAIGN_MONGO_URI``; in a worker, the server and
        database of jobflow's JobStore (``JOBFLOW_CONFIG_FILE``); else the embedded database.
    home
        Directory of the embedded database; it is then used whatever the environment says.
    database
        Name of the database on the server. Default: the one the URI names, else
        ``SEICAMPAIGN_DATABASE``.

    Raises
    ------
    StoreError
        If the server cannot be reached within about 5 s, or the embedded one does not start.
    """
    named: str | None = None
    if uri is not None:
        named = uris.database_of(uri)
    elif home is None:
        uri, named = uris.configured()
    if uri is None:
        uri = embedded.start(home)
    else:
        uri = uris.with_defaults(uri)
        _start_if_ours(uri)
    store = CampaignStore(uri, database or named or settings().database)
    try:
        store.ensure_indexes()
    except StoreError:
        # It can have died since it was found alive.
        if not _start_if_ours(uri):
            raise
        store.ensure_indexes()
    return store


def _start_if_ours(uri: str) -> bool:
    """Start the embedded database again where the URI is that of its socket and it has died."""
    path = uris.socket_of(uri)
    if path is None or sockets.listening(path):
        return False
    home = sockets.home_of(path)
    if home is None:
        return False
    embedded.start(home)
    return True
