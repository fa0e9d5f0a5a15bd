"""Turns: nobody has so much computed at once that others wait for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from data.editions.edition import EditionError

MOST, MOST_WAITING = 4, 4  # of one viewer; a page asks for about so much at one moment
PATIENCE = 5.0  # seconds that one of those who wait does


class Busy(EditionError):
    """The viewer is having as much computed as anybody may; the page asks again."""


class Turns:
    """Of each viewer so many compute, and as many wait; more are refused at once, so that whoever
    asks without end holds a few threads of the server and not all. Safe for threads."""

    def __init__(
        self, most: int = MOST, most_waiting: int = MOST_WAITING, patience: float = PATIENCE
    ) -> None:
        self._most, self._most_waiting, self._patience = most, most_waiting, patience
        self._computing: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._changed = threading.Condition()

    @contextmanager
    def of(self, who: str) -> Iterator[None]:
        """A turn of this viewer; Busy where there is none."""
        self._take(who)
        try:
            yield
        finally:
            with self._changed:
                _less(self._computing, who)
                self._changed.notify_all()

    def _take(self, who: str) -> None:
        until = monotonic() + self._patience
        with self._changed:
            if self._computing.get(who, 0) >= self._most:
                self._wait(who, until)
            self._computing[who] = self._computing.get(who, 0) + 1

    def _wait(self, who: str, until: float) -> None:
        if self._waiting.get(who, 0) >= self._most_waiting:
            raise Busy("正在为您计算，请稍候")
        self._waiting[who] = self._waiting.get(who, 0) + 1
        try:
            while self._computing.get(who, 0) >= self._most:
                if not self._changed.wait(until - monotonic()):
                    raise Busy("正在为您计算，请稍候")
        finally:
            _less(self._waiting, who)


def _less(counts: dict[str, int], who: str) -> None:
    counts[who] -= 1
    if not counts[who]:
        del counts[who]
