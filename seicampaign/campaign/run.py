"""Works a campaign off on this machine: FireWorks workers, and a display of progress."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seicampaign.campaign.status import FINISHED, HELD, CampaignStatus, campaign_status
from seicampaign.errors import CampaignError, StoreError, full_disk
from seicampaign.jobs import walltime
from seicampaign.jobs.md import PARKED
from seicampaign.recovery import tend
from seicampaign.settings import settings
from seicampaign.store import connect

if TYPE_CHECKING:
    from seicampaign.campaign.campaign import Campaign
    from seicampaign.store import CampaignStore

log = logging.getLogger(__name__)
Progress = Callable[[CampaignStatus], None]
POLL_SECONDS = 1.0
TEND_SECONDS = 30.0
GOING = ["READY", "RESERVED", "RUNNING"]
MOST_AWAY = 3
"""Times in a row that the database may go away, before it has lasted for LASTING seconds."""
LASTING = 120.0
STARTING = timedelta(seconds=10)
"""What began less than this ago may not have opened its trajectory yet."""


def run(
    campaign: Campaign,
    store: CampaignStore,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CampaignStatus:
    """Launch a campaign and work on it here until nothing of it is left to do.

    A database that goes away and can be reached again, as an embedded one that was killed, costs
    what came after the last restart points.

    Raises
    ------
    CampaignError
        If simulations did not complete; what they and the others have stored stays.
    StoreError
        If the database is gone for good, or goes away again and again.
    """
    campaign.launch(store)
    many = workers or max(1, (os.cpu_count() or 1) // settings().mpi_ranks)
    away = 0
    while True:
        started = time.monotonic()
        try:
            with store.explained("used"):
                status = _work_off(campaign.name, store, many, progress)
            break
        except StoreError as error:
            away = 1 if time.monotonic() - started > LASTING else away + 1
            if away > MOST_AWAY:
                raise
            _reopen(store)
            log.warning("%s\nIt answers: %r goes on.", str(error).splitlines()[0], campaign.name)
    _require_success(store, status)
    return status


def _work_off(
    name: str, store: CampaignStore, many: int, progress: Progress | None
) -> CampaignStatus:
    status = campaign_status(store, name)
    if status.finished:
        return status
    _revive(store, status)
    with _display(progress) as show, _workers(store, status, many) as processes:
        try:
            with store.explained("used"):
                _watch(name, store, processes, show)
        except StoreError:
            _reopen(store)  # before the workers end, which store what they have
            raise
    return campaign_status(store, name)


def _reopen(store: CampaignStore) -> None:
    """Start an embedded database again, and require that the database answers."""
    connect(store.uri, database=store.name).close()


def _require_success(store: CampaignStore, status: CampaignStatus) -> None:
    """Raise with the first reason if a simulation failed, in MD or in another of its jobs."""
    failed = [s for s in status.simulations if s.state not in FINISHED]
    if not failed:
        return
    first = failed[0]
    reason = first.error or (
        f"it is {first.state}. `{first.waits_for} {status.name}` lets it go on."
        if first.state in HELD
        else _fizzled(store, first.simulation_id)
    )
    raise CampaignError(
        f"{len(failed)} of {len(status.simulations)} simulations of {status.name!r} did not "
        f"complete. The first, {first.title} ({first.simulation_id}): {reason}"
    )


def _fizzled(store: CampaignStore, simulation_id: str) -> str:
    """Why the newest failed job of a simulation failed, as FireWorks recorded it."""
    launchpad = store.launchpad()
    jobs = [
        job["fw_id"]
        for job in launchpad.fireworks.find(
            {"spec.simulation": simulation_id, "state": "FIZZLED"}, {"fw_id": 1}
        )
    ]
    launch = launchpad.launches.find_one({"fw_id": {"$in": jobs}}, sort=[("launch_id", -1)])
    if launch is None:
        return "its jobs are paused, or taken by no worker. `lpad get_fws -d more` shows them."
    trace = launch["action"]["stored_data"].get("_exception", {}).get("_stacktrace", "")
    return trace.strip().rpartition("\n")[2] or "unknown; see `lpad get_fws -s FIZZLED -d all`."


def _revive(store: CampaignStore, status: CampaignStatus) -> None:
    """Make ready again what failed, and what claims to run but has no live process behind it."""
    launchpad = store.launchpad()
    ids = [s.simulation_id for s in status.simulations]
    again: dict[str, Any] = {"needs": None, "failures": []}  # who runs it has seen what it needed
    store.database["simulations"].update_many({"_id": {"$in": ids}}, {"$set": again})
    query = {"spec.simulation": {"$in": ids}, "state": {"$in": ["FIZZLED", "RUNNING"]}}
    lately = (datetime.now(UTC) - STARTING).isoformat()
    for found in launchpad.fireworks.find(query, {"fw_id": 1, "state": 1, "spec.simulation": 1}):
        started = {"fw_id": found["fw_id"], "time_start": {"$gt": lately}}
        if found["state"] == "RUNNING" and (
            store.is_being_written(found["spec"]["simulation"])
            or launchpad.launches.find_one(started)
        ):
            continue
        launchpad.rerun_fw(found["fw_id"])


@contextmanager
def _workers(
    store: CampaignStore, status: CampaignStatus, many: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes that take this campaign's jobs and no others."""
    folder = settings().home_directory() / "runs" / status.name
    folder.mkdir(parents=True, exist_ok=True)
    store.write_config(folder)
    _restrict(folder / "my_fworker.yaml", [s.simulation_id for s in status.simulations])
    length = walltime.job_length(os.environ)
    left = {} if length is None else {"SEICAMPAIGN_WALLTIME": f"{length - walltime.job_age():.0f}"}
    environment = os.environ | {
        **left,
        "FW_CONFIG_FILE": str(folder / "FW_config.yaml"),
        "JOBFLOW_CONFIG_FILE": str(folder / "jobflow.yaml"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "seicampaign.campaign.worker"]
    processes = []
    with (folder / "workers.log").open("ab") as log:
        for _ in range(min(many, len(status.simulations))):
            processes.append(
                subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
    try:
        yield processes
    finally:
        _end(processes)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Interrupt the workers, which commit what they have, and wait for them."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
    for process in processes:
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _restrict(path: Path, simulation_ids: list[str]) -> None:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe")
    worker: dict[str, Any] = yaml.load(path.read_text())
    worker["query"] = f'{{"spec.simulation": {{"$in": {simulation_ids!r}}}}}'.replace("'", '"')
    with path.open("w") as file:
        yaml.dump(worker, file)


def _watch(
    name: str, store: CampaignStore, processes: list[subprocess.Popen[bytes]], show: Progress
) -> None:
    """Show the status and mend what breaks, until no job is left that could run."""
    launchpad, tended = store.launchpad(), time.monotonic()
    while True:
        status = campaign_status(store, name)
        show(status)
        ids = [s.simulation_id for s in status.simulations]
        going = {
            "spec.simulation": {"$in": ids},
            "state": {"$in": GOING},
            "spec._fworker": {"$ne": PARKED},
        }
        idle = not launchpad.fireworks.count_documents(going)
        if idle or time.monotonic() - tended > TEND_SECONDS:
            tend(store, ids)
            tended = time.monotonic()
        if idle and not launchpad.fireworks.count_documents(going):
            return
        if all(process.poll() is not None for process in processes):
            folder = settings().home_directory() / "runs" / name
            raise CampaignError(
                f"The workers of {name!r} have ended early.{full_disk(folder)} "
                f"Their log: {folder / 'workers.log'}"
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def _display(progress: Progress | None) -> Iterator[Progress]:
    """The caller's own display; else a bar on a terminal; else nothing."""
    if progress is not None or not sys.stderr.isatty():
        yield progress or (lambda status: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)
        rate = Rate()

        def show(status: CampaignStatus) -> None:
            bar.update(
                task,
                total=status.ns_planned,
                completed=status.ns_done,
                description=rate.line(status),
            )

        yield show


class Rate:
    """How fast a campaign goes, over the time it has been watched."""

    def __init__(self) -> None:
        self._start: tuple[float, float] | None = None

    def line(self, status: CampaignStatus) -> str:
        """Ns done of planned, ns/day and time left."""
        now = time.monotonic()
        if self._start is None:
            self._start = (now, status.ns_done)
        seconds, done = now - self._start[0], status.ns_done - self._start[1]
        text = f"{status.name}: {status.ns_done:.4f} of {status.ns_planned:.4f} ns"
        if done <= 0:
            return text
        left = (status.ns_planned - status.ns_done) / done * seconds
        return f"{text}, {done / seconds * 86400:.2f} ns/day, {_duration(left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
