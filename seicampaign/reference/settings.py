"""Identity of reference settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def setting_key(fields: Mapping[str, Any]) -> str:
    """Short hash of the fields of a setting."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
