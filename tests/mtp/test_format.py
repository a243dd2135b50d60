"""`.mtp` files: what we write comes back bit for bit, and nonsense is named by its line."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seicampaign.errors import PotentialError
from seicampaign.mtp.format import read_mtp, write_mtp
from seicampaign.mtp.model import MTP


def tiny(trained: bool = True, scale: float = 1.0) -> MTP:
    rng = np.random.default_rng(1)
    return MTP(
        scaling=0.1 * scale,
        species_count=2,
        potential_name="tiny = small",
        min_dist=1.9,
        max_dist=5.0,
        radial_basis_size=3,
        radial_funcs_count=2,
        alpha_moments_count=7,
        alpha_index_basic=np.array(
            [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
        ),
        alpha_index_times=np.array([[0, 0, 1, 5], [1, 1, 1, 6], [2, 2, 1, 6], [3, 3, 1, 6]]),
        alpha_scalar_moments=4,
        alpha_moment_mapping=np.array([0, 4, 5, 6]),
        radial_coeffs=rng.normal(size=(2, 2, 2, 3)) * scale if trained else np.zeros(0),
        species_coeffs=rng.normal(size=2) / 3 if trained else np.zeros(0),
        moment_coeffs=rng.normal(size=4) * 1e-7 if trained else np.zeros(0),
    )


@pytest.mark.parametrize("trained", [True, False])
def test_what_is_written_comes_back_bit_for_bit(tmp_path, trained):
    mtp = tiny(trained)
    write_mtp(tmp_path / "a.mtp", mtp)
    again = read_mtp(tmp_path / "a.mtp")
    assert again == mtp
    assert again.trained is trained
    assert again.potential_name == "tiny = small"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mtp"]


@pytest.mark.parametrize("legacy", [True, False])
def test_motep_reads_ours_and_we_read_what_motep_writes(tmp_path, legacy):
    motep = pytest.importorskip("motep.io.mlip.mtp")
    mtp = replace(tiny(), potential_name="MTP1m")  # motep cannot read a name with "=" in it
    write_mtp(tmp_path / "ours.mtp", mtp)
    theirs = motep.read_mtp(tmp_path / "ours.mtp")
    assert theirs.scaling == mtp.scaling
    assert theirs.radial_basis.max == mtp.max_dist
    for name in ("radial_coeffs", "species_coeffs", "moment_coeffs", "alpha_index_times"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(mtp, name))
    motep.write_mtp(tmp_path / "theirs.mtp", theirs, legacy=legacy)
    again = read_mtp(tmp_path / "theirs.mtp")
    np.testing.assert_allclose(again.radial_coeffs, mtp.radial_coeffs, rtol=1e-15)  # 16 digits
    np.testing.assert_array_equal(again.alpha_index_times, mtp.alpha_index_times)


def test_the_layout_is_that_of_mlip2(tmp_path):
    write_mtp(tmp_path / "a.mtp", tiny())
    lines = (tmp_path / "a.mtp").read_text().splitlines()
    assert lines[:2] == ["MTP", "version = 1.1.0"]
    assert lines[6] == "radial_basis_type = RBChebyshev"
    assert lines[7].startswith("\tmin_dist = 1.8999999999999999e+00")
    assert lines[10:13] == ["\tradial_funcs_count = 2", "\tradial_coeffs", "\t\t0-0"]
    assert lines[13].startswith("\t\t\t{") and lines[13].count(",") == 2
    assert "alpha_index_basic = {{0, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}" in lines[26]


def cut(lines, number):
    return lines[: number - 1]


def swap(lines, a, b):
    lines[a - 1], lines[b - 1] = lines[b - 1], lines[a - 1]
    return lines


def edit(lines, number, old, new):
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    return lines


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: cut(x, 1), "line 1: expected the word MTP"),
        (lambda x: cut(x, 16), "line 16: expected radial_coeffs of 0-1, found ''"),
        (lambda x: cut(x, 29), "line 29: the file ends where alpha_index_times should be"),
        (lambda x: cut(x, 33), "line 33: the file ends without moment_coeffs: it is truncated"),
        (lambda x: [*x[:32], x[32][:-30]], "line 33: moment_coeffs must be a list in braces"),
        (lambda x: swap(x, 8, 9), "line 8: expected min_dist, found 'max_dist"),
        (lambda x: swap(x, 32, 33), "line 33: unexpected content 'species_coeffs"),
        (lambda x: [*x, x[-1]], "line 34: moment_coeffs is given twice"),
        (lambda x: [*x[:5], *x[4:]], "line 6: species_count is given twice"),
        (lambda x: edit(x, 4, "1.0000000000000001e-01", "nan"), "line 4: scaling must be a finite"),
        (lambda x: edit(x, 32, "e-01", "e+999"), "line 32: species_coeffs must be a finite number"),
        (lambda x: edit(x, 5, "2", "3"), "line 19: expected radial_coeffs of 0-2"),
        (lambda x: edit(x, 11, "2", "3"), "line 16: 2 radial functions for 0-0, expected 3"),
        (lambda x: edit(x, 10, "3", "4"), "line 14: 3 coefficients where radial_basis_size is 4"),
        (lambda x: edit(x, 26, "5", "6"), "line 27: alpha_index_basic has 5 rows, its count says"),
        (lambda x: edit(x, 29, "{0, 0", "{0, 9"), "line 29: alpha_index_times factor 9 is out of"),
        (lambda x: edit(x, 29, "}, {", "} {"), "line 29: alpha_index_times must have one comma"),
        (lambda x: edit(x, 29, "3, 1, 6", "3, 1"), "line 29: alpha_index_times must have four"),
        (lambda x: edit(x, 31, "6", "7"), "line 31: alpha_moment_mapping 7 is out of range"),
        (lambda x: edit(x, 27, "{1, 0", "{2, 0"), "line 27: alpha_index_basic mu 2 is out of"),
        (lambda x: edit(x, 7, "RBChebyshev", "RBShapeev"), "line 7: radial_basis_type 'RBShap"),
        (lambda x: edit(x, 31, "6", "6\u2028"), "line 31: alpha_moment_mapping must be"),
        (lambda x: edit(x, 31, "6", "\u0666"), "line 31: alpha_moment_mapping must be"),
        (lambda x: [*x, "#MVS_v1.1"], "line 34: unexpected content '#MVS_v1.1'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, change, message):
    write_mtp(tmp_path / "a.mtp", tiny())
    lines = (tmp_path / "a.mtp").read_text().splitlines()
    (tmp_path / "a.mtp").write_text("\n".join(change(lines)))
    with pytest.raises(PotentialError, match=message.replace("[", r"\[").replace("(", r"\(")):
        read_mtp(tmp_path / "a.mtp")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(PotentialError, match="No such file"):
        read_mtp(tmp_path / "none.mtp")
    (tmp_path / "binary").write_bytes(b"MTP\nversion = \xff\xfe")
    with pytest.raises(PotentialError, match="byte 14 is not text"):
        read_mtp(tmp_path / "binary")


def test_half_a_potential_is_not_written(tmp_path):
    with pytest.raises(PotentialError, match="only some of its coefficients"):
        write_mtp(tmp_path / "a.mtp", replace(tiny(), moment_coeffs=np.zeros(0)))
    with pytest.raises(PotentialError, match="one stripped line"):
        write_mtp(tmp_path / "a.mtp", replace(tiny(), potential_tag="a\nb"))
    assert not list(tmp_path.iterdir())


tokens = st.sampled_from(
    [
        "",
        "{",
        "}",
        "{{",
        ",",
        "nan",
        "-1",
        "0",
        "7",
        "1e999",
        "99999999999",
        "\n",
        " = ",
        "MTP",
        "\0",
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 400), tokens | st.text(max_size=8)),
        min_size=1,
        max_size=4,
    ),
    lines=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=2),
)
def test_fuzzed_files_raise_only_our_error(tmp_path, edits, lines):
    write_mtp(tmp_path / "a.mtp", tiny())
    text = (tmp_path / "a.mtp").read_text()
    for start, length, new in edits:
        start %= len(text) + 1
        text = text[:start] + new + text[start + length % 40 :]
    rows = text.split("\n")
    for source, target in lines:
        rows.insert(target, rows[source % len(rows)])
    (tmp_path / "a.mtp").write_bytes("\n".join(rows).encode("utf-8", "surrogatepass"))
    try:
        read_mtp(tmp_path / "a.mtp")
    except PotentialError as error:
        assert str(tmp_path / "a.mtp") in str(error)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_our_error(tmp_path, content):
    (tmp_path / "a.mtp").write_bytes(content)
    with pytest.raises(PotentialError):
        read_mtp(tmp_path / "a.mtp")
