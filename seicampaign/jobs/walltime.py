"""How long the queue lets this process go on.

A length and an age are compared, both measured on this machine by clocks that only count up, so
that a machine whose date is wrong stops at the right moment too.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from seicampaign.errors import SettingsError, SimulationError
from seicampaign.settings import settings

SHORTEST = 10.0
"""Seconds of MD for which it is worth while to start LAMMPS."""
COMMITS = 3
"""How many of the slowest commits so far must fit into two thirds of the margin."""


class Deadline:
    """When LAMMPS should stop, so that what comes after it is done before the queue's job ends.

    Earlier than asked for where storing has been slow: what a commit takes depends on the size of
    the system, on the database and on who else is on the node, and only the run itself shows it.
    """

    def __init__(self, limit: float | None) -> None:
        self._end = None if limit is None else time.monotonic() + limit
        self._slowest = 0.0

    def took(self, seconds: float) -> None:
        """Learn how long a commit took on the clock."""
        self._slowest = max(self._slowest, seconds)

    def left(self) -> float | None:
        """Seconds until LAMMPS should stop; None where nothing ends this process."""
        if self._end is None:
            return None
        more = max(0.0, COMMITS * self._slowest - settings().walltime_margin * 2 / 3)
        return self._end - more - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether LAMMPS should stop now."""
        left = self.left()
        return left is not None and left <= 0


def limit() -> float | None:
    """Seconds after which LAMMPS should stop by itself; None where nothing ends this process.

    Raises
    ------
    SimulationError
        If too little is left to start at all.
    """
    length = job_length(os.environ)
    if length is None:
        return None
    age, margin = job_age(), settings().walltime_margin
    left = length - age - margin
    if left < SHORTEST:
        raise SimulationError(
            f"Not enough of the walltime is left to start LAMMPS: the queue's job has {length:.0f} "
            f"s, {age:.0f} s of them are over, and LAMMPS is to stop {margin:.0f} s before the end "
            "(SEICAMPAIGN_WALLTIME_MARGIN). "
            + (
                "Ask the queue for a longer walltime."
                if length - margin < 6 * SHORTEST
                else "Another job of the queue goes on with it."
            )
        )
    return left


def job_length(environment: Mapping[str, str]) -> float | None:
    """The walltime of the queue's job in seconds: from the settings, else from the queue."""
    if (given := settings().walltime) is not None:
        return seconds(given)
    start, end = environment.get("SLURM_JOB_START_TIME"), environment.get("SLURM_JOB_END_TIME")
    if start and end:
        return float(end) - float(start)
    if job := environment.get("SLURM_JOB_ID"):
        return _asked(["scontrol", "show", "job", job], r"TimeLimit=(\S+)")
    if given := environment.get("PBS_WALLTIME"):
        return seconds(given)
    if job := environment.get("PBS_JOBID"):
        return _asked(["qstat", "-f", job], r"Resource_List\.walltime = (\S+)")
    return None


def seconds(text: str) -> float:
    """``[days-]hours:minutes:seconds``, ``minutes:seconds`` or seconds, as a number.

    Raises
    ------
    SettingsError
        If it is none of these.
    """
    days, dash, clock = text.strip().rpartition("-")
    parts = clock.split(":")
    try:
        if len(parts) > 3:
            raise ValueError
        numbers = [float(part) for part in parts]
        if dash:  # Slurm counts from the left after days
            numbers += [0.0] * (3 - len(numbers))
        total = sum(value * 60**power for power, value in enumerate(reversed(numbers)))
        return total + 86400 * float(days or 0)
    except ValueError:
        raise SettingsError(
            f"{text!r} is no walltime: write it as days-hours:minutes:seconds, "
            "hours:minutes:seconds or seconds (SEICAMPAIGN_WALLTIME)."
        ) from None


def job_age() -> float:
    """Seconds since the queue's job began: the age of the oldest process of our session.

    Slurm and PBS run the script of a job in a session of its own.
    """
    session = os.getsid(0)
    stats = (_stat(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    ticks = min(int(stat[19]) for stat in stats if stat is not None and int(stat[3]) == session)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: str) -> list[str] | None:
    """The fields of a process's state after its name; None if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _asked(command: list[str], pattern: str) -> float | None:
    """What a program of the queue says; None if it does not, or there is no limit."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, said)
    return seconds(found[1]) if found and found[1][0].isdigit() else None
