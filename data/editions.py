"""The edition store: who reads always has one whole edition, and who writes disturbs nobody."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from data.edition import (
    Edition,
    EditionDamaged,
    EditionError,
    Limits,
    QueryStopped,
    create_tables,
    memory_edition,
    open_edition,
)
from data.integrity import state_hash
from data.publishing import Build, Step, no_step
from data.shelf import Shelf
from data.site import Site

__all__ = [
    "Build",
    "Edition",
    "EditionDamaged",
    "EditionError",
    "EditionStore",
    "Limits",
    "NoEdition",
    "QueryStopped",
    "create_tables",
    "memory_edition",
    "state_hash",
]

LINGER = 60.0  # seconds that an edition no longer served stays open after its last use
MAX_LINGERING = 2  # each has a block cache of its own, so not one a swap
RETRY = 300.0  # seconds until an edition found damaged is tried again, by a full scan


class NoEdition(EditionError):
    """There is no such edition (or none at all) in this home."""


@dataclass
class _Handle:
    edition: Edition
    users: int = 0
    used_at: float = 0.0


class EditionStore:
    """The editions of one home. Safe for threads; any number of processes may read at once."""

    def __init__(self, home: Path, limits: Limits | None = None, linger: float = LINGER) -> None:
        self.home = Path(home)
        self._shelf = Shelf(self.home)
        self._limits = limits or Limits()
        self._linger = linger
        self._lock = threading.Lock()  # guards the fields below; never held while a file is opened
        self._switching = threading.Lock()  # held while the newest edition is being opened
        self._open: dict[int, _Handle] = {}
        self._served: _Handle | None = None
        self._aimed_at: int | None = None  # what CURRENT said when `_served` was chosen
        self._damaged: dict[int, float] = {}
        self._retry_at = 0.0
        self._is_moving = False

    @contextmanager
    def reading(self, number: int | None = None) -> Iterator[Edition]:
        """An edition, held open while used: the newest, or the one named.

        After CURRENT moved, the first reading() has the new file opened in the background, and
        readers get the old one until that is done; so nobody waits. NoEdition where there is none.
        """
        handle = self._borrowed(number)
        try:
            yield handle.edition
        except EditionDamaged as error:
            self._note_damage(handle.edition.number, str(error))
            raise
        finally:
            self._give_back(handle)

    def current(self) -> int | None:
        """The number of the newest published edition; None before the first."""
        return self._shelf.current()

    def serving(self) -> int | None:
        """The number that reading() gives now. It follows current() once the new file is open."""
        try:
            with self.reading() as edition:
                return edition.number
        except NoEdition:
            return None

    def problem(self) -> str | None:
        """Why the current edition is not the one served; None when all is well."""
        if self._shelf.has_damaged_pointer():
            return f"{self.home / 'CURRENT'} 读不出版本号，改用磁盘上最新的版本"
        noted = self._shelf.problem()
        return f"版本 {noted[0]} 已损坏，改用上一个完好的版本：{noted[1]}" if noted else None

    def numbers(self) -> list[int]:
        """The editions that can be read, oldest first."""
        return self._shelf.numbers()

    def pinned(self) -> set[int]:
        return self._shelf.pinned()

    def pin(self, number: int) -> None:
        """Spare an edition from pruning; NoEdition where it does not exist."""
        try:
            self._shelf.pin(number)
        except FileNotFoundError:
            raise NoEdition(self._absence(number)) from None

    def unpin(self, number: int) -> None:
        self._shelf.unpin(number)

    def prune(self, keep: int = 3) -> list[int]:
        """Delete all but the last `keep`, the pinned and those in use here; which were deleted."""
        return self._shelf.prune(keep, self._in_use())

    @contextmanager
    def building(self, site: Site, wait: float = 0.0, step: Step = no_step) -> Iterator[Build]:
        """Write the next edition on a copy of the current one; call publish() to serve it.

        One writer at a time: waits `wait` seconds for another, then EditionError. Leaving without
        publish() throws the copy away. EditionError where the home belongs to another site.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with self._writing(wait):
            self._shelf.sweep()
            base = self._base(site)
            build = Build(self._shelf, site, base, step)
            try:
                yield build
            finally:
                build.discard()
            if build.number is not None:
                self._follow()
                build.prune(site.keep_editions, self._in_use())

    def close(self) -> None:
        """Close every open edition."""
        with self._lock:
            for handle in self._open.values():
                handle.edition.close()
            self._open.clear()
            self._served = None

    # Reading

    def _borrowed(self, number: int | None) -> _Handle:
        while True:
            handle = self._handle(number) if number is not None else self._newest()
            with self._lock:
                if self._open.get(handle.edition.number) is handle:  # else closed meanwhile
                    handle.users += 1
                    handle.used_at = time.monotonic()
                    return handle

    def _give_back(self, handle: _Handle) -> None:
        with self._lock:
            handle.users -= 1
            self._close_idle()

    def _newest(self) -> _Handle:
        wanted = self._shelf.current()
        with self._lock:
            served = self._served
            is_behind = wanted != self._aimed_at or time.monotonic() > self._retry_at > 0
            starts = served is not None and is_behind and not self._is_moving
            self._is_moving = self._is_moving or starts
        if starts:
            threading.Thread(target=self._move, name="edition", daemon=True).start()
        return served or self._first()

    def _first(self) -> _Handle:
        with self._switching:
            return self._served or self._switched()

    def _move(self) -> None:
        try:
            with self._switching, suppress(EditionError):
                self._switched()
        finally:
            self._is_moving = False

    def _follow(self) -> None:
        """Serve what this process has just published, if it serves at all."""
        if self._served is not None:
            with self._switching:
                self._switched()

    def _switched(self) -> _Handle:
        """Open the newest edition that can be read, and serve it from now on."""
        aim = self._shelf.current()
        self._retry_at = 0.0
        for number in self._shelf.candidates():
            try:
                handle = self._handle(number)
            except EditionDamaged as error:
                self._note_damage(number, str(error))
                continue
            with self._lock:
                self._served, self._aimed_at = handle, aim
            return handle
        self._aimed_at = aim
        if aim is None:
            raise NoEdition(f"{self.home}：还没有发布过版本；请先运行 python -m etl run")
        raise EditionDamaged(f"{self.home}：没有一个版本读得出来")

    def _handle(self, number: int) -> _Handle:
        with self._lock:
            handle = self._open.get(number)
        if handle is not None:
            return handle
        if number not in self._shelf.numbers():
            raise NoEdition(self._absence(number))
        edition = open_edition(self._shelf.path(number), self._limits)
        with self._lock:
            return self._open.setdefault(number, _Handle(edition, used_at=time.monotonic()))

    def _close_idle(self) -> None:
        now = time.monotonic()
        idle = [h for h in self._open.values() if not h.users and h is not self._served]
        idle.sort(key=lambda handle: handle.used_at, reverse=True)
        for place, handle in enumerate(idle):
            if place >= MAX_LINGERING or now - handle.used_at > self._linger:
                del self._open[handle.edition.number]
                handle.edition.close()

    def _note_damage(self, number: int, reason: str) -> None:
        self._shelf.note_problem(number, reason)

    def _in_use(self) -> set[int]:
        with self._lock:
            return {number for number, handle in self._open.items() if handle.users}

    def _absence(self, number: int) -> str:
        there = "、".join(map(str, self.numbers())) or "无"
        return f"没有版本 {number}（可能已清理）；现有：{there}"

    # Writing

    @contextmanager
    def _writing(self, wait: float) -> Iterator[None]:
        lock = FileLock(self.home / "etl.lock")
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise EditionError(f"{self.home}：另一个装载正在进行；请等它结束后再试") from None
        try:
            yield
        finally:
            lock.release()

    def _base(self, site: Site) -> int | None:
        """The edition to start from; EditionError where it is another site's."""
        try:
            with self.reading() as edition:
                if edition.site.name != site.name:
                    raise EditionError(
                        f"{self.home} 属于站点 {edition.site.name}，不能装载站点 {site.name}；"
                        "请换一个 --home"
                    )
                return edition.number
        except NoEdition:
            return None
