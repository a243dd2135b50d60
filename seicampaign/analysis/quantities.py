"""The curves a frame gives a point of: their names, units and meanings."""

from __future__ import annotations

from typing import NamedTuple

from seicampaign.analysis.frame import FrameAnalysis


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
    "grains": Quantity("1", "number of grains"),
    "largest_grain": Quantity("1", "anions of the largest grain"),
    "mean_grain": Quantity("1", "anions of the grain that an anion of the crystal is in, mean"),
    "crystal_fcc_share": Quantity("1", "core anions stacked as fcc, of all of fcc and hcp"),
    "crystal_x_phosphorus": Quantity("1", "P among the anions of the crystal"),
    "crystal_x_halogen": Quantity("1", "halogens among the anions of the crystal"),
    "crystal_lithium_coordination": Quantity("1", "Li around a core anion: 8 antifluorite"),
    "crystal_lattice_constant": Quantity("A", "of the fcc lattice of the core"),
    "crystal_wrapping_rank": Quantity("1", "directions in which the crystal wraps: 2 a sheet"),
    "way_lower": Quantity("1", "1 while Li can pass the crystal above the anode, else 0"),
    "way_upper": Quantity("1", "1 while Li can pass the crystal below the anode, else 0"),
}


def frame_curves(found: FrameAnalysis) -> dict[str, float]:
    """One value for every name in `CURVES`, in that order; NaN where a frame has none."""
    from seicampaign.analysis.crystal import describe_crystal
    from seicampaign.analysis.flooding import find_ways
    from seicampaign.analysis.grains import crystal_clusters, find_grains

    crystal = crystal_clusters(found)
    ranks = [crystal.rank(n) for n, w in enumerate(crystal.windings) if len(w)]
    return {
        **found.curve_values(),
        **find_grains(found).curve_values(),
        **describe_crystal(found).curve_values(),
        "crystal_wrapping_rank": float(max(ranks, default=0)),
        **find_ways(found).curve_values(),
    }
