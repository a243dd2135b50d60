"""The native kernel: compiled on first use, kept in the cache, called through ctypes.

What is compiled is named by a hash of the sources, the flags and the compiler's own version, so a
changed source or a new compiler never meets an old library. Code for each instruction set is in a
file of its own; which one runs is decided when a potential is loaded, on the machine it runs on.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from seicampaign.errors import EngineError, PotentialError
from seicampaign.mtp.model import MTP
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
_ERROR_SIZE = 1024


def kernel_sources() -> list[Path]:
    """The source files of the library: every one but the LAMMPS pair style."""
    return sorted(p for p in SOURCES.glob("*.cpp") if p.name != PAIR_STYLE)


def compiler() -> str:
    """The full path of the C++ compiler of the settings.

    Raises
    ------
    EngineError
        If there is none.
    """
    name = settings().cxx
    found = shutil.which(name)
    if found is None:
        raise EngineError(
            f"No C++ compiler {name!r}: the MTP kernel is compiled on first use. Install one "
            "(Debian, Ubuntu: `apt-get install g++`; conda: `conda install gxx`) or name "
            "yours in SEICAMPAIGN_CXX."
        )
    return found


@lru_cache
def _compiler_version(path: str, modified: float) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"{path} --version failed: {done.stderr.strip()[-500:]}")
    return done.stdout.splitlines()[0] if done.stdout else path


def build_shared(stem: str, sources: Sequence[Path], *, flags: Sequence[str] = ()) -> Path:
    """Compile sources into a shared library in the cache, unless it is there.

    Parameters
    ----------
    stem
        The file is called ``{stem}-{hash}.so``.
    sources
        C++ files.
    flags
        Flags for the pair style besides `FLAGS`; the kernel knows nothing of LAMMPS.

    Raises
    ------
    EngineError
        If there is no compiler, or it fails: with the end of what it said.
    """
    cxx = compiler()
    salt = (_compiler_version(cxx, Path(cxx).stat().st_mtime), platform.machine())
    commands = {
        source: [cxx, *FLAGS, *_own_flags(source, flags), str(source)] for source in sources
    }
    keys = {s: _digest(*salt, *command[1:-1], _with_includes(s)) for s, command in commands.items()}
    target = settings().cache / f"{stem}-{_digest(*LINK, *keys.values())}.so"
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


class CModel(ctypes.Structure):
    """The struct `mtp_model` of src/model.hpp."""

    _fields_ = (
        *(
            (name, ctypes.c_int)
            for name in (
                "species_count",
                "radial_basis_size",
                "radial_funcs_count",
                "alpha_moments_count",
                "alpha_index_basic_count",
                "alpha_index_times_count",
                "alpha_scalar_moments",
            )
        ),
        *((name, ctypes.c_double) for name in ("scaling", "min_dist", "max_dist")),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "alpha_index_basic",
                "alpha_index_times",
                "alpha_moment_mapping",
                "radial_coeffs",
                "species_coeffs",
                "moment_coeffs",
            )
        ),
    )


def c_model(mtp: MTP) -> CModel:
    """Describe a potential to the kernel.

    The struct points into the arrays of `mtp`, which is kept alive with it. Coefficients that the
    potential lacks are null.
    """
    model = CModel()
    for field in CModel._fields_:
        value = getattr(mtp, field[0])
        if field[1] is ctypes.c_void_p:
            value = value.ctypes.data if value.size else None
        setattr(model, field[0], value)
    model.owner = mtp
    return model


def _declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    lib.mtp_plan_create.restype = pointer
    lib.mtp_plan_create.argtypes = [ctypes.POINTER(CModel), text, integer, text, integer]
    lib.mtp_plan_destroy.restype = None
    lib.mtp_plan_destroy.argtypes = [pointer]
    lib.mtp_plan_isa.restype = text
    lib.mtp_plan_isa.argtypes = [pointer]
    doubles = ctypes.POINTER(ctypes.c_double)
    lib.mtp_plan_operations.restype = None
    lib.mtp_plan_operations.argtypes = [pointer, doubles, doubles]
    lib.mtp_peak.restype = ctypes.c_double
    lib.mtp_peak.argtypes = [pointer, ctypes.c_long]
    lib.mtp_evaluate.argtypes = [pointer, integer, *[pointer] * 7, text, integer]
    lib.mtp_basis.argtypes = [pointer, integer, *[pointer] * 8, text, integer]
    lib.mtp_grades.argtypes = [pointer, pointer, integer, *[pointer] * 8, text, integer]
    lib.mtp_active_set_create.restype = pointer
    lib.mtp_active_set_create.argtypes = [
        text,
        ctypes.c_long,
        ctypes.POINTER(CModel),
        text,
        integer,
    ]
    lib.mtp_active_set_destroy.restype = None
    lib.mtp_active_set_destroy.argtypes = [pointer]
    lib.mtp_check_file.argtypes = [text, ctypes.c_long, text, integer]
    lib.mtp_fingerprint.restype = ctypes.c_uint64
    lib.mtp_fingerprint.argtypes = [ctypes.POINTER(CModel)]
    return lib


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The kernel, compiled now if need be, loaded once in a process.

    Raises
    ------
    EngineError
        If it cannot be compiled or loaded.
    """
    path = build_shared("mtp", kernel_sources())
    try:
        return _declare(ctypes.CDLL(str(path)))
    except OSError as error:
        raise EngineError(f"{path} cannot be loaded ({error}). Delete it and try again.") from error


class Plan:
    """A potential made ready for evaluation by the kernel.

    Parameters
    ----------
    mtp
        A trained potential.
    isa
        ``"avx512"``, ``"avx2"`` or ``"baseline"``; the best of this processor if None.
    basis
        Whether it gives the derivatives of energies by parameters too, which is slower.

    Raises
    ------
    PotentialError
        If the potential is not trained or beyond the kernel.
    """

    def __init__(self, mtp: MTP, isa: str | None = None, *, basis: bool = False) -> None:
        if not mtp.trained:
            raise PotentialError("The potential is not trained: it has no coefficients.")
        self.mtp = mtp
        self._library = library()
        error = ctypes.create_string_buffer(_ERROR_SIZE)
        self.handle = self._library.mtp_plan_create(
            ctypes.byref(c_model(mtp)),
            isa.encode() if isa else None,
            int(basis),
            error,
            _ERROR_SIZE,
        )
        if not self.handle:
            raise PotentialError(f"The kernel cannot use this potential: {error.value.decode()}.")

    @property
    def isa(self) -> str:
        """Name of the instruction set in use."""
        return str(self._library.mtp_plan_isa(self.handle).decode())

    def operations(self) -> tuple[float, float]:
        """Floating-point operations of energies and forces: per neighbour, and per atom besides."""
        neighbour, atom = ctypes.c_double(), ctypes.c_double()
        self._library.mtp_plan_operations(self.handle, ctypes.byref(neighbour), ctypes.byref(atom))
        return neighbour.value, atom.value

    def peak(self, rounds: int = 10_000_000) -> float:
        """Most floating-point operations per second of CPU time this processor was seen to do."""
        start = time.thread_time()
        done = self._library.mtp_peak(self.handle, rounds)
        return float(done) / (time.thread_time() - start)

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self._library.mtp_plan_destroy(self.handle)


@lru_cache(maxsize=32)
def plan(mtp: MTP, isa: str | None = None, *, basis: bool = False) -> Plan:
    """The plan of a potential, made once."""
    return Plan(mtp, isa, basis=basis)
