"""C++ is compiled when needed, once, and what is wrong is said when it cannot be."""

import subprocess
import sys

import pytest

from seicampaign.errors import EngineError
from seicampaign.mtp.build import build_shared, has_compiler, kernel_sources


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small_source(tmp_path):
    source = tmp_path / "answer.cpp"
    source.write_text('extern "C" int answer() { return 42; }\n')
    return source


def test_a_library_is_compiled_once(empty_cache, small_source):
    first = build_shared("answer", [small_source])
    written = first.stat().st_mtime_ns
    assert build_shared("answer", [small_source]) == first
    assert first.stat().st_mtime_ns == written


def test_a_changed_source_is_another_library(empty_cache, small_source):
    first = build_shared("answer", [small_source])
    small_source.write_text('extern "C" int answer() { return 43; }\n')
    assert build_shared("answer", [small_source]) != first


def test_a_changed_header_is_another_library(empty_cache, small_source, tmp_path):
    header = tmp_path / "number.hpp"
    header.write_text("#define NUMBER 1\n")
    small_source.write_text('#include "number.hpp"\nextern "C" int answer() { return NUMBER; }\n')
    first = build_shared("answer", [small_source])
    header.write_text("#define NUMBER 2\n")
    assert build_shared("answer", [small_source]) != first


def test_processes_that_start_together_share_one_build(empty_cache, small_source):
    code = (
        "import ctypes, sys; from pathlib import Path;"
        "from seicampaign.mtp.build import build_shared;"
        "path = build_shared('answer', [Path(sys.argv[1])]);"
        "print(path, ctypes.CDLL(str(path)).answer())"
    )
    command = [sys.executable, "-c", code, str(small_source)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate()[0] for process in started}
    assert len(said) == 1
    assert said.pop().split()[1] == "42"


def test_no_compiler_is_said_with_the_remedy(empty_cache, small_source, monkeypatch):
    assert has_compiler()
    monkeypatch.setenv("SEICAMPAIGN_CXX", "no-such-compiler")
    assert not has_compiler()
    with pytest.raises(EngineError, match=r"no-such-compiler.*SEICAMPAIGN_CXX"):
        build_shared("answer", [small_source])


def test_a_compiler_that_fails_is_quoted(empty_cache, small_source):
    small_source.write_text("this is not C++\n")
    with pytest.raises(EngineError, match=r"error: .*\n.*this is not C\+\+"):
        build_shared("answer", [small_source])
    assert not list(empty_cache.glob("*.so"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path, small_source, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SEICAMPAIGN_CACHE", str(tmp_path / "file"))
    with pytest.raises(EngineError, match="SEICAMPAIGN_CACHE"):
        build_shared("answer", [small_source])


def test_kernels_share_no_code_between_instruction_sets():
    """A function shared by two objects could be the one the processor does not have."""
    sources = [p for p in kernel_sources() if p.name.startswith("kernel_")]
    library = build_shared("mtp", kernel_sources())
    listed = subprocess.run(["nm", "-C", library], capture_output=True, text=True, check=True)
    weak = [line for line in listed.stdout.splitlines() if " W " in line and "_block" in line]
    assert len(sources) == 3
    assert not weak
