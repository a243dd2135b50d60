import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from truth_boxes import antifluorite, argyrodite, repeated, shaken, with_units

from seicampaign.analysis import CURVES, Phase, Thresholds, classify, classify_frame, frame_curves
from seicampaign.errors import AnalysisError

LITHIUM = 3
PRIMITIVE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def share(mask, of):
    return (mask & of).sum() / of.sum()


def test_a_contact_of_known_phases_is_recognised(box):
    found = classify_frame(box)
    truth, anion = box.arrays["truth"], box.numbers != LITHIUM
    crystal = (truth == Phase.CRYSTALLINE) & anion
    called = (found.phase == Phase.CRYSTALLINE) & anion
    electrolyte = truth == Phase.ELECTROLYTE
    assert share(called, crystal) >= 0.90
    assert share(crystal, called) >= 0.90
    assert not (called & electrolyte).any()
    assert share(found.phase == Phase.ELECTROLYTE, electrolyte & anion) >= 0.99
    metal = truth == Phase.ANODE
    assert share(found.phase == Phase.ANODE, metal) >= 0.96
    assert share(metal, found.phase == Phase.ANODE) >= 0.96


def test_reduced_is_crystalline_and_amorphous(box):
    found = classify_frame(box)
    truth_p = box.arrays["truth"][box.symbols == "P"]
    assert found.reduction_degree == pytest.approx((truth_p != Phase.ELECTROLYTE).mean(), abs=0.01)
    assert found.crystalline_fraction + found.amorphous_fraction == pytest.approx(
        found.reduction_degree, abs=1e-12
    )
    assert 0 < found.crystalline_core_fraction <= found.crystalline_fraction
    assert found.residual_electrolyte == pytest.approx(1 - found.reduction_degree, abs=0.01)


def test_the_thickness_is_that_of_the_layer_that_was_put_there(box):
    found = classify_frame(box)
    reacted = np.isin(box.arrays["truth"], [Phase.CRYSTALLINE, Phase.AMORPHOUS])
    z = box.positions[reacted, 2]
    assert found.thickness.lower == pytest.approx(np.ptp(z), abs=5.0)
    assert found.thickness.upper < 1.5
    assert found.sei_thickness == pytest.approx(sum(found.thickness) / 2)


@pytest.mark.parametrize("turn", ["wrapped", "shifted", "unwrapped", "rotated", "lower box"])
def test_the_way_a_box_is_written_down_does_not_matter(box, turn):
    expected = classify_frame(box)
    other = box.copy()
    if turn == "wrapped":
        other.wrap()
    elif turn == "shifted":
        other.positions += [3.3, -50.0, 17.0]
    elif turn == "unwrapped":
        other.positions += np.random.default_rng(0).integers(-2, 3, (len(box), 3)) @ box.cell.array
    elif turn == "rotated":
        other.rotate(37, (1, 2, 3), rotate_cell=True)
    else:
        other.set_cell(other.cell.array @ [[1, 0, 0], [0, 1, 0], [0, 0, 1]] + 0.0)
        other.cell[1] += other.cell[0]
    found = classify_frame(other)
    assert (found.phase == expected.phase).mean() > 0.999
    assert found.reduction_degree == expected.reduction_degree
    assert found.crystalline_fraction == pytest.approx(expected.crystalline_fraction, abs=1e-3)


@pytest.mark.parametrize("temperature", [300, 400])
@pytest.mark.parametrize("disorder", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("halide", ["Cl", "Br", "I"])
def test_an_argyrodite_is_electrolyte_through_and_through(halide, disorder, temperature):
    cell = with_units(argyrodite(10.2, disorder, halide))
    found = classify_frame(shaken(repeated(cell, (2, 2, 2)), temperature))
    assert (found.phase == Phase.ELECTROLYTE).mean() > 0.995
    assert found.reduction_degree == 0
    assert found.crystalline_fraction == 0
    assert found.ps_census.tolist() == [0, 0, 0, 0, 32]


@pytest.mark.parametrize("temperature", [0, 300, 400])
def test_the_product_is_crystal_through_and_through(temperature):
    found = classify_frame(shaken(antifluorite(4), temperature))
    assert (found.phase == Phase.CRYSTALLINE).all()
    assert found.reduction_degree == 1
    assert found.crystalline_fraction == pytest.approx(1, abs=0.01)
    assert found.amorphous_fraction == pytest.approx(0, abs=0.01)
    assert found.sei_thickness == pytest.approx(found.thickness.lower)


def test_a_box_smaller_than_the_cutoffs_counts_images():
    small = with_units(argyrodite())
    assert classify_frame(small).ps_census.tolist() == [0, 0, 0, 0, 4]
    unit = antifluorite(2, vacancies=0)
    primitive = unit[unit.positions.max(axis=1) < 5.7]
    primitive.cell = unit.cell / 2
    primitive.symbols[np.flatnonzero(primitive.numbers == 16)[0]] = "P"
    assert (classify_frame(primitive).phase == Phase.CRYSTALLINE).all()


@pytest.mark.parametrize("repeat", [(2, 1, 1), (3, 2, 2)])
def test_a_tiny_triclinic_box_has_the_curves_of_its_supercell(repeat):
    """One formula unit: 13 atoms in a cell 7 A wide, smaller than two cutoffs every way."""
    atoms = argyrodite(10.2)
    tiny = atoms[(atoms.get_scaled_positions() @ np.linalg.inv(PRIMITIVE) % 1 < 2).all(axis=1)]
    keep = np.unique(
        (np.round(tiny.get_scaled_positions() @ np.linalg.inv(PRIMITIVE), 6) % 1).round(5),
        axis=0,
        return_index=True,
    )[1]
    tiny = tiny[keep]
    tiny.set_cell(PRIMITIVE @ atoms.cell.array)
    assert len(tiny) == 13
    small, large = (frame_curves(classify_frame(box)) for box in (tiny, tiny * repeat))
    shares = ("reduction_degree", "residual_electrolyte", "crystalline_fraction", "ps4")
    assert [small[name] for name in shares] == [large[name] for name in shares] == [0, 1, 0, 1]
    assert classify_frame(tiny).phase.tolist() * np.prod(repeat) == (
        classify_frame(tiny * repeat).phase.tolist()
    )


def test_a_box_without_lithium_has_no_metal():
    atoms = argyrodite()
    found = classify_frame(atoms[atoms.numbers != LITHIUM])
    assert found.residual_metal == 0
    assert found.reduction_degree == 0
    assert all(np.isfinite(list(found.curve_values().values())))


def test_metal_beside_nothing_is_metal():
    cell = repeated(with_units(argyrodite(10.35)), (1, 1, 2))
    metal = bulk("Li", "bcc", a=3.45, cubic=True) * (3, 3, 8)
    metal.positions[:, 2] += cell.cell[2, 2] + 2.0
    both = cell + metal
    both.cell[2, 2] = cell.cell[2, 2] + 8 * 3.45 + 2.0
    found = classify_frame(both)
    assert (found.phase[len(cell) :] == Phase.ANODE).mean() > 0.95
    lithium = (both.symbols == "Li").sum()
    assert found.residual_metal == pytest.approx(len(metal) / lithium, abs=0.02)


def test_lithium_in_the_holes_of_a_glass_is_no_metal():
    """Two Li far from every anion, and 27 of the metal: a hole and a remnant."""
    cell = repeated(with_units(argyrodite(10.2)), (2, 2, 1))
    cell.cell[2, 2] += 30.0
    height = cell.positions[:, 2].max()
    pair = Atoms("Li2", positions=[[10, 10, height + 8], [13, 10, height + 8]])
    assert (classify_frame(cell + pair).phase[-2:] == Phase.AMORPHOUS).all()
    remnant = bulk("Li", "bcc", a=3.45, cubic=True) * (3, 3, 3)
    remnant.positions += [4, 4, height + 8]
    assert (classify_frame(cell + remnant).phase[-len(remnant) :] == Phase.ANODE).all()


@pytest.mark.parametrize(
    ("unit", "free", "phase"), [(2.3, 2.6, Phase.ELECTROLYTE), (2.6, 2.3, Phase.AMORPHOUS)]
)
def test_lithium_between_two_phases_goes_with_the_nearest_anion(unit, free, phase):
    """Two S of a PS4 and two reduced P around one Li, so far away."""
    corners = 1.18 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    lithium = np.array([1.18 + np.sqrt(unit**2 - 2 * 1.18**2), 0, 0])
    across = np.sqrt(3 / 8) * np.array([0, 1, -1])
    reduced = [lithium + free * (sign * across + [0.5, 0, 0]) for sign in (1, -1)]
    positions = [np.zeros(3), *corners, *reduced, lithium]
    found = classify_frame(Atoms("PS4P2Li", positions=positions, cell=[20] * 3, pbc=True))
    assert found.ps_census.tolist() == [2, 0, 0, 0, 1]
    assert found.phase[-1] == phase


def test_partly_reduced_units_are_counted_as_in_the_paper():
    """One P with n S, far from all else: alpha = (8 - 2 n) / 8."""
    for n in range(5):
        atoms = Atoms("P" + "S" * n, positions=np.zeros((n + 1, 3)), cell=[20] * 3, pbc=True)
        corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
        atoms.positions[1:] += 1.2 * corners[:n]
        found = classify_frame(atoms)
        assert found.reduction_degree == (8 - 2 * n) / 8
        assert found.ps_census[n] == 1
        assert found.phase[0] == (Phase.ELECTROLYTE if n == 4 else Phase.AMORPHOUS)


def test_phosphorus_pairs_are_reported():
    pair = Atoms("P2", positions=[[0, 0, 0], [2.2, 0, 0]], cell=[15] * 3, pbc=True)
    assert classify_frame(pair).pp_bonds == 1


def test_every_curve_has_a_value_and_a_meaning(box):
    found = classify_frame(box)
    values = frame_curves(found)
    assert list(values) == list(CURVES)
    assert found.curve_values().items() <= values.items()
    assert all(type(v) is float and np.isfinite(v) for v in values.values())
    assert all(quantity.description for quantity in CURVES.values())


def test_arrays_do_as_well_as_atoms(box):
    by_arrays = classify(box.positions, box.cell.array, box.numbers)
    assert (by_arrays.phase == classify_frame(box).phase).all()


def test_thresholds_have_a_name_of_their_own():
    assert Thresholds().key() == Thresholds().key()
    assert Thresholds(ps_bond=2.8).key() != Thresholds().key()


def test_the_key_of_the_defaults_changes_only_on_purpose():
    """Curves are stored under it: a new default or ANALYSIS_VERSION makes new curves."""
    assert Thresholds().key() == "33aefebc6d1f"


def test_bonds_that_were_shaken_short_are_no_collapse():
    """Displacements of 0.25 A per component, each atom by itself, as made-up boxes have them."""
    atoms = argyrodite() * (4, 4, 4)
    atoms.positions += np.random.default_rng(0).normal(scale=0.25, size=(len(atoms), 3))
    assert neighbor_list("d", atoms, {("P", "S"): 1.2}).size > 0
    found = classify_frame(atoms)
    assert found.crystalline_fraction == 0
    assert found.reduction_degree < 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.symbols.__setitem__(0, "Ge"), "does not know Ge"),
        (lambda a: a.set_atomic_numbers(np.where(a.numbers == 15, 16, a.numbers)), "no P"),
        (lambda a: a.positions.__setitem__((3, 1), np.nan), "atom 3"),
        (lambda a: a.set_cell([10, 10, 0]), "no volume"),
        (lambda a: a.set_pbc([True, True, False]), "periodic"),
        (lambda a: a.positions.__setitem__(4, a.positions[0] + [0.4, 0, 0]), "0.40 A apart"),
        (lambda a: a.positions.__setitem__(20, a.positions[24] + [0, 0.9, 0]), "collapsed"),
        (lambda a: a.positions.__setitem__(4, a.positions[0]), "0.00 A apart"),
        (lambda a: a.positions.__setitem__(slice(None), 0.0), "0.00 A apart"),
        (lambda a: a.set_cell([np.inf, 10, 10]), "not finite"),
        (lambda a: a.__delitem__(slice(None)), "no P"),
    ],
)
def test_what_cannot_be_analysed_says_why(change, message):
    atoms = argyrodite()
    change(atoms)
    with pytest.raises(AnalysisError, match=message):
        classify_frame(atoms)


def test_arrays_that_do_not_fit_say_so():
    with pytest.raises(AnalysisError, match="do not fit together"):
        classify(np.zeros((3, 3)), np.eye(3), [3, 15])
