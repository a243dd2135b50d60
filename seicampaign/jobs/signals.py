"""Signals that ask a running segment to end early, without interrupting it in the middle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Whether a stop was asked for: by a signal, or by another reason that is looked at."""

    def __init__(self, also: Callable[[], bool] = lambda: False) -> None:
        self._also = also
        self._previous = {number: signal.getsignal(number) for number in NUMBERS}
        self._received: int | None = None

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._received is not None or self._also()

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Signal handler; a worker that handles signals itself is told at once."""
        self._received = number
        previous = self._previous[signal.Signals(number)]
        if callable(previous) and previous is not signal.default_int_handler:
            previous(number, frame)

    def pass_on(self) -> None:
        """Raise the KeyboardInterrupt that a SIGINT would have been.

        After a SIGTERM nothing follows: whoever sent it wants the job to end, and it does.
        """
        if self._received == signal.SIGINT and (
            self._previous[signal.SIGINT] is signal.default_int_handler
        ):
            raise KeyboardInterrupt


@contextmanager
def stop_signals(also: Callable[[], bool] = lambda: False) -> Iterator[StopSignals]:
    """Collect SIGINT and SIGTERM instead of letting them interrupt what is being stored.

    Signals reach the main thread alone: in another thread nothing changes.
    """
    stop = StopSignals(also)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(number, stop.receive) for number in NUMBERS]
    try:
        yield stop
    finally:
        for number, handler in zip(NUMBERS, before, strict=True):
            signal.signal(number, handler)
