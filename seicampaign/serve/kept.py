"""Answers that are kept until what they were made of changes."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from fastapi import Request, Response

FRESH = 1.0
"""Seconds for which nothing is asked of the database again."""
MOST_BYTES = 64 * 2**20
MOST_ANSWERS = 1000


class Answer(NamedTuple):
    """What is sent, and the tag by which a browser asks whether it has changed."""

    body: bytes
    media: str
    tag: str


@dataclass
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    looked: float = -FRESH
    revision: Any = None
    answer: Answer | None = None


class Kept:
    """Answers by key, the least used forgotten first; each is made by one thread at a time.

    Parameters
    ----------
    fresh
        Seconds for which an answer is given without another look at the database, so that many
        who watch cost what one does.
    """

    def __init__(self, fresh: float = FRESH, most_bytes: int = MOST_BYTES) -> None:
        self._fresh, self._most = fresh, most_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self,
        key: Hashable,
        make: Callable[[], Any],
        *,
        revision: Callable[[], Any] | None = None,
        media: str = "application/json",
    ) -> Answer:
        """The answer of a key, made anew where it is not fresh and its revision has changed.

        Parameters
        ----------
        make
            Returns the body: bytes, text, or something for JSON.
        revision
            Returns what says, for less than `make` costs, whether the answer still holds.
        """
        entry = self._entry(key)
        with entry.lock:
            kept = entry.answer
            looked = time.monotonic()
            if kept is not None and looked - entry.looked < self._fresh:
                return kept
            now = None if revision is None else revision()
            if kept is None or now is None or now != entry.revision:
                kept = entry.answer = answer_of(make(), media)
                self._forget()
            entry.looked, entry.revision = looked, now
            return kept

    def _entry(self, key: Hashable) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            return entry

    def _forget(self) -> None:
        """Let go of what was used least, where there is too much."""
        with self._lock:
            sizes = {key: len(e.answer.body) for key, e in self._entries.items() if e.answer}
            total = sum(sizes.values())
            for key in list(self._entries)[:-1]:
                if total <= self._most and len(self._entries) <= MOST_ANSWERS:
                    return
                total -= sizes.get(key, 0)
                del self._entries[key]


def respond(request: Request, answer: Answer) -> Response:
    """Send an answer, or 304 to who has it already."""
    headers = {"ETag": answer.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == answer.tag:
        return Response(status_code=304, headers=headers)
    return Response(answer.body, media_type=answer.media, headers=headers)


def answer_of(made: Any, media: str) -> Answer:
    if not isinstance(made, bytes | str):
        made = json.dumps(made, default=str, allow_nan=False, ensure_ascii=False)
    body = made.encode() if isinstance(made, str) else made
    return Answer(body, media, f'"{blake2b(body, digest_size=12).hexdigest()}"')
