"""A moment tensor potential in memory, with the names MLIP-2 gives its parts.

The energy of an atom of species `s` is ``species_coeffs[s] + moment_coeffs @ M[mapping]``, where
the first `n` moments `M` are sums over neighbours and the rest are products of earlier ones
(A. V. Shapeev, Multiscale Model. Simul. 14, 1153 (2016); I. S. Novikov et al., Mach. Learn.: Sci.
Technol. 2, 025002 (2021)).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import PotentialError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int32]

MAX_SPECIES = 118
MAX_EXPONENT = 64


@dataclass(frozen=True, eq=False)
class MTP:
    """A moment tensor potential: contraction tables and, if trained, coefficients.

    Arrays are made contiguous, read-only and of the dtypes below. The three coefficient arrays are
    empty (size 0) where the potential has none yet.

    Parameters
    ----------
    scaling
        Factor of every radial function, as in ``scaling (max_dist - r)^2 T_k(r)``.
    species_count, radial_basis_size, radial_funcs_count
        S, R and F in the shapes below.
    potential_name, potential_tag, version
        Texts that decide nothing.
    radial_basis_type
        ``"RBChebyshev"``, the only one there is.
    min_dist, max_dist
        Ends of the interval of the Chebyshev polynomials; the second is the cutoff. Angstrom.
    alpha_moments_count
        Number of all moments, basic ones first.
    alpha_index_basic
        int32 (n, 4): ``[mu, x, y, z]``, moment ``sum_j f_mu(r_j) ux^x uy^y uz^z``.
    alpha_index_times
        int32 (m, 4): ``[left, right, multiplicity, target]``, in the order of evaluation:
        ``M[target] += multiplicity M[left] M[right]``.
    alpha_scalar_moments, alpha_moment_mapping
        Number of scalars, and int32 index of the moment that each is.
    radial_coeffs
        float64 (S, S, F, R), the first index is the central atom's species.
    species_coeffs, moment_coeffs
        float64 (S,) and (alpha_scalar_moments,), in eV.

    Raises
    ------
    PotentialError
        If a part is missing, out of range, not finite or of the wrong shape.
    """

    scaling: float
    species_count: int
    min_dist: float
    max_dist: float
    radial_basis_size: int
    radial_funcs_count: int
    alpha_moments_count: int
    alpha_index_basic: IntArray
    alpha_index_times: IntArray
    alpha_scalar_moments: int
    alpha_moment_mapping: IntArray
    radial_coeffs: FloatArray
    species_coeffs: FloatArray
    moment_coeffs: FloatArray
    potential_name: str | None = None
    potential_tag: str = ""
    radial_basis_type: str = "RBChebyshev"
    version: str = "1.1.0"

    def __post_init__(self) -> None:
        for name in ("alpha_index_basic", "alpha_index_times", "alpha_moment_mapping"):
            self._freeze(name, _as_int32(name, getattr(self, name)))
        for name in ("radial_coeffs", "species_coeffs", "moment_coeffs"):
            self._freeze(name, np.array(getattr(self, name), dtype=np.float64))
        self._check_numbers()
        self._check_tables()
        self._check_coefficients()

    def _freeze(self, name: str, array: IntArray | FloatArray) -> None:
        own = np.ascontiguousarray(array)
        own.flags.writeable = False
        object.__setattr__(self, name, own)

    def _check_numbers(self) -> None:
        if self.radial_basis_type != "RBChebyshev":
            raise PotentialError(
                f"radial_basis_type {self.radial_basis_type!r} is not supported, only RBChebyshev"
            )
        limits = {
            "species_count": MAX_SPECIES,
            "radial_basis_size": 1000,
            "radial_funcs_count": 1000,
            "alpha_moments_count": 10_000_000,
            "alpha_scalar_moments": 10_000_000,
        }
        for name, most in limits.items():
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise PotentialError(f"{name} is {value}, must be 1 to {most}")
        for name in ("scaling", "min_dist", "max_dist"):
            if not np.isfinite(getattr(self, name)):
                raise PotentialError(f"{name} is {getattr(self, name)}, not a finite number")
        if self.scaling == 0.0:
            raise PotentialError("scaling is 0: every moment would vanish")
        if not 0.0 <= self.min_dist < self.max_dist:
            raise PotentialError(
                f"min_dist {self.min_dist} must be at least 0 and less than max_dist "
                f"{self.max_dist}"
            )

    def _check_tables(self) -> None:
        basic, times, scalars = (
            self.alpha_index_basic,
            self.alpha_index_times,
            self.alpha_moment_mapping,
        )
        _check_shape("alpha_index_basic", basic, (max(len(basic), 1), 4))
        _check_shape("alpha_index_times", times, (len(times), 4))
        _check_shape("alpha_moment_mapping", scalars, (self.alpha_scalar_moments,))
        _check_range("alpha_index_basic mu", basic[:, 0], 0, self.radial_funcs_count)
        _check_range("alpha_index_basic exponent", basic[:, 1:], 0, MAX_EXPONENT)
        if len(basic) > self.alpha_moments_count:
            raise PotentialError(
                f"{len(basic)} basic moments are more than alpha_moments_count "
                f"{self.alpha_moments_count}"
            )
        _check_range("alpha_moment_mapping", scalars, 0, self.alpha_moments_count)
        _check_range("alpha_index_times target", times[:, 3], len(basic), self.alpha_moments_count)
        _check_range("alpha_index_times factor", times[:, :2], 0, self.alpha_moments_count)
        if len(np.unique(scalars)) != len(scalars):
            raise PotentialError("alpha_moment_mapping names a moment twice")
        _check_order(times, self.alpha_moments_count)

    def _check_coefficients(self) -> None:
        s, f, r = self.species_count, self.radial_funcs_count, self.radial_basis_size
        shapes = {
            "radial_coeffs": (s, s, f, r),
            "species_coeffs": (s,),
            "moment_coeffs": (self.alpha_scalar_moments,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.size == 0:
                continue
            _check_shape(name, array, shape)
            if not np.isfinite(array).all():
                raise PotentialError(f"{name} has values that are not finite")

    @property
    def trained(self) -> bool:
        """Whether all three kinds of coefficients are there."""
        return all(a.size for a in (self.radial_coeffs, self.species_coeffs, self.moment_coeffs))

    @property
    def alpha_index_basic_count(self) -> int:
        """Number of basic moments."""
        return len(self.alpha_index_basic)

    @property
    def alpha_index_times_count(self) -> int:
        """Number of products."""
        return len(self.alpha_index_times)

    @cached_property
    def level(self) -> int:
        """Highest level of a scalar: 2 + 4 mu + nu of each basic moment in it, added up."""
        levels = [0] * self.alpha_moments_count
        for i, (mu, x, y, z) in enumerate(self.alpha_index_basic.tolist()):
            levels[i] = 2 + 4 * mu + x + y + z
        for left, right, _, target in self.alpha_index_times.tolist():
            levels[target] = max(levels[target], levels[left] + levels[right])
        return max(levels[i] for i in self.alpha_moment_mapping.tolist())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of everything that decides energies and forces, hexadecimal."""
        digest = hashlib.sha256(b"seicampaign MTP 1\n")
        numbers = (self.scaling, self.min_dist, self.max_dist)
        digest.update(" ".join(float(x).hex() for x in numbers).encode())
        for array in (
            self.alpha_index_basic,
            self.alpha_index_times,
            self.alpha_moment_mapping,
            self.radial_coeffs,
            self.species_coeffs,
            self.moment_coeffs,
        ):
            digest.update(f"\n{array.dtype.str} {array.shape}\n".encode())
            digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MTP) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)


def _as_int32(name: str, values: IntArray) -> IntArray:
    wide = np.asarray(values)
    if wide.size and wide.dtype.kind not in "iu":
        raise PotentialError(f"{name} must be integers, not {wide.dtype}")
    limits = np.iinfo(np.int32)
    if wide.size and not (limits.min <= wide.min() and wide.max() <= limits.max):
        raise PotentialError(f"{name} has a number that no 32-bit integer holds")
    empty_table = wide.size == 0 and name != "alpha_moment_mapping"
    return np.zeros((0, 4), np.int32) if empty_table else np.array(wide, dtype=np.int32)


def _check_shape(name: str, array: IntArray | FloatArray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise PotentialError(f"{name} has the shape {array.shape}, must be {shape}")


def _check_range(name: str, values: IntArray, first: int, end: int) -> None:
    wrong = values[(values < first) | (values >= end)]
    if wrong.size:
        raise PotentialError(f"{name} {wrong[0]} is out of range: must be {first} to {end - 1}")


def _check_order(times: IntArray, moments: int) -> None:
    """Refuse tables that read a moment before its last product is added."""
    rows = np.arange(len(times))
    last_written = np.full(moments, -1)
    np.maximum.at(last_written, times[:, 3], rows)
    early = (last_written[times[:, :2]] >= rows[:, None]).any(axis=1)
    if early.any():
        row = int(rows[early][0])
        raise PotentialError(
            f"alpha_index_times row {row} reads a moment before it is complete: "
            f"{times[row].tolist()}"
        )
