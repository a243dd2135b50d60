"""An approval counts for the tests that made it: other limits or references are another version."""

import hashlib
import json

from seicampaign.approval import TESTS_VERSION, dynamics, statics, unseen
from seicampaign.approval.references import FILE, REACTION

PINNED = (2, "00584ea36a46f7b1")


def test_other_limits_or_references_need_another_version():
    """When this fails, raise TESTS_VERSION and pin the new digest."""
    limits = {
        module.__name__.rpartition(".")[2]: {
            name: value
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, int | float | tuple | dict)
        }
        for module in (dynamics, statics, unseen)
    }
    content = [limits, REACTION, json.loads(FILE.read_text())["crystals"]]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    assert (TESTS_VERSION, digest) == PINNED
