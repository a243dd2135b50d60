"""Tests in motion: what must stay whole, must expand within reason, and must conserve energy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from seicampaign.approval.results import TestResult
from seicampaign.approval.statics import covered
from seicampaign.errors import SimulationError
from seicampaign.md import Batch, Frame, MDParameters, SegmentInput, run_segment
from seicampaign.md.inputs import DATA, lammps_elements, write_data
from seicampaign.mtp import Potential
from seicampaign.structures import InterfaceSpec, build_interface, crystal, label_cells

PS_BOND = 3.0
ELECTROLYTES = {
    "Li6PS5Cl": (2, 2, 1),
    "Li6PS5Cl-disordered": (2, 2, 1),
    "Li7PS6": (2, 2, 1),
    "beta-Li3PS4": (1, 2, 3),
}
HOT, WARM = 600.0, 400.0  # K
PICOSECONDS = 50.0
CONTACTS = (
    "Li6PS5Cl",
    "Li6PS5Cl-disordered",
    "Li5.5PS4.5Cl1.5",
    "Li7PS6",
    "beta-Li3PS4",
    "gamma-Li3PS4",
)
CONTACT_PICOSECONDS = 20.0
# At 400 K no pair comes within 0.8; potentials with holes let S and P fall to 0.74 and below.
CONTACT_CLOSEST = 0.75
NVE_PICOSECONDS = 2.0
EXPANSION = 12.0  # %
METAL_EXPANSION = (-1.0, 8.0)  # %
MELTED = 5.0  # A^2
CONTACT_VOLUME = 20.0  # %
DRIFT = 0.1  # meV/atom/ps


@dataclass
class Run:
    """Frames of a run, and why it ended early if it did."""

    frames: list[Atoms] = field(default_factory=list)
    reason: str = ""

    @property
    def broke(self) -> str:
        """Why there is nothing to look at; empty where there is."""
        return self.reason or ("" if self.frames else "no frame was written")

    @property
    def volumes(self) -> NDArray[np.float64]:
        """Of each frame, Angstrom^3, shape (frames,)."""
        return np.array([frame.get_volume() for frame in self.frames])


def simulate(
    potential: Potential,
    atoms: Atoms,
    temperature: float,
    picoseconds: float,
    *,
    pressure: float = 1.0,
    frames: int = 50,
    relax_steps: int = 100,
) -> Run:
    """NPT for a time from a fixed seed, with evenly spaced frames; a run that breaks says why."""
    parameters = MDParameters(temperature=temperature, pressure=pressure, relax_steps=relax_steps)
    steps = parameters.steps(picoseconds)
    elements = lammps_elements(atoms.get_chemical_symbols())
    every = max(1, steps // frames)
    segment = SegmentInput(parameters, elements, steps, every, min(100, steps), steps)
    run = Run()

    def keep(batch: Batch) -> None:
        run.frames += [_atoms(atoms, frame) for frame in batch.frames]

    with tempfile.TemporaryDirectory(prefix="sei-") as folder:
        write_data(atoms, Path(folder) / DATA)
        try:
            run_segment(segment, potential, Path(folder), keep)
        except SimulationError as error:
            run.reason = str(error).partition(" in /")[0]
    return run


def _atoms(like: Atoms, frame: Frame) -> Atoms:
    if len(frame.positions) != len(like):
        raise SimulationError(f"{len(like) - len(frame.positions)} of {len(like)} atoms were lost")
    return Atoms(numbers=like.numbers, positions=frame.positions, cell=frame.cell, pbc=True)


def sulfur_neighbours(atoms: Atoms) -> NDArray[np.int64]:
    """Number of S within 3.0 A of each P."""
    symbols = np.array(atoms.get_chemical_symbols())
    i, j = neighbor_list("ij", atoms, PS_BOND)
    bonds = np.bincount(i[(symbols[i] == "P") & (symbols[j] == "S")], minlength=len(atoms))
    return np.asarray(bonds[symbols == "P"], dtype=np.int64)


def electrolyte_tests(potential: Potential, share: float = 1.0) -> Iterator[TestResult]:
    """Bulk electrolytes at 600 K: every PS4 stays whole."""
    picoseconds = share * PICOSECONDS
    for name in covered(potential, tuple(ELECTROLYTES)):
        atoms = crystal(name, repeat=ELECTROLYTES[name])
        title = f"{name}, {len(atoms)} atoms, {HOT:g} K, {picoseconds:g} ps"
        run = simulate(potential, atoms, HOT, picoseconds)
        if run.broke:
            yield TestResult(title, None, 1.0, False, run.broke)
            continue
        whole = min(float((sulfur_neighbours(frame) >= 4).mean()) for frame in run.frames)
        change = 100 * (run.volumes[-10:].mean() / atoms.get_volume() - 1)
        yield TestResult(
            title,
            round(whole, 4),
            1.0,
            whole == 1.0 and abs(change) < EXPANSION,
            f"{whole:.3f} of the PS4 whole in the worst frame (all wanted), volume {change:+.1f} % "
            f"(limit {EXPANSION:g} %)",
        )


def metal_test(potential: Potential, share: float = 1.0) -> Iterator[TestResult]:
    """Lithium at 400 K expands a little and does not melt."""
    if "Li" not in potential.species:
        return
    atoms = crystal("Li", repeat=(6, 6, 6))
    picoseconds = share * PICOSECONDS
    title = f"Li, {len(atoms)} atoms, {WARM:g} K, {picoseconds:g} ps"
    run = simulate(potential, atoms, WARM, picoseconds)
    if run.broke:
        yield TestResult(title, None, METAL_EXPANSION[1], False, run.broke, "%")
        return
    change = 100 * (run.volumes[-10:].mean() / run.frames[0].get_volume() - 1)
    moved = run.frames[-1].positions - run.frames[0].positions
    square = float((moved - moved.mean(axis=0)).var(axis=0).sum())
    low, high = METAL_EXPANSION
    yield TestResult(
        title,
        round(float(change), 3),
        high,
        bool(low < change < high and square < MELTED),
        f"volume {change:+.1f} % ({low:g} to {high:g} % wanted), mean square displacement "
        f"{square:.1f} A^2 (limit {MELTED:g}: not melted)",
        "%",
    )


def contact_tests(potential: Potential, share: float = 1.0) -> Iterator[TestResult]:
    """Contacts with lithium at 400 K: no hole to fall into, and the electrolyte is reduced."""
    from seicampaign.analysis import classify_frame

    for name in covered(potential, CONTACTS):
        atoms = build_interface(InterfaceSpec(electrolyte=name))
        picoseconds = share * CONTACT_PICOSECONDS
        title = f"Li | {name}, {len(atoms)} atoms, {WARM:g} K, {picoseconds:g} ps"
        run = simulate(potential, atoms, WARM, picoseconds)
        if run.broke:
            yield TestResult(title, None, CONTACT_CLOSEST, False, run.broke)
            continue
        ends = (run.frames[0], run.frames[-1])
        first, last = (classify_frame(frame).reduction_degree for frame in ends)
        spread = float(100 * np.ptp(run.volumes) / run.volumes[0])
        closest = min(closest_pair(frame) for frame in run.frames)
        sound = closest > CONTACT_CLOSEST and last > first + 0.02 and spread < CONTACT_VOLUME
        yield TestResult(
            title,
            round(closest, 3),
            CONTACT_CLOSEST,
            bool(sound),
            f"closest pair at {closest:.2f} of the sum of radii (limit {CONTACT_CLOSEST:g}), "
            f"alpha {first:.2f} -> {last:.2f} (growth wanted), volume within {spread:.1f} % "
            f"(limit {CONTACT_VOLUME:g} %)",
        )


def closest_pair(atoms: Atoms) -> float:
    """Least distance of two atoms, in units of the sum of their covalent radii."""
    radii = covalent_radii[atoms.numbers]
    i, j, distances = neighbor_list("ijd", atoms, 2 * radii.max())
    return float((distances / (radii[i] + radii[j])).min(initial=np.inf))


def nve_test(potential: Potential, share: float = 1.0) -> Iterator[TestResult]:
    """A reacting contact without thermostat at 400 K: the total energy stays."""
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
    from ase.md.verlet import VelocityVerlet

    atoms = _nve_start(potential)
    picoseconds = share * NVE_PICOSECONDS
    atoms.calc = potential.calculator()
    MaxwellBoltzmannDistribution(atoms, temperature_K=WARM, rng=np.random.default_rng(1))
    Stationary(atoms)
    energies: list[float] = []
    dynamics = VelocityVerlet(atoms, timestep=units.fs)
    dynamics.attach(lambda: energies.append(atoms.get_total_energy() / len(atoms)), interval=10)
    dynamics.run(round(1000 * picoseconds))
    times = 0.01 * np.arange(len(energies))
    drift = float(1000 * np.polyfit(times, energies, 1)[0])
    sound = bool(np.isfinite(drift) and abs(drift) <= DRIFT)
    yield TestResult(
        f"NVE, {len(atoms)} atoms, {WARM:g} K, {picoseconds:g} ps",
        round(drift, 5) if np.isfinite(drift) else None,
        DRIFT,
        sound,
        f"total energy drifts {drift:+.4f} meV/atom/ps (limit {DRIFT:g}), timestep 1 fs",
        "meV/atom/ps",
    )


def _nve_start(potential: Potential) -> Atoms:
    """The smallest contact, or, without its elements, a crystal of those there are."""
    if {"Li", "P", "S", "Cl"} <= set(potential.species):
        found = label_cells("Li6PS5Cl")[0]
    else:
        found = crystal(covered(potential, ("Li2S", "LiCl", "Li3P", "Li"))[0], repeat=(3, 3, 3))
    return Atoms(numbers=found.numbers, positions=found.positions, cell=found.cell, pbc=True)
