"""Every number the classification of a frame depends on, in one hashable object."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict, Field

ANALYSIS_VERSION = 5
"""Raised whenever the same frame and thresholds would give other numbers than before."""


class Thresholds(BaseModel):
    """Thresholds of `classify_frame`; lengths in Angstrom. Stored with every result.

    The defaults were chosen on boxes with known truth: see docs/analysis.md.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    overlap: float = Field(1.2, ge=0, description="Anions closer than this: a broken simulation")
    bond_overlap: float = Field(0.5, ge=0, description="The same for P and S, that may be bonded")
    ps_bond: float = Field(3.0, gt=0, description="P-S bond, as in arXiv 2402.04095")
    pp_bond: float = Field(2.7, gt=0, description="P-P bond")

    anion_cutoff: float = Field(5.8, gt=0, description="Farthest of the 12 nearest anions")
    anion_distance_min: float = Field(3.4, gt=0, description="Mean of the 12, at least")
    anion_distance_max: float = Field(4.6, gt=0, description="Mean of the 12, at most")
    core_link: float = Field(0.75, gt=0, lt=1, description="q6(i).q6(j) of a core link")
    core_links: int = Field(8, ge=1, le=12, description="Links of a core anion, of 12")
    core_neighbours: int = Field(3, ge=0, le=12, description="Core anions around a core anion")
    core_distance: float = Field(5.2, gt=0, description="Distance of those core anions")
    grow_link: float = Field(0.7, gt=0, lt=1, description="q6(i).q6(core) of a grown anion")
    corner_distance: float = Field(
        1.25, gt=0, description="How far off the fourth corner of a parallelogram may lie"
    )
    corners_to_join: int = Field(
        9, ge=1, description="Parallelograms with the crystal that a grown anion closes, or:"
    )
    corners_to_stay: int = Field(15, ge=0, description="the same of every grown one, at the end")

    electrolyte_share: float = Field(
        0.4, gt=0, lt=1, description="Share of PS4 members around a free anion of the electrolyte"
    )
    metal_distance: float = Field(3.4, gt=0, description="No anion this near to a bare Li")
    metal_neighbour_distance: float = Field(
        4.2,
        gt=0,
        description="Bare Li this near are around an Li; in the metal more of them than anions",
    )
    metal_piece: int = Field(
        8, ge=1, description="Bare Li of the metal hang together; fewer fill a hole of the glass"
    )
    metal_contact: int = Field(3, ge=0, description="Anions an Li of the metal may touch, at most")
    metal_electrolyte: int = Field(
        5, ge=1, description="Anions that one of the electrolyte counts for there"
    )

    fcc_cosine: float = Field(-0.9, gt=-1, lt=0, description="Two neighbours opposite each other")
    fcc_opposites: int = Field(9, ge=1, le=12, description="Such of 12 that make fcc, else hcp")
    shell_distance: float = Field(3.4, gt=0, description="Li around a core anion")
    way_radius: float = Field(3.4, gt=0, description="What a crystalline anion closes to Li")
    way_voxel: float = Field(1.0, gt=0, description="Width of a voxel of what is flooded")

    bond_form: float = Field(2.4, gt=0, description="A P-S bond with memory forms under this")
    bond_break: float = Field(3.0, gt=0, description="and breaks over this")
    flux_planes: tuple[float, float] | None = Field(
        None,
        description="Planes Li is counted through, as fractions of the third lattice vector, above "
        "and below the anode. Default: midway between metal and electrolyte in the first frame",
    )
    motion_lag: float = Field(20.0, gt=0, description="ps over which Li displacements are taken")

    profile_bin: float = Field(1.0, gt=0, description="Width of a bin of profiles along z")

    def key(self) -> str:
        """A short name of this version and these thresholds, for the key of a stored curve."""
        content = {"analysis": ANALYSIS_VERSION, **self.model_dump()}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]
