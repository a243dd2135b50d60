"""One local worker: takes FireWorks jobs one after another until it is told to stop.

``rlaunch rapidfire`` does the same for jobs of any kind. This one ends after an interrupt, where
rapidfire would go on with the next job, and it keeps no directory of a job that went well.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fireworks import FWorker, LaunchPad

IDLE_SECONDS = 0.5


class Worker:
    """Takes jobs in the current directory, each in a folder of its own."""

    def __init__(self, launchpad: LaunchPad, fworker: FWorker) -> None:
        self.launchpad = launchpad
        self.fworker = fworker
        self.stopping = False
        self._in_job = False

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: the job in hand may end well, an MD segment early; no other begins."""
        self.stopping = True
        if not self._in_job:
            raise KeyboardInterrupt

    def work(self) -> None:
        """Take jobs until stopped."""
        while not self.stopping:
            if self.launchpad.run_exists(self.fworker):
                self._one()
            else:
                time.sleep(IDLE_SECONDS)

    def _one(self) -> None:
        from fireworks.core.rocket_launcher import launch_rocket

        home, folder = Path.cwd(), Path(mkdtemp(prefix="launcher_", dir="."))
        os.chdir(folder)
        self._in_job = True
        try:
            well = launch_rocket(self.launchpad, self.fworker, strm_lvl="WARNING")
        finally:
            self._in_job = False
            os.chdir(home)
        if well or not any(folder.iterdir()):
            shutil.rmtree(folder)


def main() -> None:
    """Work for the LaunchPad that ``FW_CONFIG_FILE`` names."""
    from fireworks import FWorker, LaunchPad

    worker = Worker(LaunchPad.auto_load(), FWorker.auto_load())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, worker.interrupt)
    try:
        worker.work()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
