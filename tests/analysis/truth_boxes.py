"""Boxes whose phases are known, because every atom was put where it is on purpose.

Each atom carries the `Phase` it was built in (array ``truth``), and the PS4 unit it belongs to
(array ``unit``, -1 where it belongs to none).
"""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.md.langevin import Langevin
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from seicampaign.analysis import Phase
from seicampaign.mtp.potential import load_potential
from seicampaign.structures import InterfaceSpec, build_interface

PRODUCT = {"Li": 14, "P": 1, "S": 5, "Cl": 1}
PRODUCT_A = 5.78
THERMAL = {0: (0.0, 0.0), 300: (0.13, 0.22), 400: (0.16, 0.26), 600: (0.25, 0.34)}
"""Displacement per component (A) of anions and of Li in the crystals, by temperature (K)."""
CONTACT = {("Li", "Li"): 2.6, ("Li", "A"): 2.35, ("A", "A"): 3.75}


def argyrodite(a: float = 10.28, disorder: float = 0.0, halide: str = "Cl", seed: int = 0) -> Atoms:
    """Li6PS5X, 52 atoms: P on 4b, S on 16e, S and X on 4a and 4d, Li on half of 48h."""
    rng = np.random.default_rng(seed)
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    half, quarter, up = np.array([[0, 0, 0.5], [0.25, 0.25, 0.75], [0, 0, 0.12]])
    p = (fcc + half) % 1 + up
    corners = 0.118 * np.array([[1, 1, -1], [1, -1, 1], [-1, 1, 1], [-1, -1, -1]])
    bound = (p[:, None] + corners).reshape(-1, 3)
    on_a, on_d = fcc + up, (fcc + quarter) % 1 + up
    names = np.array([halide] * 4 + ["S"] * 4, dtype="U2")
    swapped = rng.permutation(4) < round(4 * disorder)
    names[:4][swapped], names[4:][swapped] = "S", halide
    cage = 0.24 * np.concatenate([np.eye(3), -np.eye(3)])
    lithium = (on_d[:, None] + cage).reshape(-1, 3)
    return Atoms(
        ["P"] * 4 + ["S"] * 16 + names.tolist() + ["Li"] * 24,
        scaled_positions=np.concatenate([p, bound, on_a, on_d, lithium]),
        cell=[a] * 3,
        pbc=True,
    )


def with_units(atoms: Atoms) -> Atoms:
    """Number the PS4 units."""
    phosphorus, neighbour = neighbor_list("ij", atoms, {("P", "S"): 2.5})
    bonds = atoms.numbers[phosphorus] == 15
    unit = np.full(len(atoms), -1)
    unit[phosphorus[bonds]] = phosphorus[bonds]
    unit[neighbour[bonds]] = phosphorus[bonds]
    atoms.set_array("unit", unit)
    return atoms


def repeated(atoms: Atoms, repeat: tuple[int, int, int]) -> Atoms:
    """Repeat, with new numbers for the new units."""
    block = atoms * repeat
    copy = np.repeat(np.arange(np.prod(repeat)), len(atoms))
    unit = block.arrays["unit"]
    block.arrays["unit"] = np.where(unit < 0, -1, unit + copy * (atoms.arrays["unit"].max() + 1))
    return block


def antifluorite(repeat: int, seed: int = 0, vacancies: float = 0.05) -> Atoms:
    """Li2S with P and Cl on S sites as in Li14PS5Cl, and some of the Li missing."""
    rng = np.random.default_rng(seed)
    atoms = bulk("SLi2", "fluorite", a=PRODUCT_A, cubic=True) * (repeat, repeat, repeat)
    anions = rng.permutation(np.flatnonzero(atoms.symbols == "S"))
    seventh = round(len(anions) / 7)
    atoms.symbols[anions[:seventh]] = "P"
    atoms.symbols[anions[seventh : 2 * seventh]] = "Cl"
    return atoms[(~(atoms.symbols == "Li")) | (rng.random(len(atoms)) > vacancies)]


def shaken(atoms: Atoms, temperature: int, seed: int = 0) -> Atoms:
    """Thermal displacements; a PS4 moves as one, and little within itself."""
    rng = np.random.default_rng(seed)
    anion, lithium = THERMAL[temperature]
    moves = rng.normal(size=(len(atoms), 3))
    moves *= np.where(atoms.symbols == "Li", lithium, anion)[:, None]
    unit = atoms.arrays.get("unit", np.full(len(atoms), -1))
    together = rng.normal(size=(unit.max() + 2, 3)) * anion
    bound = unit >= 0
    moves[bound] = together[unit[bound]] + moves[bound] * 0.3
    moved = atoms.copy()
    moved.positions += moves
    return moved


def labelled(atoms: Atoms, phase: Phase) -> Atoms:
    """Say which phase the atoms are built in."""
    atoms.set_array("truth", np.full(len(atoms), phase))
    if "unit" not in atoms.arrays:
        atoms.set_array("unit", np.full(len(atoms), -1))
    return atoms


def grain(radius: float, centre: np.ndarray, seed: int) -> Atoms:
    """A ball of antifluorite in a random orientation."""
    repeat = int(np.ceil(2 * radius / PRODUCT_A)) + 1
    block = antifluorite(repeat, seed)
    block.positions -= repeat * PRODUCT_A / 2
    block = block[np.linalg.norm(block.positions, axis=1) < radius]
    block.positions = Rotation.random(random_state=seed).apply(block.positions) + centre
    return labelled(block, Phase.CRYSTALLINE)


def glass(cell: np.ndarray, low: float, high: float, around: Atoms, seed: int) -> Atoms:
    """Close-packed random Li14PS5Cl in low < z < high, out of the way of what is `around`."""
    rng = np.random.default_rng(seed)
    volume = cell[0] * cell[1] * (high - low)
    inside = around[around.arrays["truth"] == Phase.CRYSTALLINE]
    density = 12 / PRODUCT_A**3
    units = round((volume * density - len(inside)) * 0.97 / 21)
    symbols = np.repeat(list(PRODUCT), [n * units for n in PRODUCT.values()])
    tries = rng.random((20 * len(symbols), 3)) * [cell[0], cell[1], high - low] + [0, 0, low]
    tree = cKDTree(around.positions % cell, boxsize=cell)
    positions = tries[tree.query(tries)[0] > 3.0][: len(symbols)]
    atoms = Atoms(symbols, positions=positions, cell=cell, pbc=True)
    _pack(atoms, around, rng)
    return labelled(atoms, Phase.AMORPHOUS)


def close_pairs(
    x: np.ndarray, moving: int, edges: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs within `cutoff`, one of the first `moving` in each: i, j, from i to j, distance."""
    i, j = cKDTree(x, boxsize=edges).query_pairs(cutoff, output_type="ndarray").T
    i, j = i[i < moving], j[i < moving]  # i < j
    step = x[j] - x[i]
    step -= edges * np.round(step / edges)
    return i, j, step, np.linalg.norm(step, axis=1)


def _pack(moving: Atoms, fixed: Atoms, rng: np.random.Generator, steps: int = 200) -> None:
    """Push atoms apart until no contact is shorter than CONTACT allows, or nearly none."""
    cell = moving.cell.lengths()
    is_li = np.concatenate([moving.symbols == "Li", fixed.symbols == "Li"])
    n = len(moving)
    for step in range(steps):
        x = np.concatenate([moving.positions, fixed.positions]) % cell
        x[x >= cell] = 0.0
        i, j, d, r = close_pairs(x, n, cell, CONTACT["A", "A"])
        lithiums = is_li[i].astype(int) + is_li[j]
        wanted = np.array([CONTACT["A", "A"], CONTACT["Li", "A"], CONTACT["Li", "Li"]])[lithiums]
        wanted[(i >= n) | (j >= n)] *= 0.97
        overlap = np.maximum(wanted - r, 0)
        push = d * (0.5 * overlap / np.maximum(r, 0.1))[:, None]
        move = np.zeros((len(x), 3))
        np.add.at(move, i, -push)
        np.add.at(move, j, push)
        moving.positions += np.clip(move[:n], -0.5, 0.5)
        if step < steps // 2:
            moving.positions += rng.normal(size=(n, 3)) * 0.1 * (1 - 2 * step / steps)
    moving.wrap()


TWO_GRAINS = ((0.25, 0.25), (0.75, 0.75))


def contact(
    temperature: int = 300,
    seed: int = 0,
    lateral: int = 4,
    radius: float = 11.0,
    grains: tuple[tuple[float, float], ...] = TWO_GRAINS,
) -> Atoms:
    """Metal, glass with grains in it, electrolyte: a box along z, closed on itself."""
    electrolyte = repeated(with_units(argyrodite(10.2, 0.5, seed=seed)), (lateral, lateral, 3))
    width = electrolyte.cell.lengths()[0]
    n_metal = round(width / 3.45)
    metal = bulk("Li", "bcc", a=width / n_metal, cubic=True) * (n_metal, n_metal, 8)
    return stacked(metal, electrolyte, 1.0, temperature, seed, radius, grains)


def slab_contact(temperature: int = 300, seed: int = 0, radius: float = 11.0) -> Atoms:
    """The same with the slabs of the paper's Model I, their surfaces as the builder leaves them."""
    whole = build_interface(InterfaceSpec(electrolyte="Li6PS5Cl", anode="Li", supercell=(3, 3)))
    parts = []
    for region in (0, 1):
        atoms = whole[whole.arrays["region"] == region]
        part = Atoms(atoms.numbers, positions=atoms.positions, cell=whole.cell, pbc=True)
        part.positions[:, 2] -= part.positions[:, 2].min()
        part.cell[2, 2] = part.positions[:, 2].max()
        parts.append(part)
    metal, electrolyte = parts
    gap = (whole.cell[2, 2] - metal.cell[2, 2] - electrolyte.cell[2, 2]) / 2
    return stacked(metal, with_units(electrolyte), gap, temperature, seed, radius, TWO_GRAINS)


def stacked(
    metal: Atoms,
    electrolyte: Atoms,
    gap: float,
    temperature: int,
    seed: int,
    radius: float,
    grains: tuple[tuple[float, float], ...],
) -> Atoms:
    """Two slabs that touch at a gap (A) on one side, and have glass with grains on the other."""
    rng = np.random.default_rng(seed)
    lower = labelled(shaken(metal, temperature, seed), Phase.ANODE)
    upper = labelled(shaken(electrolyte, temperature, seed + 1), Phase.ELECTROLYTE)
    thick = 2 * radius + 8
    low = metal.cell.lengths()[2] + 1.0
    upper.positions[:, 2] += low + thick + 1.0
    box = lower + upper
    across = metal.cell.lengths()[:2]
    box.set_cell([*across, low + thick + 1.0 + electrolyte.cell.lengths()[2] + gap])
    for n, place in enumerate(grains):
        centre = np.append(across * (np.array(place) + 0.05 * rng.random(2)), low + thick / 2)
        box += shaken(grain(radius, centre, seed * 10 + n), temperature, seed + 2 + n)
    box.pbc = True
    box += glass(box.cell.lengths(), low, low + thick, box, seed)
    return box


def relaxed_grain(radius: float = 13.0, seed: int = 0, side: float = 42.0) -> dict[int, Atoms]:
    """A grain in glass after 1 ps at 300 K and 1 ps more at 400 K with the shipped potential.

    The glass is packed, relaxed at 350 K without the grain, and cut to make room for it: unlike
    in `contact`, both sides of the surface have given way to each other.
    """
    calculator = load_potential("LiPSCl-level8").calculator()
    nothing = labelled(Atoms("Li", positions=[[0, 0, 0]], cell=[side] * 3, pbc=True), Phase.ANODE)
    box = glass(nothing.cell.lengths(), 0.0, side, nothing, seed)
    box.calc = calculator
    FIRE(box, logfile=None, maxstep=0.1).run(fmax=2.0, steps=60)
    _warm(box, 350, 300, seed)
    ball = grain(radius, np.full(3, side / 2), seed)
    hole = np.linalg.norm(box.positions % side - side / 2, axis=1)
    near = cKDTree(ball.positions).query(box.positions % side)[0]
    both_anions = (box.numbers != 3) & (near < 3.2)
    box = box[(hole > radius + 1.0) & (near > 1.9) & ~both_anions] + ball
    box.calc = calculator
    FIRE(box, logfile=None, maxstep=0.1).run(fmax=1.0, steps=80)
    snapshots = {}
    for temperature in (300, 400):
        _warm(box, temperature, 500, seed)
        snapshots[temperature] = Atoms(
            box.numbers, positions=box.positions, cell=box.cell, pbc=True
        )
        snapshots[temperature].set_array("truth", box.arrays["truth"])
    return snapshots


def _warm(atoms: Atoms, temperature: float, steps: int, seed: int) -> None:
    """Langevin dynamics with steps of 2 fs."""
    Langevin(
        atoms,
        2 * units.fs,
        temperature_K=temperature,
        friction=0.02 / units.fs,
        fixcm=False,
        rng=np.random.default_rng(seed),
    ).run(steps)
