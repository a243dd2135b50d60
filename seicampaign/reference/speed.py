"""GPAW 26.7 with its slow places rewritten: the same numbers to rounding, in less time.

Most of a label of 50 to 110 atoms goes into sums over plane waves and atoms of one function, the
compensation charges, which GPAW tabulates for every atom and plane wave each time, and into
calling libxc once for each of the 50 directions around each atom. Here the sums are factored,

    sum_a c_a,m f(G) Y_m(G) exp(-i G R_a) = f(G) Y_m(G) sum_a c_a,m exp(-i G R_a),

with the phases kept; tables of projectors are kept too, and libxc is called once per atom.
`hasten` puts these functions in place of GPAW's own. They go back to GPAW's where there are
several processes, spins or a GPU.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 4000
LARGEST_TABLE = 50_000_000  # complex numbers


@dataclass(frozen=True)
class Group:
    """Atoms that carry the same functions.

    Attributes
    ----------
    atoms
        Their indices, (A,).
    splines
        Index of each function's radial part, (M,).
    powers
        (-i)^l of each function, (M,).
    harmonics
        l^2 + m of each function, (M,).
    columns
        Where each atom's functions are among all functions, (A, M).
    phases
        exp(-i G R), (G, A).
    """

    atoms: NDArray[np.int64]
    splines: NDArray[np.int64]
    powers: NDArray[np.complex128]
    harmonics: NDArray[np.int64]
    columns: NDArray[np.int64]
    phases: NDArray[np.complex128]


def hasten() -> None:
    """Put the faster functions in place of GPAW's; a second call does nothing."""
    from gpaw.core.pwacf import PWLFC
    from gpaw.xc.gga import GGARadialExpansion

    if hasattr(PWLFC, "_hastened"):
        return
    PWLFC._hastened = True
    for name, function in (
        ("add", _add),
        ("integrate", _integrate),
        ("derivative", _derivative),
        ("stress_tensor_contribution", _stress),
    ):
        setattr(PWLFC, name, _or_original(getattr(PWLFC, name), function))
    PWLFC.expand = _keeping(PWLFC.expand)
    PWLFC.set_positions = _forgetting(PWLFC.set_positions)
    GGARadialExpansion.__call__ = _or_original(GGARadialExpansion.__call__, _radial_gga)


def choose_blas_kernels() -> None:
    """Ask for AVX-512 kernels where an OpenBLAS older than the processor would not.

    Must be called before GPAW is imported; it decides the speed only.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and "avx512dq" in cpuinfo.read_text():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SKYLAKEX")


def _or_original(original: Any, function: Any) -> Any:
    """Call `function`, and the original when it declines by returning NotImplemented."""

    @wraps(original)
    def either(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(self, *args, **kwargs)
        return original(self, *args, **kwargs) if result is NotImplemented else result

    return either


def _forgetting(original: Any) -> Any:
    """Atoms that move make phases and tables invalid."""

    @wraps(original)
    def set_positions(self: Any, *args: Any, **kwargs: Any) -> None:
        self._groups, self._tables = None, {}
        original(self, *args, **kwargs)

    return set_positions


def _serial(lfc: Any, a_xG: Any) -> bool:
    return lfc.xp is np and lfc.comm.size == 1 and lfc.nI and a_xG.size


def _one_function(lfc: Any, a_xG: Any) -> bool:
    return _serial(lfc, a_xG) and a_xG.size == a_xG.shape[-1]


def _groups(lfc: Any) -> list[Group]:
    """Atoms parted by the functions they carry, with their phases."""
    if getattr(lfc, "_groups", None) is None:
        splines: dict[int, list[tuple[int, int]]] = {}
        for atom, s, column in zip(lfc.a_J, lfc.s_J, lfc.I_J, strict=True):
            splines.setdefault(int(atom), []).append((int(s), int(column)))
        members: dict[tuple[int, ...], list[int]] = {}
        for atom, functions in splines.items():
            members.setdefault(tuple(s for s, _ in functions), []).append(atom)
        lfc._groups = [_group(lfc, key, atoms, splines) for key, atoms in members.items()]
    return lfc._groups


def _group(
    lfc: Any,
    key: tuple[int, ...],
    atoms: list[int],
    splines: dict[int, list[tuple[int, int]]],
) -> Group:
    angular = {s: int(lfc.l_s[s]) for s in key}
    each = [(s, angular[s], m) for s in key for m in range(2 * angular[s] + 1)]
    columns = [
        [first + m for s, first in splines[atom] for m in range(2 * angular[s] + 1)]
        for atom in atoms
    ]
    phases = np.exp(-1j * (lfc.G_plus_k_Gv @ lfc.pos_av[atoms].T)) * lfc.eikR_a[atoms]
    return Group(
        np.array(atoms),
        np.array([s for s, _, _ in each]),
        np.array([(-1j) ** power for _, power, _ in each]),
        np.array([power**2 + m for _, power, m in each]),
        np.array(columns),
        phases,
    )


def _functions(lfc: Any, group: Group) -> NDArray[np.float64]:
    """Radial part times spherical harmonic of each function, (G, M)."""
    return lfc.f_Gs[:, group.splines] * lfc.Y_GL[:, group.harmonics]


def _coefficients(lfc: Any, c_axi: Any, shape: tuple[int, ...]) -> NDArray:
    """Coefficients of all functions in a row, (..., I)."""
    if isinstance(c_axi, float):
        return np.full((*shape, lfc.nI), c_axi)
    c_xI = np.empty((*shape, lfc.nI), lfc.dtype)
    for a, first, last in lfc.my_indices:
        c_xI[..., first:last] = c_axi[a]
    return c_xI


def _phase_of_column(lfc: Any) -> NDArray:
    """exp(i k R) of the atom that each function is on, (I,)."""
    result = np.empty(lfc.nI, np.asarray(lfc.eikR_a).dtype)
    for a, first, last in lfc.my_indices:
        result[first:last] = lfc.eikR_a[a]
    return result


def _add(lfc: Any, a_xG: Any, c_axi: Any = 1.0, q: Any = None) -> Any:
    """Add functions times coefficients to functions of the plane waves."""
    if not _one_function(lfc, a_xG):
        return _add_to_many(lfc, a_xG, c_axi)
    c_I = _coefficients(lfc, c_axi, ())
    if not isinstance(c_axi, float):
        c_I = c_I * _phase_of_column(lfc).conj()
    total = a_xG.reshape(-1)
    for group in _groups(lfc):
        sums = group.phases @ (c_I[group.columns] * group.powers)
        total += np.einsum("gm,gm->g", sums, _functions(lfc, group)) / lfc.pw.dv
    return None


def _add_to_many(lfc: Any, a_xG: Any, c_axi: Any) -> Any:
    """The same for many bands, with the table that `_expand` keeps."""
    from gpaw.utilities.blas import mmm

    if not _serial(lfc, a_xG) or lfc.real or isinstance(c_axi, float):
        return NotImplemented
    c_xI = _coefficients(lfc, c_axi, a_xG.shape[:-1]) * _phase_of_column(lfc).conj()
    c_xI, a_xG = c_xI.reshape(-1, lfc.nI), a_xG.reshape(-1, a_xG.shape[-1])
    for first, last in lfc.block():
        table = lfc.expand(first, last, cc=True)
        mmm(1.0 / lfc.pw.dv, c_xI, "N", table, "C", 1.0, a_xG[:, first:last])
    return None


def _keeping(original: Any) -> Any:
    """Keep the conjugate tables of functions, where they are used for all bands and not large."""

    @wraps(original)
    def expand(self: Any, G1: int = 0, G2: int | None = None, cc: bool = False) -> Any:
        if not cc or self.real or self.xp is not np or len(self.Y_GL) * self.nI > LARGEST_TABLE:
            return original(self, G1, G2, cc)
        if (G1, G2) not in self._tables:
            self._tables[G1, G2] = original(self, G1, G2, cc)
        return self._tables[G1, G2]

    return expand


def _projected(lfc: Any, a_G: NDArray) -> NDArray[np.complex128]:
    """Sum over plane waves of a conj(f) for every function, (I,)."""
    result = np.empty(lfc.nI, complex)
    for group in _groups(lfc):
        sums = group.phases.T @ (a_G.conj()[:, None] * _functions(lfc, group))
        result[group.columns] = (sums * group.powers).conj()
    return result


def _over_all(lfc: Any, b_I: NDArray[np.complex128]) -> NDArray:
    """Real functions have half of their plane waves only."""
    return 2 * b_I.real if lfc.real else b_I


def _integrate(lfc: Any, a_xG: Any, c_axi: Any = None, q: int = -1, add_to: bool = False) -> Any:
    """Overlaps of one function of the plane waves with all localised functions."""
    if not _one_function(lfc, a_xG):
        return NotImplemented
    c_axi = lfc.dict(a_xG.shape[:-1]) if c_axi is None else c_axi
    a_G = a_xG.reshape(-1).copy()
    if lfc.real:
        a_G[0] *= 0.5
    b_I = _over_all(lfc, _projected(lfc, a_G))
    for a, first, last in lfc.my_indices:
        part = lfc.eikR_a[a] * b_I[first:last]
        if add_to:
            c_axi[a] += part
        else:
            c_axi[a][:] = part
    return c_axi


def _derivative(lfc: Any, a_xG: Any, c_axiv: Any = None, q: int = -1) -> Any:
    """Derivatives of the overlaps with the atoms' positions."""
    if not _one_function(lfc, a_xG):
        return NotImplemented
    c_axiv = lfc.dict(a_xG.shape[:-1], derivative=True) if c_axiv is None else c_axiv
    for v in range(3):
        b_I = _over_all(lfc, -1j * _projected(lfc, a_xG.reshape(-1) * lfc.G_plus_k_Gv[:, v]))
        for a, first, last in lfc.my_indices:
            c_axiv[a][..., v] = lfc.eikR_a[a] * b_I[first:last]
    return c_axiv


def _stress(lfc: Any, a_xG: Any, c_axi: Any = 1.0) -> Any:
    """Derivative of the summed overlaps with strain, (3, 3)."""
    if not _serial(lfc, a_xG):
        return NotImplemented
    a_xG = a_xG.reshape(-1, a_xG.shape[-1])
    d_xI = _coefficients(lfc, c_axi, (len(a_xG),) if not isinstance(c_axi, float) else ())
    d_xI = d_xI.reshape(len(a_xG), lfc.nI) * _phase_of_column(lfc)
    radial = {s: _value_and_slope(lfc, s) for group in _groups(lfc) for s in group.splines}
    stress = np.zeros((3, 3))
    for first in range(0, a_xG.shape[1], BLOCK):
        part = slice(first, min(first + BLOCK, a_xG.shape[1]))
        for group in _groups(lfc):
            stress += _stress_of(lfc, group, part, a_xG[:, part], d_xI, radial)
    return -2 * stress if lfc.real else -stress


def _stress_of(
    lfc: Any, group: Group, part: slice, a_xG: NDArray, d_xI: NDArray, radial: dict
) -> NDArray[np.float64]:
    """Share of some plane waves and of one group of atoms."""
    from gpaw.sphere.spherical_harmonics import nablarlYL

    if lfc.real and part.start == 0:
        a_xG = a_xG.copy()
        a_xG[:, 0] *= 0.5
    G_Gv = lfc.pw.G_plus_k_Gv[part]
    phases = group.phases[part].conj()
    # S_GM = sum over atoms and x of a_xG d_xI conj(phase): one product where x is one.
    if len(a_xG) == 1:
        S_GM = a_xG[0][:, None] * (phases @ d_xI[0][group.columns])
    else:
        Q_GaM = (a_xG.T @ d_xI[:, group.columns.ravel()]).reshape(-1, *group.columns.shape)
        S_GM = np.einsum("ga,gam->gm", phases, Q_GaM)
    S_GM = (S_GM * group.powers.conj()).real
    value = np.stack([radial[s][0][part] for s in group.splines], axis=1)
    slope = np.stack([radial[s][1][part] for s in group.splines], axis=1)
    along = np.einsum("gm,gm,gm->g", S_GM, slope, lfc.Y_GL[part][:, group.harmonics])
    nablas = {L: nablarlYL(L, G_Gv.T) for L in set(group.harmonics.tolist())}
    turn = np.zeros((len(G_Gv), 3))
    for m, L in enumerate(group.harmonics.tolist()):
        turn += (S_GM[:, m] * value[:, m])[:, None] * np.stack(nablas[L], axis=-1)
    return G_Gv.T @ (along[:, None] * G_Gv + turn)


def _value_and_slope(lfc: Any, s: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radial part at every |G|, and its slope over |G|: of the cubics a spline is made of."""
    from gpaw.ffbt import rescaled_fourier_bessel_transform

    spline = rescaled_fourier_bessel_transform(_splines(lfc)[s])
    G_G = np.sqrt(2 * lfc.pw.ekin_G)
    width = spline.get_cutoff() / (spline.get_npoints() - 1)
    start = np.floor(G_G / width) * width
    # A cubic through its values at thirds of its interval; the last just inside of it.
    thirds = np.array([0.0, 1.0, 2.0, 3.0 - 1e-6]) / 3.0
    samples = np.stack([spline.map(start + width * u) for u in thirds], axis=0)
    powers = np.linalg.inv(np.vander(thirds, increasing=True)) @ samples
    u = (G_G - start) / width
    slope = (powers[1] + u * (2 * powers[2] + 3 * u * powers[3])) / width
    return spline.map(G_G), slope / np.where(G_G < 1e-10, 1.0, G_G)


def _splines(lfc: Any) -> list[Any]:
    """The different splines, in the order in which the plane waves' table has them."""
    return list(dict.fromkeys(spline for splines in lfc.spline_aj for spline in splines))


def _radial_gga(expansion: Any, rgd: Any, D_sLq: Any, n_qg: Any, nc0_sg: Any) -> Any:
    """Energy of a GGA around one atom and its derivative: all directions in one call of libxc."""
    from gpaw.sphere.lebedev import Y_nL, weight_n
    from gpaw.xc.gga import GGARadialCalculator
    from gpaw.xc.pawcorrection import rnablaY_nLv

    if len(D_sLq) != 1 or type(expansion.rcalc) is not GGARadialCalculator:
        return NotImplemented
    n_Lg = D_sLq[0] @ n_qg
    n_Lg[0] += nc0_sg[0] if np.ndim(nc0_sg) else nc0_sg
    slope_Lg = np.stack([rgd.derivative(n_g) for n_g in n_Lg])
    Y = Y_nL[:, : len(n_Lg)]
    nabla = rnablaY_nLv[:, : len(n_Lg)].transpose(2, 0, 1)
    a, b = Y @ slope_Lg, nabla @ n_Lg
    sigma = (b**2).sum(axis=0)
    sigma[:, 1:] /= rgd.r_g[1:] ** 2
    sigma[:, 0] = sigma[:, 1]
    sigma += a**2
    e, dedn, dedsigma = (np.zeros_like(a) for _ in range(3))
    flat = [x.reshape(1, -1) for x in (Y @ n_Lg, dedn, sigma, dedsigma)]
    expansion.rcalc.kernel.calculate(e.reshape(-1), *flat)
    dedn += _divergence(rgd, dedsigma * a)
    weighted = weight_n[: len(Y), None] * Y
    dEdD_qL = ((rgd.dv_g * dedn) @ n_qg.T).T @ weighted
    B = (dedsigma * rgd.dr_g * b) @ n_qg.T
    for v in range(3):
        dEdD_qL += 8 * np.pi * B[v].T @ (weight_n[: len(Y), None] * nabla[v])
    return float(weight_n[: len(Y)] @ rgd.integrate(e)), dEdD_qL[None]


def _divergence(rgd: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """GPAW's finite-difference divergence of a radial field, for many fields at once."""
    c = -2 * rgd.dv_g * x / rgd.dr_g
    d = np.empty_like(c)
    d[:, 0] = 0.5 * c[:, 1] + c[:, 0]
    d[:, 1:-1] = 0.5 * (c[:, 2:] - c[:, :-2])
    d[:, -2] = c[:, -1] - 0.5 * c[:, -3]
    d[:, -1] = -c[:, -1] - 0.5 * c[:, -2]
    d[:, 1:] /= rgd.dv_g[1:]
    d[:, 0] = d[:, 1]
    return d
