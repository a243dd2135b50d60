"""Identity is a pure function of content: canonical JSON, salted with the schema, hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from seicampaign.errors import StoreError

SCHEMA_VERSION = 1
ID_LENGTH = 20
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
"""What people call things: it can stand in a file name, an address and a shell command."""


def content_hash(kind: str, content: Mapping[str, Any]) -> str:
    """The identity of a piece of content.

    Parameters
    ----------
    kind
        What it is (``"simulation"``): the same content of another kind has another identity.
    content
        JSON values only. Integral floats count as integers, so that 300 and 300.0 are one.

    Returns
    -------
    str
        The first 20 hexadecimal digits of a SHA-256.
    """
    text = json.dumps(
        [kind, SCHEMA_VERSION, _canonical(content)],
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def check_schema(document: Mapping[str, Any]) -> None:
    """Refuse a document that a newer version of the package has written.

    Raises
    ------
    StoreError
        With the version that is needed.
    """
    found = document.get("schema_version", SCHEMA_VERSION)
    if found > SCHEMA_VERSION:
        raise StoreError(
            f"Document {document.get('_id')!r} has schema version {found}; this seicampaign reads "
            f"up to {SCHEMA_VERSION}. Upgrade seicampaign to read it."
        )
