"""C++ compiled on first use and kept in the cache.

What is compiled is named by a hash of the sources, the flags and the compiler's own version, so a
changed source or a new compiler never meets an old library. Code for each instruction set is in a
file of its own; which one runs is decided when a potential is loaded, on the machine it runs on.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from seicampaign.errors import EngineError
from seicampaign.settings import settings

SOURCES = Path(__file__).parent / "src"
PAIR_STYLE = "pair_sei_mtp.cpp"
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-ffp-contract=fast")
LINK = ("-shared", "-pthread", "-Wl,-Bsymbolic")  # never call into another library's kernel
_ISA_FLAGS = {
    "kernel_avx2.cpp": ("-mavx2", "-mfma"),
    "kernel_avx512.cpp": (
        "-mavx512f",
        "-mavx512dq",
        "-mavx512vl",
        "-mfma",
        "-mprefer-vector-width=512",
    ),
}
_INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)


def kernel_sources() -> list[Path]:
    """The source files of the library: every one but the LAMMPS pair style."""
    return sorted(p for p in SOURCES.glob("*.cpp") if p.name != PAIR_STYLE)


def has_compiler() -> bool:
    """Whether there is the C++ compiler of the settings."""
    return _found_compiler() is not None


def compiler() -> str:
    """The full path of the C++ compiler of the settings.

    Raises
    ------
    EngineError
        If there is none.
    """
    found = _found_compiler()
    if found is None:
        raise EngineError(
            f"No C++ compiler {settings().cxx!r}: the MTP kernel is compiled on first use. "
            "Install one (Debian, Ubuntu: `apt-get install g++`; conda: `conda install gxx`) or "
            "name yours in SEICAMPAIGN_CXX."
        )
    return found


def _found_compiler() -> str | None:
    return shutil.which(settings().cxx)


@lru_cache
def _compiler_version(path: str, modified: float) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(
            f"{path} is no C++ compiler that works: `{path} --version` ended with status "
            f"{done.returncode}. {done.stderr.strip()[-500:]} Name one in SEICAMPAIGN_CXX."
        )
    return done.stdout.splitlines()[0] if done.stdout else path


def build_shared(
    stem: str, sources: Sequence[Path], *, flags: Sequence[str] = (), common: Sequence[str] = ()
) -> Path:
    """Compile sources into a shared library in the cache, unless it is there.

    Parameters
    ----------
    stem
        The file is called ``{stem}-{hash}.so``.
    sources
        C++ files.
    flags
        Flags for the pair style besides `FLAGS`; the kernel knows nothing of LAMMPS.
    common
        Flags for all sources besides `FLAGS`.

    Raises
    ------
    EngineError
        If there is no compiler, or it fails: with the end of what it said.
    """
    cxx = compiler()
    salt = (_compiler_version(cxx, Path(cxx).stat().st_mtime), platform.machine())
    commands = {
        source: [cxx, *FLAGS, *common, *_own_flags(source, flags), str(source)]
        for source in sources
    }
    keys = {s: _digest(*salt, *command[1:-1], _with_includes(s)) for s, command in commands.items()}
    cache = settings().cache.expanduser().absolute()
    target = cache / f"{stem}-{_digest(*LINK, *keys.values())}.so"
    if not target.is_file():
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = pool.map(
                lambda s: _build(target.with_name(f"{s.stem}-{keys[s]}.o"), [*commands[s], "-c"]),
                sources,
            )
        _build(target, [cxx, *map(str, objects), *LINK])
    return target


def _own_flags(source: Path, flags: Sequence[str]) -> tuple[str, ...]:
    """The flags of one file: instruction sets on x86, LAMMPS for the pair style."""
    if source.name == PAIR_STYLE:
        return tuple(flags)
    on_x86 = platform.machine() in ("x86_64", "AMD64")
    return _ISA_FLAGS.get(source.name, ()) if on_x86 else ()


def _with_includes(source: Path) -> str:
    """The text of a file and of our headers it includes, each once."""
    texts: dict[Path, str] = {}
    todo = [source]
    while todo:
        path = todo.pop()
        texts[path] = path.read_text()
        found = (path.parent / name for name in _INCLUDE.findall(texts[path]))
        todo.extend(p for p in found if p.is_file() and p not in texts)
    return "".join(texts.values())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _build(target: Path, command: list[str]) -> Path:
    """Run a compiler command for a file, once among all processes; it appears whole or not."""
    if target.is_file():
        return target
    with _locked(target.with_suffix(f"{target.suffix}.lock")):
        if not target.is_file():
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                made = Path(folder) / target.name
                _run_compiler([*command, "-o", str(made)])
                made.replace(target)
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that one process at a time can hold; the kernel frees it when one dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise EngineError(
            f"Cannot write compiled code to {path.parent}: {error}. Set SEICAMPAIGN_CACHE."
        ) from error


def _run_compiler(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-20:])
        raise EngineError(
            f"The C++ compiler failed (status {done.returncode}). It must know C++17.\n"
            f"{' '.join(command)}\n{tail}"
        )
