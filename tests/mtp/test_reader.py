"""The reader inside LAMMPS takes no file that Python's reader refuses, whatever happened to it."""

import ctypes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mtp_cases import random_mtp

from seicampaign.errors import PotentialError
from seicampaign.mtp import read_mtp, untrained, write_mtp
from seicampaign.mtp.native import library


def refusal(text: bytes) -> str | None:
    """The reason of the C++ reader to refuse a file, None if it takes it."""
    error = ctypes.create_string_buffer(1024)
    status = library().mtp_check_file(text, len(text), error, len(error))
    return error.value.decode(errors="replace") if status else None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("potential") / "random.mtp"
    write_mtp(path, random_mtp(6, 2, size=3))
    return path.read_bytes()


def test_what_python_writes_is_taken(whole):
    assert refusal(whole) is None


def test_an_untrained_template_is_refused(tmp_path):
    write_mtp(
        tmp_path / "empty.mtp", untrained(8, 2, min_dist=1.5, max_dist=5.0, radial_basis_size=4)
    )
    assert "not trained" in refusal((tmp_path / "empty.mtp").read_bytes())


def test_every_truncation_is_refused(whole):
    text = whole.rstrip()
    for length in range(len(text)):
        assert refusal(text[:length]) is not None, f"the first {length} bytes were taken"


def test_a_line_left_out_or_doubled_is_refused(whole):
    lines = whole.rstrip().split(b"\n")
    decide_nothing = (b"version", b"potential_name", b"potential_tag")
    for n, line in enumerate(lines):
        assert refusal(b"\n".join([*lines[: n + 1], *lines[n:]])) is not None
        if not line.startswith(decide_nothing):
            assert refusal(b"\n".join([*lines[:n], *lines[n + 1 :]])) is not None


@pytest.mark.parametrize("legacy", [True, False])
def test_what_motep_writes_is_taken(whole, tmp_path, legacy):
    motep = pytest.importorskip("motep.io.mlip.mtp")
    (tmp_path / "ours.mtp").write_bytes(whole)
    motep.write_mtp(tmp_path / "theirs.mtp", motep.read_mtp(tmp_path / "ours.mtp"), legacy=legacy)
    assert refusal((tmp_path / "theirs.mtp").read_bytes()) is None


def test_entries_in_another_order_are_refused_with_their_line(whole, tmp_path):
    lines = whole.rstrip().split(b"\n")
    for n in range(len(lines) - 1):
        changed = b"\n".join([*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]])
        reason = refusal(changed)
        if b"{" in lines[n][:5] and b"{" in lines[n + 1][:5]:
            assert reason is None  # two radial functions: other numbers, the same form
            continue
        assert reason.startswith("line "), f"lines {n + 1} and {n + 2}"
        (tmp_path / "changed.mtp").write_bytes(changed)
        with pytest.raises(PotentialError, match=r"line \d+: "):
            read_mtp(tmp_path / "changed.mtp")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_files_are_refused_or_still_valid(whole, tmp_path_factory, data):
    """Some bytes replaced: the process survives, and what is taken Python takes too."""
    text = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(list(b"0123456789-+.eE{},= \nnaif")))
    if refusal(bytes(text)) is None:
        path = tmp_path_factory.getbasetemp() / "damaged.mtp"
        path.write_bytes(bytes(text))
        try:
            read_mtp(path)
        except PotentialError as error:
            pytest.fail(f"LAMMPS would take what Python refuses: {error}")
