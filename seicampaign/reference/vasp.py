"""One setting for labels from VASP, through atomate2's own maker.

VASP and its pseudopotentials are licensed: nothing of them is here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seicampaign.reference.settings import setting_key

if TYPE_CHECKING:
    from atomate2.vasp.jobs.core import StaticMaker


@dataclass(frozen=True)
class VASPSetting:
    """Everything that decides a label from VASP.

    What differs from atomate2's static set is what metals and their interfaces with insulators
    need: Gaussian smearing in place of the tetrahedron method, whose forces are wrong in metals
    and which needs k-points that label cells do not have; a k-point mesh that does not contain
    Gamma alone; PBE, where that set has PBEsol; no spin; no symmetry.

    Attributes
    ----------
    encut
        Plane-wave cutoff in eV, 1.04 times the largest of the potentials below.
    ismear, sigma
        Kind of smearing, and its width in eV.
    kspacing
        Largest distance of k-points in 1/A (with 2 pi), as VASP's KSPACING. A cell of 10 A gets
        2x2x2 of them, off Gamma.
    ediff
        Convergence of the energy in eV.
    nelm
        Electronic steps after which a calculation counts as not converged.
    potcars
        Potential of each element, of the set `potcar_functional`.
    """

    code: str = "vasp"
    xc: str = "PE"
    encut: float = 520.0
    ismear: int = 0
    sigma: float = 0.1
    kspacing: float = 0.35
    ediff: float = 1e-6
    nelm: int = 200
    algo: str = "Normal"
    potcar_functional: str = "PBE_54"
    potcars: dict[str, str] = field(
        default_factory=lambda: {"Li": "Li_sv", "P": "P", "S": "S", "Cl": "Cl"}
    )

    def key(self) -> str:
        """Short hash of the setting: labels with different keys must never be mixed."""
        return setting_key(asdict(self))

    def incar(self) -> dict[str, Any]:
        """The INCAR, with None for what atomate2 would write and a label does not need."""
        return {
            "ALGO": self.algo,
            "EDIFF": self.ediff,
            "ENCUT": self.encut,
            "GGA": self.xc,
            "ISMEAR": self.ismear,
            "ISPIN": 1,
            "ISYM": 0,
            "KGAMMA": False,
            "KSPACING": self.kspacing,
            "LASPH": True,
            "LCHARG": False,
            "LREAL": False,
            "LWAVE": False,
            "NELM": self.nelm,
            "NSW": 0,
            "PREC": "Accurate",
            "SIGMA": self.sigma,
            **dict.fromkeys(("LAECHG", "LELF", "LMIXTAU", "LORBIT", "LVTOT", "MAGMOM", "ENAUG")),
        }


def vasp_static_maker(setting: VASPSetting, **options: Any) -> StaticMaker:
    """atomate2's static maker with a setting.

    Parameters
    ----------
    options
        Further fields of the maker: ``run_vasp_kwargs={"vasp_cmd": "..."}``.
    """
    from atomate2.vasp.jobs.core import StaticMaker
    from atomate2.vasp.sets.core import StaticSetGenerator

    generator = StaticSetGenerator(
        user_incar_settings=setting.incar(),
        user_potcar_settings=setting.potcars,
        user_potcar_functional=setting.potcar_functional,
        auto_ismear=False,
        auto_ispin=False,
        auto_kspacing=False,
    )
    return StaticMaker(name="VASP static", input_set_generator=generator, **options)
