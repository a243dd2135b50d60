"""Whether the atoms of a run can be what they are said to be."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import StoreError

TOLERANCE = 1.25
"""Slabs are cut and crystals have vacancies; elements in a wrong order are off by more."""


def check_composition(numbers: NDArray[np.uint8], electrolyte: str, anode: str) -> None:
    """Refuse atoms that no electrolyte of this formula on this anode consists of.

    A wrong order of elements, or a formula with one letter wrong, would give curves of a material
    that never was. Elements of the anode may be there in any number. Names that are no formulas
    are not looked at.

    Raises
    ------
    StoreError
        With what the atoms are.
    """
    from ase.data import chemical_symbols

    said, metal = _formula(electrolyte), _formula(anode)
    if not said or not metal:
        return
    found = Counter(chemical_symbols[number] for number in numbers)
    host = {element: share for element, share in said.items() if element not in metal}
    there = {element: found[element] for element in host}
    strange = [element for element in found if element not in said and element not in metal]
    scale = sum(there.values()) / max(sum(host.values()), 1e-9)
    off = [n for n in host if not 1 / TOLERANCE < there[n] / (scale * host[n] or 1) < TOLERANCE]
    if strange or off:
        atoms = " ".join(f"{symbol}{count}" for symbol, count in sorted(found.items()))
        wanted = " : ".join(f"{share:g} {element}" for element, share in host.items())
        raise StoreError(
            f"The atoms are {atoms}, and {electrolyte} on {anode} has {wanted} and no others "
            "beside the anode's. Are --elements in the order of the types, and is the electrolyte "
            "spelled right? Another material, or a mixture, takes a name that is no formula."
        )


def _formula(name: str) -> dict[str, float]:
    """Atoms per formula unit of a crystal of the library or of a formula; empty for a mere name."""
    from pymatgen.core import Composition, Element

    from seicampaign.structures import crystals

    known = {crystal.name: crystal.formula for crystal in crystals()}
    try:
        composition = Composition(known.get(name, name))
    except ValueError:
        return {}
    if not all(isinstance(element, Element) for element in composition):
        return {}
    return {element.symbol: amount for element, amount in composition.items()}
