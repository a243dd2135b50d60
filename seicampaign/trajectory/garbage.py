"""What lies in a store and belongs to no trajectory, or to one that is to go."""

from __future__ import annotations

from zarr.abc.store import Store

from seicampaign.trajectory import keys
from seicampaign.trajectory.checksums import page_path
from seicampaign.trajectory.layout import EDGES, SPECIES, STEP, TIME, Layout, is_chunk
from seicampaign.trajectory.lease import Lease


def uncommitted(store: Store, layout: Layout, frames: int) -> list[str]:
    """The chunks and pages of checksums that a commit of so many frames does not know."""
    pages = -(-frames // layout.page_frames)
    known = layout.position_keys(frames) | {f"{SPECIES}/c/0"}
    for page in range(pages):
        known |= {f"{STEP}/c/{page}", f"{TIME}/c/{page}", f"{EDGES}/c/{page}/0/0"}
    # The first page is there from the beginning: it has the checksum of the species.
    known |= {f"{page_path(page)}/zarr.json" for page in range(max(pages, 1))}
    chunks = [key for key in keys.list_keys(store, "particles/") if is_chunk(key)]
    return [key for key in chunks + keys.list_keys(store, "checksums/") if key not in known]


def clean(store: Store, layout: Layout, frames: int) -> None:
    """Delete what a commit of so many frames does not know; for who holds the lease."""
    keys.delete_keys(store, uncommitted(store, layout, frames))


def delete(store: Store) -> None:
    """Delete a trajectory and everything that belongs to it. Without one, nothing happens.

    Raises
    ------
    TrajectoryError
        If another process is writing it.
    """
    Lease.take(store)
    erase(store)


def erase(store: Store) -> None:
    """Delete every key, for who holds the lease, which goes with them."""
    # Without the root it is no trajectory any more, however far the rest comes.
    keys.delete_keys(store, ["zarr.json"])
    keys.delete_tree(store, "")
