"""MongoDB URIs: which server to use, what to add to its URI, and how to show it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit

from seicampaign.errors import StoreError
from seicampaign.settings import settings

DEFAULTS = {"journal": "true", "serverSelectionTimeoutMS": "5000"}


def redacted(uri: str) -> str:
    """The scheme, hosts and database of a URI: no user, no password, no options."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return "(not a URI)"
    address = rest.rpartition("@")[2].partition("?")[0]
    return f"{scheme}://{address}" + (" (credentials hidden)" if "@" in rest else "")


def with_defaults(uri: str) -> str:
    """The URI with a journaled write concern and a short search for the server, unless it says."""
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise StoreError(
            f"{redacted(uri)} is not a MongoDB URI: one begins with mongodb:// or mongodb+srv://."
        )
    address, _, options = uri.partition("?")
    if "/" not in address.partition("://")[2]:
        address += "/"
    given = {item.partition("=")[0].lower() for item in re.split("[&;]", options) if item}
    added = [f"{key}={value}" for key, value in DEFAULTS.items() if key.lower() not in given]
    return f"{address}?{'&'.join(([options] if options else []) + added)}"


def database_of(uri: str) -> str | None:
    """The database that a URI names, None if it names none."""
    rest = uri.partition("://")[2].partition("?")[0]
    return unquote_plus(rest.partition("/")[2]) or None


def socket_of(uri: str) -> Path | None:
    """The unix socket that a URI names, None if it names hosts."""
    host = urlsplit(uri).netloc.rpartition("@")[2]
    path = unquote_plus(host)
    return Path(path) if path.endswith(".sock") else None


def configured() -> tuple[str | None, str | None]:
    """The server and database that the environment asks for, None for what it does not say.

    ``SEICAMPAIGN_MONGO_URI`` comes first; then, in a worker, the database of jobflow's JobStore,
    so that a job run by plain ``rlaunch`` writes where its launcher reads.
    """
    now = settings()
    if now.mongo_uri is not None:
        uri = now.mongo_uri.get_secret_value()
        return uri, database_of(uri)
    path = os.environ.get("JOBFLOW_CONFIG_FILE")
    if path:
        return _of_jobflow(Path(path).expanduser())
    return None, None


def _of_jobflow(path: Path) -> tuple[str | None, str | None]:
    """The server and database of the document store in a jobflow.yaml."""
    config = _load_yaml(path)
    store = config.get("JOB_STORE")
    if isinstance(store, str):
        config, store = {}, _load_yaml(Path(store).expanduser())
    docs = (store or {}).get("docs_store", {})
    kind = docs.get("type") or docs.get("@class")
    if kind not in ("MongoStore", "MongoURIStore"):
        return None, None
    return docs.get("uri") or _uri_of_fields(docs), docs.get("database")


def _load_yaml(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        loaded = YAML(typ="safe").load(path.read_text())
    except (OSError, YAMLError) as error:
        reason = getattr(error, "strerror", None) or "it is not YAML"
        raise StoreError(
            f"The jobflow configuration {path} cannot be read: {reason}. Mend the path in "
            "JOBFLOW_CONFIG_FILE, or write the file anew with 'seicampaign db config DIR'."
        ) from None
    return loaded if isinstance(loaded, dict) else {}


def _uri_of_fields(docs: dict[str, Any]) -> str:
    user, password = docs.get("username"), docs.get("password")
    login = f"{quote_plus(user)}:{quote_plus(password or '')}@" if user else ""
    source = docs.get("auth_source") or docs.get("database")
    options = f"?authSource={quote_plus(source)}" if user and source else ""
    return f"mongodb://{login}{docs.get('host', 'localhost')}:{docs.get('port', 27017)}/{options}"
