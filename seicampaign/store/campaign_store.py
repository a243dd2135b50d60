"""The store of campaigns: one MongoDB database, and everything the package keeps in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seicampaign.errors import CampaignError, StoreError, unknown
from seicampaign.store import sockets, uris
from seicampaign.store.collections import KEYS, UNAUTHORIZED, ensure_indexes
from seicampaign.store.mongod import log_tail, remedy

if TYPE_CHECKING:
    import pandas as pd
    from fireworks import LaunchPad
    from jobflow import JobStore
    from maggma.stores import MongoStore
    from numpy.typing import ArrayLike
    from pymongo import MongoClient
    from pymongo.database import Database

    from seicampaign.compare import Rank
    from seicampaign.store.curves import Curve
    from seicampaign.trajectory import Trajectory, TrajectoryWriter


class CampaignStore:
    """One database with campaigns, simulations, segments, trajectories, curves and potentials.

    It can be pickled, and used after a fork: each process opens connections of its own.
    """

    def __init__(self, uri: str, name: str) -> None:
        self.uri = uri
        self.name = name
        self.fences: dict[str, int] = {}
        """The simulations this process has taken (`seicampaign.store.fences`), with its numbers."""
        self._owner = os.getpid()
        self._opened: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"CampaignStore({uris.redacted(self.uri)}, {self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        kept = {"uri": self.uri, "name": self.name, "fences": self.fences}
        return kept | {"_owner": -1, "_opened": {}}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def database(self) -> Database[dict[str, Any]]:
        """The pymongo database."""
        return self._open("client", self._new_client)[self.name]

    def ensure_indexes(self) -> None:
        """Make the indexes that do not exist; milliseconds when they all do."""
        with self.explained("opened"):
            ensure_indexes(self.database)

    @property
    def campaigns(self) -> MongoStore:
        """Campaigns as they were declared, by name."""
        return self._collection("campaigns")

    @property
    def simulations(self) -> MongoStore:
        """Simulations, by ``simulation_id``."""
        return self._collection("simulations")

    @property
    def segments(self) -> MongoStore:
        """Segments of simulations, by ``segment_id``."""
        return self._collection("segments")

    @property
    def trajectories(self) -> MongoStore:
        """What is committed of each trajectory: frames, last step, time. By ``trajectory_id``."""
        return self._collection("trajectories")

    @property
    def curves(self) -> MongoStore:
        """Curves as stored, by ``curve_id``; `curve` and `read_curves` give them as arrays."""
        return self._collection("curves")

    @property
    def potentials(self) -> MongoStore:
        """Potentials, by ``hash``."""
        return self._collection("potentials")

    @property
    def configurations(self) -> MongoStore:
        """Labelled configurations, by ``configuration_id`` (see `seicampaign.store.datasets`)."""
        return self._collection("configurations")

    @property
    def datasets(self) -> MongoStore:
        """Versions of data sets, by ``dataset_id``: ``<name>/<version>``."""
        return self._collection("datasets")

    @property
    def quarantine(self) -> MongoStore:
        """Configurations that were set apart, with the reasons, by ``quarantine_id``."""
        return self._collection("quarantine")

    @property
    def electrolytes(self) -> MongoStore:
        """Built: one document per electrolyte and condition, by ``electrolyte_id``."""
        return self._collection("electrolytes")

    def launchpad(self) -> LaunchPad:
        """The FireWorks LaunchPad of this database, made ready for its first workflow."""
        from seicampaign.store.workers import launchpad

        with self.explained("used by FireWorks"):
            return launchpad(self.uri, self.name)

    def job_store(self) -> JobStore:
        """The jobflow JobStore of this database, connected."""
        from jobflow import JobStore
        from maggma.stores import MongoStore

        store = JobStore(MongoStore(self.name, "outputs", uri=self.uri, key="uuid"))
        store.connect()
        return store

    def write_config(self, directory: Path | str) -> list[Path]:
        """Write the files with which ``lpad``, ``rlaunch`` and ``mrun`` use this database."""
        from seicampaign.store.workers import write_config

        self.launchpad()
        return write_config(self.uri, self.name, Path(directory))

    def trajectory(self, simulation_id: str) -> Trajectory:
        """The stored frames of a simulation, read as they are asked for."""
        from seicampaign.store.trajectories import chunks_of
        from seicampaign.trajectory import Trajectory

        with self.explained("read"):
            return Trajectory(chunks_of(self, simulation_id))

    def trajectory_writer(
        self, simulation_id: str, numbers: ArrayLike | None = None, **options: Any
    ) -> TrajectoryWriter:
        """Continue the trajectory of a simulation, or begin it.

        Parameters
        ----------
        numbers
            Atomic numbers, shape (n_atoms,): needed to begin one, compared when there is one.
        options
            ``precision``, ``chunk`` and ``metadata`` of a new one.
        """
        from seicampaign.store.trajectories import open_writer

        with self.explained("written"):
            return open_writer(self, simulation_id, numbers, **options)

    def is_being_written(self, simulation_id: str) -> bool:
        """Whether a live process is writing the trajectory of a simulation."""
        from seicampaign.store.trajectories import chunks_of
        from seicampaign.trajectory.lease import Lease

        with self.explained("read"):
            return Lease.is_held(chunks_of(self, simulation_id))

    def delete_trajectory(self, simulation_id: str) -> None:
        """Delete every chunk and record of a trajectory. Without one, nothing happens."""
        from seicampaign.store.trajectories import delete

        with self.explained("written"):
            delete(self, simulation_id)

    def append_curves(
        self,
        simulation_id: str,
        curves: Mapping[str, ArrayLike],
        steps: ArrayLike,
        times: ArrayLike,
        analysis: str,
        *,
        units: Mapping[str, str] | None = None,
        dtype: str = "float32",
    ) -> None:
        """Append points to curves; points at or before a curve's last step are ignored.

        They say whether the simulation's potential is approved, as its document does.

        Parameters
        ----------
        curves
            Values by name, each of shape (n,).
        steps, times
            MD steps and ps, shape (n,), increasing.
        analysis
            What made them: ``Thresholds.key()``, or ``"md"`` for what the engine reports.
        units
            Unit by name, kept from the first call on.
        dtype
            ``"float32"`` or ``"float64"``.
        """
        from seicampaign.store.curves import append

        with self.explained("written"):
            found = self.database.simulations.find_one({"_id": simulation_id}, {"approved": 1})
            append(
                self.database.curves,
                simulation_id,
                curves,
                steps,
                times,
                analysis,
                units=units,
                dtype=dtype,
                approved=(found or {}).get("approved", True),
                fence=self.fences.get(simulation_id),
            )

    def curve(self, simulation_id: str, name: str, analysis: str | None = None) -> Curve:
        """One curve; of several analyses, the latest written unless one is named."""
        from seicampaign.store.curves import read_one

        with self.explained("read"):
            return read_one(self.database.curves, simulation_id, name, analysis)

    def curves_of(self, simulation_id: str, analysis: str | None = None) -> dict[str, Curve]:
        """All curves of a simulation by name."""
        return self.read_curves([simulation_id], analysis=analysis)[simulation_id]

    def read_curves(
        self,
        simulation_ids: Sequence[str],
        names: Iterable[str] | None = None,
        analysis: str | None = None,
    ) -> dict[str, dict[str, Curve]]:
        """Curves of many simulations in one query: ``{simulation_id: {name: Curve}}``."""
        from seicampaign.store.curves import read

        with self.explained("read"):
            return read(self.database.curves, simulation_ids, names, analysis)

    def compare(
        self,
        campaign: str | None = None,
        *,
        times: Sequence[float] | None = None,
        **conditions: Any,
    ) -> pd.DataFrame:
        """Compare electrolytes: a row for each electrolyte and condition.

        Parameters
        ----------
        campaign
            Only the simulations of this campaign.
        times
            In ps, where the curves are read. Default: a quarter, a half and the whole of the
            shortest run.
        conditions
            Further filters on the simulations, e.g. ``temperature=400`` or
            ``electrolyte=["Li6PS5Cl", "Li7PS6"]``.

        Returns
        -------
        pandas.DataFrame
            As of `seicampaign.compare.comparison_table`.

        Raises
        ------
        CampaignError
            If there is no such campaign, or no simulation has such a condition.
        """
        from seicampaign.compare import comparison_table
        from seicampaign.compare.table import CURVE_NAMES

        simulations = self.simulations_of(campaign, conditions)
        ids = [document["simulation_id"] for document in simulations]
        return comparison_table(simulations, self.read_curves(ids, CURVE_NAMES), times)

    def compare_curves(
        self,
        name: str = "reduction_degree",
        campaign: str | None = None,
        *,
        times: Sequence[float] | None = None,
        **conditions: Any,
    ) -> pd.DataFrame:
        """One curve of every electrolyte and condition on one time grid, mean and spread.

        Parameters are as of `compare`; the table is as of `seicampaign.compare.aligned_curves`.
        """
        from seicampaign.compare import aligned_curves

        simulations = self.simulations_of(campaign, conditions)
        ids = [document["simulation_id"] for document in simulations]
        curves = self.read_curves(ids, [name])
        if not any(curves.values()):
            self._require_curve(name, ids)
        return aligned_curves(simulations, curves, name, times)

    def ranking(
        self, quantity: str = "half_reduction", campaign: str | None = None, **conditions: Any
    ) -> list[Rank]:
        """Electrolytes by a quantity of their summaries, and what their seeds leave undecided.

        The summaries are those that `ElectrolyteBuilder` has stored. Parameters are as of
        `compare`; quantities are `seicampaign.compare.ranking.RANKED`.
        """
        from seicampaign.compare import plain_conditions, rank_documents

        query = plain_conditions(conditions | ({} if campaign is None else {"campaigns": campaign}))
        with self.explained("read"):
            found = list(self.database.electrolytes.find(query))
        if not found:
            self._require_names(campaign, {})
        return rank_documents(found, quantity)

    def simulations_of(
        self, campaign: str | None, conditions: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The documents of the simulations that `compare` takes."""
        from seicampaign.compare import plain_conditions

        query = plain_conditions(conditions)
        if campaign is not None:
            query |= plain_conditions({"campaigns": campaign})
        with self.explained("read"):
            found = list(self.database.simulations.find(query, {"spec.potential": 0}))
        if not found:
            self._require_names(campaign, conditions)
        return found

    def _require_names(self, campaign: str | None, conditions: Mapping[str, Any]) -> None:
        """Where nothing was found: refuse a name that nothing in the database has."""
        from seicampaign.compare import CHOSEN_BY
        from seicampaign.store.campaigns import find_campaign

        if campaign is not None:
            find_campaign(self, campaign, "name")
        with self.explained("read"):
            for name in conditions.keys() - set(CHOSEN_BY):
                if self.database.simulations.find_one({name: {"$exists": True}}) is None:
                    raise CampaignError(unknown("condition", name, CHOSEN_BY))

    def _require_curve(self, name: str, ids: Sequence[str]) -> None:
        """Where simulations have curves, but none of this name: refuse the name."""
        with self.explained("read"):
            known = self.database.curves.distinct("name", {"simulation_id": {"$in": list(ids)}})
        if known:
            raise StoreError(unknown("curve", name, known))

    def truncate_curves(self, simulation_id: str, step: int) -> None:
        """Drop all points of all curves of a simulation after a step."""
        from seicampaign.store.curves import truncate

        with self.explained("written"):
            truncate(self.database.curves, simulation_id, step, self.fences.get(simulation_id))

    def close(self) -> None:
        """Close the connections. The store opens them again if it is used."""
        for opened in self._opened.values():
            opened.close()
        self._opened.clear()

    @contextmanager
    def explained(self, use: str) -> Iterator[None]:
        """Turn pymongo's errors into a StoreError that says where, why and what to do."""
        from pymongo.errors import PyMongoError

        try:
            yield
        except PyMongoError as error:
            raise StoreError(self._explanation(use, error)) from None

    def _explanation(self, use: str, error: Exception) -> str:
        if getattr(error, "code", None) == UNAUTHORIZED:
            return (
                f"Database {self.name!r} of {uris.redacted(self.uri)} cannot be {use} with this "
                "account: reading takes MongoDB's role `read` on it, all else `readWrite`."
            )
        said = str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
        reason = f"{type(error).__name__}: {said}"
        text = f"{uris.redacted(self.uri)} cannot be {use}. {reason}."
        path = uris.socket_of(self.uri)
        home = sockets.home_of(path) if path is not None else None
        if home is None:
            return f"{text} Is the server running, and are the URI and its credentials right?"
        tail = log_tail(home / "mongod.log")
        return (
            f"{text} This is the embedded database of {home}: if it has died, the next command "
            f"starts it again. {remedy(tail, home / 'data')}"
        ) + (f"\nIts last errors:\n{tail}" if tail else "")

    def _collection(self, name: str) -> MongoStore:
        return self._open(name, lambda: self._new_collection(name))

    def _open(self, name: str, make: Callable[[], Any]) -> Any:
        """What this process has opened under a name; what another one opened is left to it."""
        if self._owner != os.getpid():
            self._owner, self._opened = os.getpid(), {}
        if name not in self._opened:
            self._opened[name] = make()
        return self._opened[name]

    def _new_client(self) -> MongoClient[dict[str, Any]]:
        from pymongo import MongoClient
        from pymongo.errors import InvalidURI

        try:
            return MongoClient(self.uri)
        except ValueError as error:
            raise InvalidURI(str(error)) from None

    def _new_collection(self, name: str) -> MongoStore:
        from maggma.stores import MongoStore

        store = MongoStore(self.name, name, uri=self.uri, key=KEYS[name])
        store.connect()
        return store
