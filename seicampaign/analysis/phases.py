"""The phase of every atom: bonds of P first, then the anions, then Li by the anions around it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis.contents import LITHIUM, PHOSPHORUS, Contents, Indices
from seicampaign.analysis.thresholds import Thresholds
from seicampaign.errors import AnalysisError

FULL_SHELL = 4
NEIGHBOURS = 12
VOTES = np.array([3, 2, 2, 2])
"""Of the four nearest anions of an Li, nearest first: it decides where others are equally many."""

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Phases = NDArray[np.int8]


class Phase(IntEnum):
    """The phase an atom is in."""

    ANODE = 0
    CRYSTALLINE = 1
    AMORPHOUS = 2
    ELECTROLYTE = 3


@dataclass(frozen=True)
class Bonds:
    """Covalent bonds: the S around each P, P-P bonds, and what each atom is part of.

    Attributes
    ----------
    sulfurs
        (P,) how many S each P has.
    pp
        Number of P-P bonds.
    in_intact, in_partial
        (N,) masks of the S of PS4, and of the S of PS, PS2 and PS3.
    """

    sulfurs: Indices
    pp: int
    in_intact: Mask
    in_partial: Mask


@dataclass(frozen=True)
class AnionShells:
    """Anions that are bonded to no other as P in PSn is, and their 12 nearest of the same kind.

    Attributes
    ----------
    atoms
        (A,) indices of the atoms.
    index
        (A, 12) neighbours as positions in `atoms`, nearest first; -1 where there are fewer.
    distance, vector
        (A, 12) and (A, 12, 3), Angstrom; infinite and zero where there are fewer.
    order
        (A, 13) unit vectors of q6: their scalar products are q6(i).q6(j). Zero where the
        anion can not be crystalline.
    link
        (A, 12) the product with each neighbour; zero where either can not be crystalline.
    electrolyte
        (A,) mask of free S and halogens among PS4: they look alike before and after, so that
        their neighbours must tell.
    core, grown
        (A,) masks of the crystalline anions.
    """

    atoms: Indices
    index: Indices
    distance: Floats
    vector: Floats
    order: Floats
    link: Floats
    electrolyte: Mask
    core: Mask
    grown: Mask

    @property
    def crystalline(self) -> Mask:
        """(A,) core and grown together."""
        return self.core | self.grown


def reduction_degree(ps_census: Indices) -> float:
    """Alpha of arXiv 2402.04095 from how many P have 0, 1, 2, 3 and 4 S."""
    electrons = 8 - 2 * np.arange(FULL_SHELL + 1)
    return float(ps_census @ electrons) / (8 * int(ps_census.sum()))


def find_bonds(box: Contents, thresholds: Thresholds) -> Bonds:
    """Count the S and P around every P."""
    sulfur = box.nearest(box.phosphorus, box.chalcogens, thresholds.ps_bond, 8)
    _require_apart(sulfur.distance, thresholds.bond_overlap)
    pairs = box.count(box.phosphorus, box.phosphorus, thresholds.pp_bond).sum()
    intact, partial = np.zeros((2, len(box.numbers)), np.bool_)
    for mask, chosen in (
        (intact, sulfur.within >= FULL_SHELL),
        (partial, (sulfur.within > 0) & (sulfur.within < FULL_SHELL)),
    ):
        bonded = sulfur.which[chosen]
        mask[box.chalcogens[bonded[bonded >= 0]]] = True
    return Bonds(sulfur.within, int(pairs) // 2, intact, partial & ~intact)


def find_crystal(box: Contents, bonds: Bonds, thresholds: Thresholds) -> AnionShells:
    """Find the crystalline anions; those bonded to P are neighbours but never crystalline."""
    from seicampaign.analysis.order import bond_order, core_and_grown, link_products
    from seicampaign.analysis.tallies import marked_around

    is_anion = box.numbers != LITHIUM
    is_anion[box.phosphorus[bonds.sulfurs > 0]] = False
    atoms = np.flatnonzero(is_anion)
    within, index, distance, vector = box.nearest(
        atoms, atoms, thresholds.anion_cutoff, NEIGHBOURS, vectors=True
    )
    _require_apart(distance, thresholds.overlap)
    bonded = (bonds.in_intact | bonds.in_partial)[atoms]
    of_ps4 = marked_around(index, bonds.in_intact[atoms])
    among_ps4 = of_ps4 > thresholds.electrolyte_share * np.minimum(within, NEIGHBOURS)
    electrolyte = among_ps4 & ~bonded & (box.numbers[atoms] != PHOSPHORUS)
    free = ~bonded & ~electrolyte
    mean = distance.mean(axis=1)
    dense = (mean > thresholds.anion_distance_min) & (mean < thresholds.anion_distance_max)
    order = bond_order(vector, distance, free & dense)
    link = link_products(index, order, free & dense)
    core, grown = core_and_grown(
        index,
        distance,
        vector,
        link,
        free,
        dense,
        thresholds.core_link,
        thresholds.core_links,
        thresholds.core_neighbours,
        thresholds.core_distance,
        thresholds.grow_link,
        thresholds.corner_distance,
        thresholds.corners_to_join,
        thresholds.corners_to_stay,
    )
    return AnionShells(atoms, index, distance, vector, order, link, electrolyte, core, grown)


def _require_apart(distance: Floats, least: float) -> None:
    nearest = float(distance[:, 0].min(initial=np.inf))
    if nearest < least:
        raise AnalysisError(
            f"Two of P, S and halogens are {nearest:.2f} A apart, under {least} A: "
            "the simulation collapsed, and its alpha means nothing. The potential was "
            "led where it was not trained: look at its grades."
        )


def assign_phases(
    box: Contents, bonds: Bonds, anions: AnionShells, thresholds: Thresholds
) -> Phases:
    """The phase of every atom, (N,) int8."""
    phase = np.full(len(box.numbers), Phase.AMORPHOUS, np.int8)
    phase[box.phosphorus[bonds.sulfurs >= FULL_SHELL]] = Phase.ELECTROLYTE
    phase[bonds.in_intact] = Phase.ELECTROLYTE
    phase[anions.atoms[anions.electrolyte]] = Phase.ELECTROLYTE
    phase[anions.atoms[anions.crystalline]] = Phase.CRYSTALLINE
    _assign_lithium(box, phase, thresholds)
    return phase


def _assign_lithium(box: Contents, phase: Phases, thresholds: Thresholds) -> None:
    """Write the phase of every Li: metal by what is around it, else that of its anions.

    Of its four nearest anions most decide, and where they are equally many the nearest. Bare Li
    are metal where many hang together; a few fill a hole of the glass. Then that is metal which
    has more of those around it than anions, the ones of the electrolyte counted more than once:
    its Li keep to it where it touches the metal.
    """
    from seicampaign.analysis.tallies import elected, marked_around

    anions = np.flatnonzero(box.numbers != LITHIUM)
    touching, index, _, _ = box.nearest(box.lithium, anions, thresholds.metal_distance, 4)
    around = phase[anions]
    phase[box.lithium] = elected(index, around, VOTES, Phase.AMORPHOUS)
    reach, bare = thresholds.metal_neighbour_distance, box.lithium[touching == 0]
    metal = bare[box.in_pieces(bare, thresholds.metal_piece, reach)]
    maybe = np.flatnonzero((touching > 0) & (touching <= thresholds.metal_contact))
    of_electrolyte = marked_around(index[maybe], around == Phase.ELECTROLYTE)
    weight = touching[maybe] + (thresholds.metal_electrolyte - 1) * of_electrolyte
    joins = box.count(box.lithium[maybe], metal, reach) > weight
    phase[metal] = Phase.ANODE
    phase[box.lithium[maybe[joins]]] = Phase.ANODE
