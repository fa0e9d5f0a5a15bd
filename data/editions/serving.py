"""Which edition readers get: opened beside the old one, which is closed once nobody needs it."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakMethod

from data.editions.edition import (
    Edition,
    EditionDamaged,
    EditionError,
    Limits,
    NoEdition,
    open_edition,
)
from data.editions.shelf import Shelf

LINGER = 60.0  # seconds that an edition no longer served stays open after its last use
MAX_LINGERING = 2  # each has a block cache of its own, so not one a swap
RETRY = 300.0  # seconds until an edition found damaged is tried again, by a full scan


@dataclass(eq=False)
class _Handle:
    edition: Edition
    users: int = 0
    used_at: float = 0.0


class Serving:
    """The open editions of one home in this process. Safe for threads."""

    def __init__(self, shelf: Shelf, limits: Limits, linger: float) -> None:
        self._shelf = shelf
        self._limits = limits
        self._linger = linger
        self._lock = threading.Lock()  # guards the fields below; never held while a file is opened
        self._switching = threading.Lock()  # held while the newest edition is being opened
        self._open: dict[int, _Handle] = {}
        self._served: _Handle | None = None
        self._aimed_at: int | None = None  # what CURRENT said when `_served` was chosen
        self._damaged: dict[int, float] = {}
        self._retry_at = math.inf
        self._is_moving = False

    @contextmanager
    def reading(self, number: int | None = None) -> Iterator[Edition]:
        """An edition, held open while used: the newest, or the one named.

        NoEdition where there is none; EditionDamaged, from here or from a query, where it cannot
        be read.
        """
        handle = self._borrowed(number)
        try:
            yield handle.edition
        except EditionDamaged as error:
            self._give_up(handle, str(error))
            raise
        finally:
            self._give_back(handle)

    def follow(self) -> None:
        """Serve at once what this process has just published, if it serves at all."""
        if self._served is not None:
            with self._switching:
                self._switched()

    def in_use(self) -> set[int]:
        """The editions that somebody is reading now."""
        with self._lock:
            return {number for number, handle in self._open.items() if handle.users}

    def close(self) -> None:
        """Close every open edition."""
        with self._lock:
            for handle in self._open.values():
                handle.edition.close()
            self._open.clear()
            self._served = None

    def _borrowed(self, number: int | None) -> _Handle:
        while True:
            handle = self._newest() if number is None else self._handle(number)
            with self._lock:
                if self._open.get(handle.edition.number) is handle:  # else closed meanwhile
                    handle.users += 1
                    handle.used_at = time.monotonic()
                    return handle

    def _give_back(self, handle: _Handle) -> None:
        with self._lock:
            handle.users -= 1
            is_abandoned = not handle.users and handle not in self._open.values()
            done = [handle] if is_abandoned else []
            done += self._taken_out()
        for each in done:  # not under the lock: freeing a block cache takes its time
            each.edition.close()

    def _give_up(self, handle: _Handle, reason: str) -> None:
        """Serve a damaged edition no longer; who still uses it keeps it until given back."""
        number = handle.edition.number
        self._note_damage(number, reason)
        with self._lock:
            if self._open.get(number) is handle:
                del self._open[number]
            if self._served is handle:
                self._served = None

    def _newest(self) -> _Handle:
        wanted = self._shelf.current()
        with self._lock:
            served = self._served
            is_behind = wanted != self._aimed_at or time.monotonic() > self._retry_at
            starts = served is not None and is_behind and not self._is_moving
            self._is_moving = self._is_moving or starts
        if starts:
            threading.Thread(target=self._move, name="edition", daemon=True).start()
        return served or self._first()

    def _first(self) -> _Handle:
        with self._switching:
            return self._served or self._switched()

    def _move(self) -> None:
        """In the background; where it fails the old edition goes on serving, and it is tried again
        later: only who knows what went wrong may forget about it."""
        self._retry_at = time.monotonic() + RETRY
        try:
            with self._switching, suppress(EditionError):
                self._switched()
        finally:
            self._is_moving = False

    def _switched(self) -> _Handle:
        """Open the newest edition that can be read, and serve it from now on."""
        while True:
            self._aimed_at = self._shelf.current()
            handle = self._newest_sound()
            if handle is not None:
                with self._lock:
                    self._served = handle
                    self._retry_at = self._next_retry(handle.edition.number)
                self._give_back(handle)
                return handle
            if self._shelf.current() == self._aimed_at:  # else all were pruned as we tried
                if self._aimed_at is None:
                    raise NoEdition(self._shelf.absence())
                raise EditionDamaged(self._shelf.ruin())

    def _next_retry(self, served: int) -> float:
        """When a newer edition than the one served, damaged so far, is to be tried again."""
        newer = [n for n in self._shelf.candidates() if n > served and n in self._damaged]
        return min((self._damaged[number] + RETRY for number in newer), default=math.inf)

    def _newest_sound(self) -> _Handle | None:
        """Borrowed, so that nobody closes it before it is served."""
        for number in self._shelf.candidates():
            if time.monotonic() - self._damaged.get(number, -math.inf) < RETRY:
                continue
            try:
                return self._cleared(number)
            except NoEdition:
                continue
            except EditionDamaged as error:
                self._note_damage(number, str(error))
        return None

    def _cleared(self, number: int) -> _Handle:
        """An edition, borrowed; one found damaged before must pass a full scan."""
        handle = self._borrowed(number)
        if number not in self._damaged:
            return handle
        try:
            handle.edition.scan()
        except BaseException:
            self._give_back(handle)
            raise
        del self._damaged[number]
        self._shelf.clear_problem()
        return handle

    def _note_damage(self, number: int, reason: str) -> None:
        self._damaged[number] = time.monotonic()
        self._shelf.note_problem(number, reason)

    def _handle(self, number: int) -> _Handle:
        with self._lock:
            handle = self._open.get(number)
        if handle is not None:
            return handle
        try:
            path, home = self._shelf.path(number), self._shelf.home
            edition = open_edition(path, self._limits, home, WeakMethod(self.reading))
        except EditionDamaged:
            if number in self._shelf.numbers():
                raise
            raise NoEdition(self._shelf.absence(number)) from None
        with self._lock:
            handle = self._open.setdefault(number, _Handle(edition, used_at=time.monotonic()))
        if handle.edition is not edition:
            edition.close()
        return handle

    def _taken_out(self) -> list[_Handle]:
        """The editions that nobody has needed for a while; from here on nobody can get them."""
        now = time.monotonic()
        idle = [h for h in self._open.values() if not h.users and h is not self._served]
        idle.sort(key=lambda handle: handle.used_at, reverse=True)
        gone = [
            handle
            for place, handle in enumerate(idle)
            if place >= MAX_LINGERING or now - handle.used_at > self._linger
        ]
        for handle in gone:
            del self._open[handle.edition.number]
        return gone
