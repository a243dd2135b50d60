"""The commit record: what of a trajectory counts, whatever else lies in its store."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from zarr.abc.store import Store

from seicampaign.errors import TrajectoryError
from seicampaign.trajectory import keys
from seicampaign.trajectory.layout import SCHEMA_VERSION, Layout


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes
    ----------
    frames
        Frames that count.
    last_step, last_time
        Of the last of them (ps); None without frames.
    generation
        Commits before this one.
    """

    frames: int = 0
    last_step: int | None = None
    last_time: float | None = None
    generation: int = 0


@dataclass(frozen=True)
class Root:
    """The attributes of the root group: what the trajectory is, and its last commit."""

    layout: Layout
    metadata: dict[str, Any]
    commit: Commit

    def save(self, store: Store) -> None:
        """Write all of it in one step, which is what makes a commit."""
        attributes = {
            "schema_version": SCHEMA_VERSION,
            "layout": self.layout.to_attributes(),
            "metadata": self.metadata,
            "commit": asdict(self.commit),
        }
        keys.put_attributes(store, "", attributes | {"crc32": _checksum(attributes)})

    @classmethod
    def load(cls, store: Store) -> Root:
        """Read it.

        Raises
        ------
        TrajectoryError
            If the store holds no trajectory, or one of a newer version.
        """
        root = cls.find(store)
        if root is None:
            raise TrajectoryError(f"{store} holds no trajectory (yet).")
        return root

    @classmethod
    def find(cls, store: Store) -> Root | None:
        """Read it, None where there is no trajectory."""
        stored = keys.get_attributes(store, "")
        # Zarr makes an empty root for the first array: without a commit it is no trajectory.
        if not stored:
            return None
        version = stored.get("schema_version")
        if version is None:
            raise TrajectoryError(f"{store} holds Zarr data that is no trajectory of this package.")
        if version > SCHEMA_VERSION:
            raise TrajectoryError(
                f"{store} has schema version {version}; this seicampaign reads up to "
                f"{SCHEMA_VERSION}. Upgrade seicampaign to read it."
            )
        # Trajectories that were last written before there was one have none.
        if (said := stored.pop("crc32", None)) is not None and said != _checksum(stored):
            raise TrajectoryError(
                f"The commit record of {store} is not what was written. Put it back from a copy, "
                "or delete the trajectory and run the simulation again."
            )
        layout = Layout.from_attributes(stored["layout"])
        return cls(layout, stored["metadata"], Commit(**stored["commit"]))


def _checksum(attributes: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(attributes, sort_keys=True).encode())
