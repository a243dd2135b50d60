"""`.cfg` files: bit for bit there and back, with motep too, and nonsense named by its line."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seicampaign.errors import PotentialError, TrainingError
from seicampaign.mtp.cfg import read_cfg, write_cfg

SPECIES = ("Li", "S")


def images() -> list[Atoms]:
    rng = np.random.default_rng(0)
    crystal = bulk("Li", "bcc", a=3.4, cubic=True)
    crystal.symbols[1] = "S"
    crystal.rattle(0.1)
    crystal.cell[0, 1] = 0.3
    crystal.info = {"kind": "interface", "source": "run 7 of 9", "grade": 1.25, "step": 4}
    crystal.calc = SinglePointCalculator(
        crystal,
        energy=-7.1 / 3,
        forces=rng.normal(size=(2, 3)) * 1e-9,
        stress=rng.normal(size=6) / 1000,
    )
    return [crystal, Atoms("SLi", [[0, 0, 0], [0, 0, 2.1]])]


def test_configurations_come_back(tmp_path):
    write_cfg(tmp_path / "a.cfg", images(), SPECIES)
    crystal, molecule = read_cfg(tmp_path / "a.cfg", SPECIES)
    expected = images()[0]
    assert crystal == expected
    assert crystal.info == expected.info
    assert crystal.get_potential_energy() == expected.get_potential_energy()
    np.testing.assert_array_equal(crystal.get_forces(), expected.get_forces())
    np.testing.assert_allclose(crystal.get_stress(), expected.get_stress(), rtol=1e-15)
    assert molecule == images()[1]
    assert molecule.calc is None and not molecule.pbc.any()


def test_motep_reads_ours_and_we_read_what_motep_writes(tmp_path):
    motep = pytest.importorskip("motep.io.mlip.cfg")
    write_cfg(tmp_path / "ours.cfg", images()[:1], SPECIES)
    (theirs,) = motep.read_cfg(tmp_path / "ours.cfg", index=":", species=list(SPECIES))
    (expected,) = images()[:1]
    np.testing.assert_array_equal(theirs.positions, expected.positions)
    np.testing.assert_array_equal(theirs.get_forces(), expected.get_forces())
    np.testing.assert_allclose(theirs.get_stress(), expected.get_stress(), rtol=1e-15)
    motep.write_cfg(tmp_path / "theirs.cfg", [theirs], species=list(SPECIES))
    (again,) = read_cfg(tmp_path / "theirs.cfg", SPECIES)
    np.testing.assert_allclose(again.positions, expected.positions, atol=1e-6)  # six decimals
    np.testing.assert_allclose(again.get_stress(), expected.get_stress(), atol=1e-6)


MLIP = """BEGIN_CFG
 Size
    2
 Supercell
         3.400000      0.000000      0.000000
         0.000000      3.400000      0.000000
         0.000000      0.000000      3.400000
 AtomData:  id type       cartes_x      cartes_y      cartes_z           fx          fy          fz
             1    0       0.000000      0.000000      0.000000     0.100000   -0.200000    0.300000
             2    1       1.700000      1.700000      1.700000    -0.100000    0.200000   -0.300000
 Energy
        -3.500000000000
 PlusStress:  xx          yy          zz          yz          xz          xy
     3.00000     2.00000     1.00000    -0.10000    -0.20000    -0.30000
 Feature   EFS_by       VASP
 Feature   mindist      2.944486
END_CFG

"""


def test_a_file_of_mlip2_is_read(tmp_path):
    (tmp_path / "a.cfg").write_text(MLIP * 2)
    first, second = read_cfg(tmp_path / "a.cfg", SPECIES)
    assert first == second
    assert str(first.symbols) == "LiS"
    np.testing.assert_allclose(
        first.get_stress() * 3.4**3, [-3.0, -2.0, -1.0, 0.1, 0.2, 0.3], rtol=1e-14
    )
    assert first.info == {"EFS_by": "VASP", "mindist": 2.944486}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("BEGIN_CFG", "BEGIN", "line 1: expected BEGIN_CFG, found 'BEGIN'"),
        ("    2\n", "    -2\n", "line 3: Size must be a number of atoms, not '-2'"),
        ("    2\n", "    3\n", "line 11: expected 8 numbers, found 'Energy'"),
        ("         0.000000      0.000000      3.400000\n", "", "PlusStress without a Supercell"),
        (
            "3.400000      0.000000      0.000000",
            "0 0 0",
            "line 7: Supercell must have one to three",
        ),
        ("0.000000      3.400000      0.000000", "1 2", "line 6: expected 3 numbers, found '1 2'"),
        ("id type", "id kind", "line 8: AtomData needs the columns type and"),
        ("cartes_y", "cartes_x", "line 8: AtomData names a column twice"),
        ("       fy   ", "       gy   ", "forces need fx, fy and fz, there is only fx fz"),
        ("-0.200000", "nan", "line 9: 'nan' is not a finite number"),
        (" 2    1  ", " 2    2  ", "line 10: type 2 has no element: 2 are named"),
        (" 2    1  ", " 1    1  ", "line 10: the ids of the atoms are not 1 to"),
        (" PlusStress:", " Stress:", "line 13: unknown part 'Stress'"),
        ("PlusStress:  xx", "PlusStress:  xy", "line 13: PlusStress must have the columns xx"),
        ("-3.500000000000", "1e999", "line 12: '1e999' is not a finite number"),
        (" Feature   EFS_by       VASP", " Energy\n 3.0", "line 15: Energy is given twice"),
        ("END_CFG\n\n", "", "the file ends where END_CFG should be"),
        (MLIP[MLIP.index(" AtomData") : MLIP.index(" Energy")], "", "without Size and AtomData"),
        (
            MLIP[MLIP.index(" Supercell") : MLIP.index(" AtomData")],
            "",
            "PlusStress without a Super",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, old, new, message):
    assert old in MLIP
    (tmp_path / "a.cfg").write_text(MLIP.replace(old, new, 1))
    with pytest.raises(TrainingError, match=message):
        read_cfg(tmp_path / "a.cfg", SPECIES)


def test_what_a_cfg_file_cannot_hold_is_refused(tmp_path):
    crystal, _ = images()
    with pytest.raises(PotentialError, match="Configuration 0 has S, the potential knows Li"):
        write_cfg(tmp_path / "a.cfg", [crystal], ("Li",))
    crystal.pbc = (False, True, True)
    with pytest.raises(TrainingError, match="wants its periodic directions first"):
        write_cfg(tmp_path / "a.cfg", [crystal], SPECIES)
    crystal.pbc = True
    crystal.positions[0, 0] = np.inf
    with pytest.raises(TrainingError, match="not finite"):
        write_cfg(tmp_path / "a.cfg", [crystal], SPECIES)
    with pytest.raises(TrainingError, match="No such file"):
        read_cfg(tmp_path / "none.cfg", SPECIES)
    assert not list(tmp_path.iterdir())


tokens = st.sampled_from(["", "nan", "-1", "0", "7", "1e999", "9" * 30, "\n", "Size", "\0", ":"])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 30), tokens | st.text(max_size=6)),
        min_size=1,
        max_size=4,
    ),
    moves=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=2),
)
def test_fuzzed_files_raise_only_our_error(tmp_path, edits, moves):
    text = MLIP
    for start, length, new in edits:
        start %= len(text) + 1
        text = text[:start] + new + text[start + length :]
    rows = text.split("\n")
    for source, target in moves:
        rows.insert(target, rows[source % len(rows)])
    (tmp_path / "a.cfg").write_bytes("\n".join(rows).encode("utf-8", "surrogatepass"))
    try:
        read_cfg(tmp_path / "a.cfg", SPECIES)
    except TrainingError as error:
        assert str(tmp_path / "a.cfg") in str(error)
