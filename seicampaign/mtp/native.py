"""The native kernel, called through ctypes. It is compiled when it is first needed."""

from __future__ import annotations

import ctypes
import time
from functools import lru_cache

from seicampaign.errors import EngineError, PotentialError
from seicampaign.mtp.build import build_shared, kernel_sources
from seicampaign.mtp.model import MTP

_ERROR_SIZE = 1024


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
