"""Reference values: what the labels' own method says of the crystals.

They are measured by ``scripts/reference-crystals`` and kept in ``references.json`` beside this
module, with the setting. A crystal that is not in it has no reference: it is tested for sanity.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from seicampaign.approval.crystals import CrystalResponse

FILE = Path(__file__).with_name("references.json")

REACTION = {"Li6PS5Cl": -12.44, "Li6PS5Cl-48h": -11.70}
"""GPAW, PBE: eV per formula unit of Li6PS5Cl + 8 Li -> 5 Li2S + Li3P + LiCl."""


@cache
def references() -> dict[str, CrystalResponse]:
    """The measured response of each crystal of the reference method."""
    if not FILE.is_file():
        return {}
    found = json.loads(FILE.read_text())["crystals"]
    fields = CrystalResponse.__dataclass_fields__
    return {
        name: CrystalResponse(**{key: value for key, value in values.items() if key in fields})
        for name, values in found.items()
    }
