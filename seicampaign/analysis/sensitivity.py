"""How much the numbers of a frame depend on the thresholds they were made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seicampaign.analysis.frame import classify_frame
from seicampaign.analysis.thresholds import Thresholds
from seicampaign.errors import AnalysisError, unknown

if TYPE_CHECKING:
    from ase import Atoms

USUAL: dict[str, tuple[float, ...]] = {
    "ps_bond": (2.6, 2.8, 3.0, 3.2),
    "anion_distance_max": (4.4, 4.6, 4.8),
    "core_link": (0.7, 0.75, 0.8),
    "core_links": (6, 7, 8, 9),
    "grow_link": (0.6, 0.65, 0.7, 0.75),
    "corners_to_stay": (13, 14, 15, 16, 17),
    "electrolyte_share": (0.3, 0.4, 0.5),
    "metal_distance": (3.2, 3.4, 3.6),
}


class Response(NamedTuple):
    """The curve values of a frame with one threshold changed."""

    threshold: str
    value: float
    values: dict[str, float]


def sensitivity(
    atoms: Atoms,
    thresholds: Thresholds | None = None,
    change: Mapping[str, Sequence[float]] | None = None,
) -> list[Response]:
    """Classify a frame once for every changed threshold, one at a time.

    Parameters
    ----------
    thresholds
        Those that are not changed.
    change
        Values to try for each field of `Thresholds`. Default: `USUAL`.
    """
    base = (thresholds or Thresholds()).model_dump()
    rows = []
    for name, values in (change or USUAL).items():
        if name not in base:
            raise AnalysisError(unknown("threshold", name, base))
        for value in values:
            changed = Thresholds(**{**base, name: value})
            rows.append(Response(name, value, classify_frame(atoms, changed).curve_values()))
    return rows
