"""The errors of the package.

Each says what happened, where, and what to do. Each is also a builtin error, so that
code that knows nothing of this package can catch it by its ordinary name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

FULL_DISK = 16 * 2**20
"""A disk with fewer free bytes than this explains why a program that writes to it ended."""


LISTED = 60
"""An error lists the valid names where there are no more than these."""


class SEICampaignError(Exception):
    """Base of every error this package raises on purpose."""


class SettingsError(SEICampaignError, ValueError):
    """A setting or an environment variable cannot be used."""


class StructureError(SEICampaignError, ValueError):
    """A crystal or an interface cannot be built as asked."""


class PotentialError(SEICampaignError, ValueError):
    """A potential cannot be read, or does not fit the structure it is asked to drive."""


class EngineError(SEICampaignError, RuntimeError):
    """LAMMPS, its plug-in or a compiler is missing, broken or of the wrong version."""


class SimulationError(SEICampaignError, RuntimeError):
    """A LAMMPS run ended before it should have."""


class TrainingError(SEICampaignError, ValueError):
    """A data set or a fit cannot be used as asked."""


class LabelError(SEICampaignError, RuntimeError):
    """A reference (ab initio) calculation failed."""


class AnalysisError(SEICampaignError, ValueError):
    """A frame or a curve cannot be analysed honestly."""


class CensusError(AnalysisError):
    """The reduction census cannot count boxes of this composition."""


class TrajectoryError(SEICampaignError, RuntimeError):
    """A trajectory is missing, torn, busy or does not fit what is written to it."""


class StoreError(SEICampaignError, ConnectionError):
    """The database cannot be started, reached or used."""


class TakenOverError(StoreError):
    """Another worker has what this one wanted to write."""


class CampaignError(SEICampaignError, ValueError):
    """A campaign file or matrix is wrong."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Say that `name` is not a known `kind`, with the nearest valid name first.

    Parameters
    ----------
    kind
        What the name should have been, e.g. ``"electrolyte"``.
    name
        The name that was given.
    valid
        All names that would have been accepted.
    """
    names = sorted(valid)
    by_lower = {n.lower(): n for n in names}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f" Did you mean {by_lower[close[0]]!r}?" if close else ""
    return f"Unknown {kind} {name!r}.{hint} Known: {listed(names)}."


def listed(names: Iterable[str]) -> str:
    """Names for an error, in order: all of them, or how many and the ends where they are many."""
    known = sorted(names)
    if len(known) > LISTED:
        return f"{len(known)} names, {known[0]} to {known[-1]}"
    return ", ".join(known) or "none yet"


def full_disk(path: Path) -> str:
    """A sentence to append to an error when the disk that holds a path is full, else nothing."""
    try:
        free = shutil.disk_usage(path).free
    except OSError:
        return ""
    if free > FULL_DISK:
        return ""
    return f" The disk of {path} is full ({free // 2**20} MB free): make room, then continue."
