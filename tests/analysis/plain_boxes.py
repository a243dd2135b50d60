"""Boxes of known truth made without dynamics: ideal crystals, shaken, and random packing.

Metal | glass with grains | electrolyte, closed on itself along z; any of them may be thin or
missing. Each atom carries the `Phase` it was built in (array ``truth``). `drawn` draws what the
kinds of `KINDS` leave open from a seed; `scripts/benchmark-analysis plain` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from truth_boxes import close_pairs

from seicampaign.analysis import Phase
from seicampaign.structures import crystal

METAL_A = 3.44
GAP = 1.5
LITHIUM_APART, MIXED_APART = 2.4, 2.2
ELECTROLYTES = ("Li6PS5Cl", "Li6PS5Cl-48h", "Li6PS5Cl-disordered", "Li7PS6")
COMPOSITIONS = ((5, 1, 1), (18, 1, 1), (4, 1, 2))
"""S : P : Cl of crystal and glass."""

Spot = tuple[float, float, float]


@dataclass(frozen=True)
class Plain:
    """What to build; lengths in Angstrom.

    Attributes
    ----------
    grains
        Radius and centre of each ball of crystal; the centre as fractions of the layer.
    layer
        Thickness of the layer of glass.
    across
        Cells of the electrolyte along x and y.
    metal, electrolyte
        Cubic cells of either along z; half a cell of metal is one layer of atoms.
    cut
        Where the electrolyte is cut, as a fraction of its cell: at 0.12 no PS4 is cut in two.
    anion, lithium
        Thermal displacements per component in the three crystals, each atom by itself.
    apart
        Anions of the glass are no nearer than this.
    density
        Of the glass, as a fraction of that of the crystal.
    """

    seed: int
    grains: tuple[tuple[float, Spot], ...] = ((13.0, (0.3, 0.3, 0.5)),)
    layer: float = 34.0
    across: int = 4
    metal: float = 8.0
    electrolyte: int = 2
    argyrodite: str = "Li6PS5Cl-48h"
    cut: float = 0.12
    lattice: float = 5.78
    composition: tuple[int, int, int] = (5, 1, 1)
    anion: float = 0.15
    lithium: float = 0.25
    apart: float = 3.3
    density: float = 0.95


def two(radius: float) -> tuple[tuple[float, Spot], ...]:
    return (radius, (0.28, 0.3, 0.5)), (radius, (0.75, 0.75, 0.5))


EIGHT = (
    (8.0, (0.2, 0.2, 0.25)),
    (8.5, (0.6, 0.2, 0.7)),
    (9.0, (0.2, 0.6, 0.7)),
    (9.5, (0.65, 0.65, 0.25)),
    (10.0, (0.3, 0.3, 0.75)),
    (10.5, (0.9, 0.6, 0.6)),
    (11.0, (0.6, 0.9, 0.7)),
    (11.5, (0.9, 0.9, 0.2)),
)
KINDS: dict[str, dict[str, Any]] = {
    "two grains of 16 A": {"grains": two(16.0), "layer": 40.0},
    "two of 13 A": {"grains": two(13.0)},
    "two of 10 A": {"grains": two(10.0), "layer": 30.0},
    "two of 8 A": {"grains": two(8.0), "layer": 26.0},
    "eight of 8-11.5 A": {"grains": EIGHT, "layer": 50.0, "across": 5},
    "grains at the faces": {"grains": ((13.0, (0.28, 0.3, 0.75)), (13.0, (0.75, 0.75, 0.25)))},
    "a crystal that fills the layer": {"grains": ((60.0, (0.5, 0.5, 0.5)),), "layer": 24.0},
    "four layers of metal": {"metal": 2.0, "grains": two(13.0)},
    "three layers of metal": {"metal": 1.5, "grains": two(13.0)},
    "two layers of metal": {"metal": 1.0, "grains": two(13.0)},
    "one cell of electrolyte": {"electrolyte": 1, "grains": two(13.0)},
    "no metal": {"metal": 0.0, "grains": two(13.0)},
    "no electrolyte": {"electrolyte": 0, "grains": two(13.0)},
    "PS4 cut in two": {"cut": 0.0, "grains": two(13.0)},
    "glass packed densely": {"apart": 3.7, "density": 1.0, "grains": two(13.0)},
    "crystals shaken by 0.25 A": {"anion": 0.25, "lithium": 0.35, "grains": two(13.0)},
    "crystals shaken by 0.30 A": {"anion": 0.30, "lithium": 0.35, "grains": two(13.0)},
}


def drawn(kind: str, seed: int) -> Plain:
    """A box of a kind; odd seeds are shaken as at 400 K, even ones as at 300 K."""
    rng = np.random.default_rng([seed, *kind.encode()])
    hot = seed % 2
    rest = {
        "anion": rng.uniform(0.12, 0.17) + 0.05 * hot,
        "lithium": rng.uniform(0.20, 0.28) + 0.06 * hot,
        "lattice": rng.uniform(5.6, 5.9),
        "composition": COMPOSITIONS[rng.integers(len(COMPOSITIONS))],
        "argyrodite": ELECTROLYTES[rng.integers(len(ELECTROLYTES))],
        "apart": rng.uniform(3.1, 3.6),
        "density": rng.uniform(0.90, 1.0),
    }
    return Plain(seed, **(rest | KINDS[kind]))


def build(spec: Plain) -> Atoms:
    """The three layers, shaken, and the glass in what room is left."""
    rng = np.random.default_rng(spec.seed)
    unit = crystal(spec.argyrodite, spec.seed)
    width = spec.across * unit.cell[0, 0]
    metal, electrolyte = _metal(width, spec.metal), _electrolyte(unit, spec)
    low = metal.cell[2, 2] + GAP if len(metal) else 0.0
    high = low + spec.layer
    top = high + GAP + electrolyte.cell[2, 2] if len(electrolyte) else high
    box = Atoms(cell=[width, width, top + GAP], pbc=True)
    box.set_array("truth", np.zeros(0, int))
    box += _placed(metal, Phase.ANODE, 0.0)
    box += _placed(electrolyte, Phase.ELECTROLYTE, high + GAP)
    for radius, spot in spec.grains:
        box += _grain(spec, radius, np.array(spot), box, (low, high), rng)
    size = np.where(box.numbers == 3, spec.lithium, spec.anion)
    box.positions += rng.normal(size=(len(box), 3)) * size[:, None]
    return box + _glass(spec, box, (low, high), rng)


def _metal(width: float, cells: float) -> Atoms:
    n = round(width / METAL_A)
    atoms = bulk("Li", "bcc", a=METAL_A, cubic=True).repeat((n, n, int(np.ceil(cells))))
    atoms = atoms[atoms.positions[:, 2] < cells * METAL_A - 0.1]
    atoms.cell[2, 2] = (cells - 0.5) * METAL_A
    atoms.set_cell([width, width, atoms.cell[2, 2]], scale_atoms=True)
    return atoms


def _electrolyte(unit: Atoms, spec: Plain) -> Atoms:
    whole = unit.copy()
    whole.positions += spec.cut * unit.cell[2]
    whole.wrap()
    return whole.repeat((spec.across, spec.across, spec.electrolyte))


def _placed(atoms: Atoms, phase: Phase, z: float) -> Atoms:
    placed = Atoms(atoms.numbers, positions=atoms.positions + np.array([0, 0, z]))
    placed.set_array("truth", np.full(len(atoms), int(phase)))
    return placed


def _antifluorite(spec: Plain, edge: float, rng: np.random.Generator) -> Atoms:
    """Li2S about the origin with P and Cl on sites of S, and as many Li as they leave."""
    atoms = bulk("SLi2", "fluorite", a=spec.lattice, cubic=True)
    atoms = atoms.repeat(int(np.ceil(edge / spec.lattice)) + 1)
    atoms.positions -= atoms.cell.lengths() / 2
    anions = rng.permutation(np.flatnonzero(atoms.symbols == "S"))
    n_p, n_cl = (round(len(anions) * n / sum(spec.composition)) for n in spec.composition[1:])
    atoms.symbols[anions[:n_p]] = "P"
    atoms.symbols[anions[n_p : n_p + n_cl]] = "Cl"
    lithium = rng.permutation(np.flatnonzero(atoms.symbols == "Li"))
    del atoms[lithium[: max(n_cl - n_p, 0)]]
    return atoms


def _grain(
    spec: Plain,
    radius: float,
    spot: np.ndarray,
    box: Atoms,
    between: tuple[float, float],
    rng: np.random.Generator,
) -> Atoms:
    """A ball turned at random, without what leaves the layer or touches what is there."""
    edges, (low, high) = box.cell.lengths(), between
    block = _antifluorite(spec, 2 * radius, rng)
    block.positions -= spec.lattice * (rng.random(3) - 0.5)
    ball = block[np.linalg.norm(block.positions, axis=1) < radius]
    ball.positions = Rotation.random(random_state=int(rng.integers(2**31))).apply(ball.positions)
    ball = ball[(np.abs(ball.positions[:, :2]) < edges[:2] / 2 - 1.7).all(axis=1)]
    ball.positions += [*(spot[:2] * edges[:2]), low + spot[2] * (high - low)]
    ball = ball[(ball.positions[:, 2] > low + 0.5) & (ball.positions[:, 2] < high - 0.5)]
    return _placed(ball[_clear(ball, box, 3.3)], Phase.CRYSTALLINE, 0.0)


def _clear(some: Atoms, others: Atoms, anions_apart: float, share: float = 1.0) -> np.ndarray:
    """Which of `some` have none of `others` nearer than a share of what is wanted."""
    clear = np.ones(len(some), bool)
    least = (anions_apart, MIXED_APART, LITHIUM_APART)
    for mine in (0, 1):
        for theirs in (0, 1):
            own, other = (some.numbers == 3) == mine, (others.numbers == 3) == theirs
            if own.any() and other.any():
                found = _nearest(others.positions[other], some.positions[own], others.cell)
                clear[own] &= found > share * least[mine + theirs]
    return clear


def _nearest(those: np.ndarray, points: np.ndarray, cell: np.ndarray) -> np.ndarray:
    edges = np.diag(np.asarray(cell))
    return cKDTree(those % edges % edges, boxsize=edges).query(points % edges % edges)[0]


def _glass(
    spec: Plain, box: Atoms, between: tuple[float, float], rng: np.random.Generator
) -> Atoms:
    """Atoms at random where there is room, pushed apart; those that find no room are left out."""
    width, (low, high) = box.cell[0, 0], between
    tries = rng.random((60000, 3)) * [width, width, high - low] + [0, 0, low]
    room = tries[_nearest(box.positions, tries, box.cell) > 1.7]
    anions = 4 / spec.lattice**3 * spec.density * width**2 * (high - low) * len(room) / len(tries)
    s, p, cl = spec.composition
    counts = np.array([s, p, cl, 2 * s + 3 * p + cl]) * anions / (s + p + cl)
    symbols = rng.permutation(np.repeat(["S", "P", "Cl", "Li"], np.round(counts).astype(int)))
    atoms = Atoms(symbols, positions=room[: len(symbols)], cell=box.cell, pbc=True)
    _push(atoms, box, spec.apart, between)
    return _placed(atoms[_clear(atoms, box, spec.apart, 0.93)], Phase.AMORPHOUS, 0.0)


def _push(atoms: Atoms, box: Atoms, anions_apart: float, between: tuple[float, float]) -> None:
    """Push atoms off one another and off the box; they stay between the two faces."""
    edges, n = box.cell.lengths(), len(atoms)
    lithium = np.concatenate([atoms.numbers, box.numbers]) == 3
    wanted = np.array([anions_apart, MIXED_APART, LITHIUM_APART])
    for _ in range(150):
        x = np.concatenate([atoms.positions, box.positions]) % edges % edges
        i, j, step, r = close_pairs(x, n, edges, anions_apart)
        r = np.maximum(r, 0.1)
        overlap = np.maximum(wanted[lithium[i].astype(int) + lithium[j]] - r, 0)
        push = step * (np.where(j < n, 0.5, 1.0) * overlap / r)[:, None]
        move = np.zeros_like(x)
        np.add.at(move, i, -push)
        np.add.at(move, j, push)
        atoms.positions = x[:n] + np.clip(move[:n], -0.4, 0.4)
        atoms.positions[:, 2] = np.clip(atoms.positions[:, 2], *between)
