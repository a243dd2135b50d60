"""Tests at rest: lattices, elastic response, reaction energy, repulsion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from seicampaign.approval.crystals import CrystalResponse, is_cubic, relaxed, response
from seicampaign.approval.references import REACTION, references
from seicampaign.approval.results import TestResult
from seicampaign.errors import StructureError
from seicampaign.mtp import Potential
from seicampaign.structures import crystal

CRYSTALS = ("Li", "Li2S", "Li3P", "LiCl", "Li6PS5Cl", "gamma-Li3PS4", "beta-Li3PS4")
COMPRESSED = ("Li", "Li2S", "Li3P", "LiCl", "Li6PS5Cl-48h", "Li7PS6", "beta-Li3PS4")
ELASTIC = ("Li", "Li2S", "LiCl")

LATTICE = 1.0  # %
BULK = (20.0, 3.0)  # % of the reference or GPa, whichever is more
CONSTANT = (30.0, 6.0)
ENERGY_OF_REACTION = 5.0  # %
SHORTEST, SCALES = 0.8, 11
SOFT_FORCE = 0.02  # eV/A: crystals with mobile lithium have flat directions


def covered(potential: Potential, names: tuple[str, ...]) -> list[str]:
    """Those crystals of the library whose elements the potential knows."""
    return [n for n in names if set(crystal(n).symbols) <= set(potential.species)]


def crystal_tests(potential: Potential) -> Iterator[TestResult]:
    """Lattice constants and elastic response of each crystal, against the reference method."""
    for name in covered(potential, CRYSTALS):
        try:
            cubic = name in ELASTIC and is_cubic(crystal(name))
            found = response(crystal(name), lambda _: potential.calculator(), cubic=cubic)
        except StructureError as error:
            yield TestResult(f"crystal {name}", None, None, False, str(error))
            continue
        reference = references().get(name)
        if reference is None:
            yield _sane(name, found)
            continue
        yield _lattice(name, found, reference)
        yield _modulus(f"bulk modulus of {name}", found.bulk_modulus, reference.bulk_modulus, BULK)
        if cubic:
            yield from _constants(name, found, reference)


def _lattice(name: str, found: CrystalResponse, reference: CrystalResponse) -> TestResult:
    """The edge that is furthest off decides."""
    off = 100 * (np.array(found.lattice) / np.array(reference.lattice) - 1)
    worst = int(np.abs(off).argmax())
    value, wanted = found.lattice[worst], reference.lattice[worst]
    return TestResult(
        f"lattice of {name}",
        round(float(off[worst]), 3),
        LATTICE,
        bool(abs(off[worst]) <= LATTICE),
        f"{'abc'[worst]} {value:.3f} A, reference {wanted:.3f} A ({off[worst]:+.2f} %, "
        f"limit {LATTICE:g} %)",
        "%",
    )


def _modulus(name: str, value: float, reference: float, limits: tuple[float, float]) -> TestResult:
    share, least = limits
    limit = max(share / 100 * abs(reference), least)
    return TestResult(
        name,
        round(value, 3),
        round(limit, 3),
        bool(abs(value - reference) <= limit),
        f"{value:.1f} GPa, reference {reference:.1f} GPa, limit {limit:.1f} GPa off",
        "GPa",
    )


def _constants(
    name: str, found: CrystalResponse, reference: CrystalResponse
) -> Iterator[TestResult]:
    for constant in ("c11", "c12", "c44"):
        value, wanted = getattr(found, constant), getattr(reference, constant)
        yield _modulus(f"{constant.upper()} of {name}", value, wanted, CONSTANT)
    margin = min(float(found.c11 or 0) - float(found.c12 or 0), float(found.c44 or 0))
    yield TestResult(
        f"stability of {name}",
        round(margin, 3),
        0.0,
        margin > 0,
        f"the lesser of C11 - C12 and C44 is {margin:.1f} GPa, more than 0 wanted",
        "GPa",
    )


def _sane(name: str, found: CrystalResponse) -> TestResult:
    """Without a reference: a positive bulk modulus, and a volume near the published one."""
    published = crystal(name)
    change = 100 * (found.volume * len(published) / published.get_volume() - 1)
    return TestResult(
        f"bulk modulus of {name}",
        round(found.bulk_modulus, 3),
        0.0,
        found.bulk_modulus > 0 and abs(change) < 10,
        f"{found.bulk_modulus:.1f} GPa, volume {change:+.1f} % of the published one; no reference: "
        "more than 0 GPa and less than 10 % wanted",
        "GPa",
    )


def reaction_tests(potential: Potential) -> Iterator[TestResult]:
    """Li6PS5Cl + 8 Li -> 5 Li2S + Li3P + LiCl, per formula unit of the relaxed crystals."""
    if not {"Li", "P", "S", "Cl"} <= set(potential.species):
        return
    try:
        units = {"Li": "Li", "Li2S": "Li2S", "Li3P": "Li3P", "LiCl": "LiCl"}
        parts = {name: _per_unit(potential, name, unit) for name, unit in units.items()}
        products = 5 * parts["Li2S"] + parts["Li3P"] + parts["LiCl"] - 8 * parts["Li"]
        for name, reference in REACTION.items():
            energy = products - _per_unit(potential, name, "Li6PS5Cl")
            off = 100 * (energy / reference - 1)
            yield TestResult(
                f"reaction energy of {name}",
                round(off, 3),
                ENERGY_OF_REACTION,
                abs(off) <= ENERGY_OF_REACTION,
                f"{energy:.2f} eV, reference {reference:.2f} eV ({off:+.1f} %, "
                f"limit {ENERGY_OF_REACTION:g} %)",
                "%",
            )
    except StructureError as error:
        yield TestResult("reaction energy", None, None, False, str(error))


def _per_unit(potential: Potential, name: str, unit: str) -> float:
    rest = _at_rest(potential, name)
    element, in_unit = next(iter(Atoms(unit).symbols.formula.count().items()))
    return float(rest.get_potential_energy()) * in_unit / list(rest.symbols).count(element)


def _at_rest(potential: Potential, name: str) -> Atoms:
    return relaxed(
        crystal(name), lambda _: potential.calculator(), cell=True, force=SOFT_FORCE, steps=1000
    )


def repulsion_tests(potential: Potential) -> Iterator[TestResult]:
    """Crystals squeezed evenly, step by step: the energy must rise all the way."""
    for name in covered(potential, COMPRESSED):
        title = f"{name} squeezed to {SHORTEST:g} of its lengths"
        try:
            rest = _at_rest(potential, name)
        except StructureError as error:
            yield TestResult(title, None, 0.0, False, str(error), "eV/atom")
            continue
        energies = []
        for scale in np.linspace(1.0, SHORTEST, SCALES):
            atoms = rest.copy()
            atoms.set_cell(rest.cell * scale, scale_atoms=True)
            atoms.calc = potential.calculator()
            energies.append(atoms.get_potential_energy() / len(atoms))
        least = float(np.diff(energies).min())
        yield TestResult(
            title,
            round(least, 5),
            0.0,
            least > 0,
            f"{energies[-1] - energies[0]:+.2f} eV/atom in all, smallest step {least:+.4f}; "
            "every step must go up",
            "eV/atom",
        )
