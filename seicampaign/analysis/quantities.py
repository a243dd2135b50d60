"""The curves a frame gives a point of: their names, units and meanings."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """What a curve of a given name holds."""

    unit: str
    description: str


CURVES: dict[str, Quantity] = {
    "reduction_degree": Quantity("1", "alpha: sum over P of (8 - 2 n_S) / 8, per P"),
    "crystalline_fraction": Quantity("1", "crystalline anions (core and grown) of all anions"),
    "crystalline_core_fraction": Quantity("1", "crystalline core anions of all anions"),
    "amorphous_fraction": Quantity("1", "reduction_degree - crystalline_fraction"),
    "residual_electrolyte": Quantity("1", "P with four S of all P"),
    "residual_metal": Quantity("1", "Li in the metal of all Li"),
    "sei_thickness": Quantity("A", "thickness of the reacted layer, mean of both interfaces"),
    "sei_thickness_lower": Quantity("A", "the same, above the anode along the normal"),
    "sei_thickness_upper": Quantity("A", "the same, below the anode along the normal"),
    **{f"ps{n}": Quantity("1", f"P with {n} S of all P") for n in range(4)},
    "ps4": Quantity("1", "P with four S or more of all P"),
    "pp_bonds": Quantity("1", "P-P bonds in the box: where there are any, alpha is too low"),
}
