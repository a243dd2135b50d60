"""The loss of a potential over a data set, with its exact gradient.

With `N` atoms, `V` the volume and differences to the labels written as d, the loss is the mean over
configurations of ::

    weight * ( energy * dE^2 / N  +  forces * sum |dF|^2
               + stress * V^2 (dS_xx^2 + dS_yy^2 + dS_zz^2) / N
               + shear * 2 V^2 (dS_yz^2 + dS_xz^2 + dS_xy^2) / N )

which is the loss of MLIP-2 (weighting "vibrations") where `shear` is `stress`.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from seicampaign.errors import TrainingError
from seicampaign.mtp.model import MTP, FloatArray
from seicampaign.mtp.native import CModel, c_model, library
from seicampaign.training import data
from seicampaign.training.neighbors import neighbors


@dataclass(frozen=True)
class Weights:
    """Weights of the terms of the loss.

    Parameters
    ----------
    energy, forces, stress
        As MLIP-2's, in 1/eV^2, Angstrom^2/eV^2 and 1/eV^2.
    shear
        Of the components yz, xz, xy, which are unreliable in labels made with one k-point.
    kinds
        Factor of all configurations of a kind (``info["kind"]``), 1 where it is not named.

    A configuration's own factors are taken from its ``info``: ``weight``, ``energy_weight``,
    ``forces_weight``, ``stress_weight``.
    """

    energy: float = 1.0
    forces: float = 0.01
    stress: float = 0.001
    shear: float = 0.0001
    kinds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = {name: getattr(self, name) for name in ("energy", "forces", "stress", "shear")}
        values |= {f"kinds[{kind!r}]": value for kind, value in self.kinds.items()}
        for name, value in values.items():
            if not (np.isfinite(value) and value >= 0):
                raise TrainingError(f"Weight {name} is {value}, must be a number of 0 or more")
        if self.energy == self.forces == self.stress == self.shear == 0:
            raise TrainingError("All weights are 0: there is nothing to fit")

    def of(self, atoms: Atoms) -> FloatArray:
        """Weights of the energy, the forces, the normal and the shear virial, (4,)."""
        info = atoms.info
        factor = info.get("weight", 1.0) * self.kinds.get(str(info.get("kind")), 1.0)
        energy, forces, stress = (
            factor * info.get(f"{name}_weight", 1.0) for name in ("energy", "forces", "stress")
        )
        if data.stress(atoms) is None:
            stress = 0.0
        n = len(atoms)
        return np.array(
            [
                self.energy * energy / n,
                self.forces * forces,
                self.stress * stress / n,
                self.shear * stress / n,
            ]
        )


class _Configurations(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "first_atom",
                "species",
                "first_neighbor",
                "neighbors",
                "vectors",
                "energies",
                "forces",
                "virials",
                "weights",
            )
        ),
    )


class _Predictions(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_void_p) for name in ("losses", "energies", "forces", "virials")
    )


@dataclass(frozen=True)
class Predictions:
    """What a potential says of a data set.

    Parameters
    ----------
    losses
        (configurations,): the terms whose sum is the loss.
    energies
        (configurations,), eV.
    forces
        (atoms of all configurations, 3), eV/Angstrom.
    virials
        (configurations, 6): derivative of the energy by strain, xx, yy, zz, yz, xz, xy, eV.
    """

    losses: FloatArray
    energies: FloatArray
    forces: FloatArray
    virials: FloatArray

    @property
    def loss(self) -> float:
        return float(self.losses.sum())


class LabelledSet:
    """A data set as the kernel reads it: neighbour lists and labels, made once.

    Parameters
    ----------
    configurations
        Labelled and checked (`seicampaign.training.data.check_labels`).
    species
        Elements, in the order of the potential's species.
    cutoff
        Angstrom.
    weights
        Of the loss.

    Raises
    ------
    TrainingError
        If a configuration has an element that is not among `species`.
    """

    def __init__(
        self,
        configurations: Sequence[Atoms],
        species: Sequence[str],
        *,
        cutoff: float,
        weights: Weights | None = None,
    ) -> None:
        data.check_labels(configurations, species)
        self.configurations = list(configurations)
        self.species, self.cutoff = tuple(species), cutoff
        self.sizes = np.array([len(atoms) for atoms in configurations])
        self.volumes = np.array(
            [a.get_volume() if a.cell.rank == 3 else np.nan for a in configurations]
        )
        self._arrays = self._neighbor_arrays() | self._label_arrays(weights or Weights())
        self._struct = _Configurations(
            len(self.configurations), *(a.ctypes.data for a in self._arrays.values())
        )

    def __len__(self) -> int:
        return len(self.configurations)

    @property
    def weights(self) -> FloatArray:
        """(configurations, 4): what each squared difference of energy, forces, normal and shear
        virial is multiplied by."""
        return self._arrays["weights"]

    @property
    def energies(self) -> FloatArray:
        """Labels, (configurations,), eV."""
        return self._arrays["energies"]

    @property
    def forces(self) -> FloatArray:
        """Labels, (atoms of all configurations, 3), eV/Angstrom."""
        return self._arrays["forces"]

    @property
    def virials(self) -> FloatArray:
        """Labels, (configurations, 6), eV."""
        return self._arrays["virials"]

    @property
    def first_atom(self) -> NDArray[np.int32]:
        """(configurations + 1,): where each configuration's atoms begin."""
        return self._arrays["first_atom"]

    @cached_property
    def has_stress(self) -> NDArray[np.bool_]:
        """(configurations,): which have a stress among their labels."""
        return np.array([data.stress(atoms) is not None for atoms in self.configurations])

    @cached_property
    def composition(self) -> FloatArray:
        """(configurations, species): numbers of atoms."""
        types = self._arrays["species"]
        starts = self._arrays["first_atom"][:-1]
        one_hot = np.eye(len(self.species))[types]
        return np.add.reduceat(one_hot, starts, axis=0)

    @cached_property
    def distances(self) -> FloatArray:
        """(pairs,): of all neighbours of all atoms, in Angstrom."""
        return np.linalg.norm(self._arrays["vectors"], axis=1)

    def pairs_present(self) -> NDArray[np.bool_]:
        """(species, species): which central atoms have which neighbours anywhere in the set."""
        types, first = self._arrays["species"], self._arrays["first_neighbor"]
        centers = np.repeat(np.arange(len(types)), np.diff(first))
        offset = np.repeat(self.first_atom[:-1], self.sizes)[centers]
        present = np.zeros((len(self.species),) * 2, dtype=bool)
        present[types[centers], types[offset + self._arrays["neighbors"]]] = True
        return present

    def closest(self) -> tuple[float, int]:
        """Shortest distance of all, and the configuration that has it."""
        if not self.distances.size:
            return float("inf"), 0
        pair = int(self.distances.argmin())
        atom = int(np.searchsorted(self._arrays["first_neighbor"], pair, side="right")) - 1
        return float(self.distances[pair]), int(
            np.searchsorted(self.first_atom, atom, side="right")
        ) - 1

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of structures, labels and weights, hexadecimal."""
        digest = hashlib.sha256(f"{self.species} {self.cutoff}".encode())
        for array in self._arrays.values():
            digest.update(array.tobytes())
        return digest.hexdigest()

    def _neighbor_arrays(self) -> dict[str, Any]:
        index = {symbol: i for i, symbol in enumerate(self.species)}
        types, counts, others, vectors = [], [], [], []
        for atoms in self.configurations:
            own = np.array([index[s] for s in atoms.get_chemical_symbols()], dtype=np.int32)
            pairs = neighbors(atoms, self.cutoff, own)
            types.append(own)
            counts.append(np.bincount(pairs.centers, minlength=len(atoms)))
            others.append(pairs.neighbors)
            vectors.append(pairs.vectors)
        return {
            "first_atom": np.r_[0, np.cumsum(self.sizes)].astype(np.int32),
            "species": np.concatenate(types),
            "first_neighbor": np.r_[0, np.cumsum(np.concatenate(counts))].astype(np.int64),
            "neighbors": np.concatenate(others),
            "vectors": np.ascontiguousarray(np.concatenate(vectors)),
        }

    def _label_arrays(self, weights: Weights) -> dict[str, Any]:
        none = np.zeros(6)
        virials = [
            none if (label := data.stress(atoms)) is None else label * atoms.get_volume()
            for atoms in self.configurations
        ]
        factors = np.array([weights.of(atoms) for atoms in self.configurations])
        return {
            "energies": np.array([data.energy(atoms) for atoms in self.configurations]),
            "forces": np.ascontiguousarray(
                np.concatenate([data.forces(atoms) for atoms in self.configurations])
            ),
            "virials": np.array(virials),
            "weights": factors / len(self.configurations),
        }

    def predict(self, mtp: MTP, *, threads: int = 1) -> Predictions:
        """Energies, forces, virials and losses with a trained potential."""
        return self._call(mtp, threads, None)

    def loss_and_gradient(self, mtp: MTP, *, threads: int = 1) -> tuple[Predictions, FloatArray]:
        """Predictions, and the derivative of the loss by `parameters` of the potential.

        The result is the same to the last bit for any number of threads.
        """
        gradient = np.empty(len(parameters(mtp)))
        return self._call(mtp, threads, gradient), gradient

    def _call(self, mtp: MTP, threads: int, gradient: FloatArray | None) -> Predictions:
        if mtp.species_count != len(self.species) or mtp.max_dist != self.cutoff:
            raise TrainingError(
                f"The potential has {mtp.species_count} species and a cutoff of {mtp.max_dist}, "
                f"the data set was made for {len(self.species)} and {self.cutoff}"
            )
        out = Predictions(
            np.empty(len(self)),
            np.empty(len(self)),
            np.empty_like(self.forces),
            np.empty_like(self.virials),
        )
        pointers = (a.ctypes.data for a in (out.losses, out.energies, out.forces, out.virials))
        status = _functions().mtp_loss(
            ctypes.byref(c_model(mtp)),
            ctypes.byref(self._struct),
            threads,
            ctypes.byref(_Predictions(*pointers)),
            None if gradient is None else gradient.ctypes.data,
        )
        if status != 0:
            raise MemoryError("The training kernel ran out of memory")
        return out

    def design(self, mtp: MTP, configuration: int) -> FloatArray:
        """Derivatives of the labels of a configuration by what they depend on linearly.

        Parameters
        ----------
        mtp
            A trained potential, of which only the radial coefficients matter.
        configuration
            Its index.

        Returns
        -------
        numpy.ndarray
            (1 + 3 atoms + 6, species + scalars): rows of energy, forces, virial.
        """
        atoms, scalars = int(self.sizes[configuration]), mtp.alpha_scalar_moments
        rows = np.empty((7 + 3 * atoms, -(-scalars // _LANES) * _LANES))
        parts = (rows[:1], rows[1:-6], rows[-6:])
        status = _functions().mtp_design(
            ctypes.byref(c_model(mtp)),
            ctypes.byref(self._struct),
            configuration,
            *(part.ctypes.data for part in parts),
        )
        if status != 0:
            raise MemoryError("The training kernel ran out of memory")
        by_species = np.zeros((len(rows), len(self.species)))
        by_species[0] = self.composition[configuration]
        return np.hstack([by_species, rows[:, :scalars]])

    def targets(self, configuration: int) -> tuple[FloatArray, FloatArray]:
        """Labels of a configuration in the order of the rows of `design`, and their weights."""
        first, end = self.first_atom[configuration : configuration + 2]
        labels = np.r_[
            self.energies[configuration],
            self.forces[first:end].ravel(),
            self.virials[configuration],
        ]
        energy, forces, normal, shear = self.weights[configuration]
        weights = np.r_[energy, np.full(3 * (end - first), forces), [normal] * 3, [2 * shear] * 3]
        return labels, weights


_LANES = 8
"""Rows of the kernel's design matrix are padded to a multiple of this."""


@lru_cache(maxsize=1)
def _functions() -> ctypes.CDLL:
    kernel = library()
    kernel.mtp_loss.restype = ctypes.c_int
    kernel.mtp_loss.argtypes = [
        ctypes.POINTER(CModel),
        ctypes.POINTER(_Configurations),
        ctypes.c_int,
        ctypes.POINTER(_Predictions),
        ctypes.c_void_p,
    ]
    kernel.mtp_design.restype = ctypes.c_int
    kernel.mtp_design.argtypes = [
        ctypes.POINTER(CModel),
        ctypes.POINTER(_Configurations),
        ctypes.c_int,
        *[ctypes.c_void_p] * 3,
    ]
    return kernel


def parameters(mtp: MTP) -> FloatArray:
    """All coefficients in one array: radial, species, moment."""
    return np.concatenate([mtp.radial_coeffs.ravel(), mtp.species_coeffs, mtp.moment_coeffs])


def with_parameters(mtp: MTP, values: FloatArray) -> MTP:
    """The same potential with other coefficients, as `parameters` orders them."""
    s, f, r = mtp.species_count, mtp.radial_funcs_count, mtp.radial_basis_size
    radial, species, moment = np.split(values, [s * s * f * r, s * s * f * r + s])
    return replace(
        mtp,
        radial_coeffs=radial.reshape(s, s, f, r),
        species_coeffs=species,
        moment_coeffs=moment,
    )
