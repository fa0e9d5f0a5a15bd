"""The edition store: who reads always has one whole edition, and who writes disturbs nobody."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from data.editions.edition import (
    Edition,
    EditionDamaged,
    EditionError,
    EditionOutdated,
    Limits,
    NoEdition,
)
from data.editions.publishing import Build, Step, building, no_step
from data.editions.serving import LINGER, Serving
from data.editions.shelf import Shelf
from data.site import Site


class EditionStore:
    """The editions of one home. Safe for threads; any number of processes may read at once."""

    def __init__(self, home: Path, limits: Limits | None = None, linger: float = LINGER) -> None:
        self.home = Path(home)
        self._shelf = Shelf(self.home)
        self._serving = Serving(self._shelf, limits or Limits(), linger)

    def reading(self, number: int | None = None) -> AbstractContextManager[Edition]:
        """An edition, held open while used: the newest, or the one named.

        After CURRENT moved, the first reading() has the new file opened in the background, and
        readers get the old one until that is done; so nobody waits. An edition whose blocks turn
        out unreadable is left for the one before it. NoEdition where there is none.
        """
        return self._serving.reading(number)

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
            return f"CURRENT 读不出版本号，改用磁盘上最新的版本：{self.home}"
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
            raise NoEdition(self._shelf.absence(number)) from None

    def unpin(self, number: int) -> None:
        self._shelf.unpin(number)

    def prune(self, keep: int = 3) -> list[int]:
        """Delete all but the last `keep`, the pinned and those in use here; which were deleted."""
        return self._shelf.prune(keep, self._serving.in_use())

    def remove(self, numbers: Collection[int]) -> list[int]:
        """Delete these editions, but not the current one or a pinned one; which were deleted. Who
        reads one now reads on to the end."""
        return self._shelf.remove(numbers)

    @contextmanager
    def building(self, site: Site, wait: float = 0.0, step: Step = no_step) -> Iterator[Build]:
        """Write the next edition on a copy of the current one; call publish() to serve it.

        One writer at a time: waits `wait` seconds for another, then EditionError. Leaving without
        publish() throws the copy away. EditionError where the home belongs to another site.
        `step` is called before and after each of STAGES.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with self._writing(wait):
            number = self._shelf.next_number()  # before what a killed writer left is removed
            self._shelf.sweep()
            base = self._base(site)
            with (
                self._examined_on_failure(base),
                building(self._shelf, site, base, number, step) as build,
            ):
                yield build
            if build.is_published:
                self._serving.follow()
                build.prune(site.keep_editions, self._serving.in_use())

    def close(self) -> None:
        """Close every open edition."""
        self._serving.close()

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
        """The edition to start from: the current one, or the last sound one before it."""
        candidates = self._shelf.candidates()
        for number in candidates:
            try:
                with suppress(EditionDamaged), self.reading(number) as edition:
                    if self._shelf.problem() is not None:
                        edition.scan()
                    self._refuse_other_site(edition.site.name, site)
                    return number
            except EditionOutdated as older:
                self._refuse_other_site(older.site_name, site)
                return number
        if candidates:
            raise EditionDamaged(self._shelf.ruin())
        return None

    def _refuse_other_site(self, owner: str, site: Site) -> None:
        if owner != site.name:
            raise EditionError(
                f"{self.home} 属于站点 {owner}，不能装载站点 {site.name}；请换一个 --home"
            )

    @contextmanager
    def _examined_on_failure(self, base: int | None) -> Iterator[None]:
        """Where writing failed for a damaged base, note that: the next writer takes another."""
        try:
            yield
        except (EditionError, duckdb.Error):
            if base is not None:
                with suppress(EditionError), self.reading(base) as edition:
                    edition.scan()
            raise
