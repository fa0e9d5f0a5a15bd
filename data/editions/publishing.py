"""Writing an edition: copy the current one, change the copy, verify it, and only then serve it."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from data.editions.edition import EditionDamaged, EditionError, is_outdated, write_meta
from data.editions.integrity import checksum, full_scan
from data.editions.shelf import Shelf, copy, fsync, remove
from data.editions.tables import create_tables, fit_columns
from data.editions.upgrading import upgrade
from data.site import Site
from data.sql import literal

STAGES = ("copy", "build", "checkpoint", "verify", "fsync", "rename", "pointer", "prune")
Step = Callable[[str], None]
_serial = itertools.count(1)


def no_step(name: str) -> None:
    """What is called before and after each stage ("before copy" ...); tests fail or die here."""


@contextmanager
def building(
    shelf: Shelf, site: Site, base: int | None, number: int, step: Step
) -> Iterator["Build"]:
    """Edition `number` on a copy of `base`; what is not published when this ends is removed."""
    build = Build(shelf, site, number, step)
    try:
        build.start(base)
        yield build
    except duckdb.IOException as error:
        raise EditionError(_unwritable(shelf.home, error)) from error
    finally:
        build.discard()


class Build:
    """An edition being written. `connection` is read-write; nobody else sees the file."""

    connection: duckdb.DuckDBPyConnection

    def __init__(self, shelf: Shelf, site: Site, number: int, step: Step) -> None:
        self.site = site
        self.number = number
        self.is_published = False
        self._shelf = shelf
        self._step = step
        self._file = self._unused()

    def start(self, base: int | None) -> None:
        """Copy the edition to start from, or make the empty tables; then `connection` is there."""
        with self._stage("copy"):
            self._shelf.folder.mkdir(parents=True, exist_ok=True)
            if base is not None:
                copy(self._shelf.path(base), self._file)
            self.connection = duckdb.connect(str(self._file))
        if base is None:
            create_tables(self.connection, self.site)
        elif is_outdated(self.connection):
            upgrade(self.connection, self.site)
        else:
            fit_columns(self.connection, self.site)
        self._step("before build")

    def rewrite(self) -> None:
        """Write the whole edition into a new file: that of a changed copy goes on holding, in its
        free blocks, what was overwritten."""
        old, self._file = self._file, self._unused()
        self.connection.close()
        with duckdb.connect(":memory:") as both:
            both.execute(f"ATTACH {literal(str(old))} AS old (READ_ONLY)")
            both.execute(f"ATTACH {literal(str(self._file))} AS fresh")
            both.execute("COPY FROM DATABASE old TO fresh")
        remove(old)
        self.connection = duckdb.connect(str(self._file))

    def publish(self, data_time: datetime, published_at: datetime | None = None) -> int:
        """Verify and serve what was built; its number.

        Times are naive, in the site's zone; `published_at` is now unless given. EditionDamaged if
        the file on disk does not hold what was built: the current edition then goes on serving.
        """
        self._step("after build")
        with self._stage("checkpoint"):
            contents = self._closed(data_time, published_at or self._now())
        with self._stage("verify"):
            self._verified(contents)
        with self._stage("fsync"):
            fsync(self._file)
        with self._stage("rename"):
            self._shelf.add(self._file, self.number)
        with self._stage("pointer"):
            self._shelf.point(self.number)
        self.is_published = True
        return self.number

    def prune(self, keep: int, in_use: set[int]) -> None:
        with self._stage("prune"):
            self._shelf.prune(keep, in_use)

    def discard(self) -> None:
        """Remove the files of a build that was not published."""
        if hasattr(self, "connection"):
            self.connection.close()
        for left in self._shelf.folder.glob(f"{self._file.name}*"):
            remove(left)

    def _unused(self) -> Path:
        """A name that was never open in this process: DuckDB would hand out the old instance."""
        return self._shelf.folder / f".building-{os.getpid()}-{next(_serial)}.duckdb"

    def _closed(self, data_time: datetime, published_at: datetime) -> dict:
        contents = full_scan(self.connection)
        del contents["meta"]  # written now
        write_meta(
            self.connection,
            self.site,
            number=self.number,
            data_time=data_time,
            published_at=published_at,
            checksum=checksum(contents),
        )
        self.connection.execute("CHECKPOINT")
        self.connection.close()
        return contents

    def _verified(self, contents: dict) -> None:
        if Path(f"{self._file}.wal").exists():
            raise EditionDamaged("新版本没有写完（留有 WAL 文件），未发布")
        try:
            with duckdb.connect(str(self._file), read_only=True) as written:
                found = full_scan(written)
        except duckdb.Error as error:
            raise EditionDamaged(f"新版本的文件校验失败，未发布：{error}") from error
        wrong = sorted(name for name in contents if contents[name] != found.get(name))
        if wrong:
            raise EditionDamaged(f"新版本的文件与所写不符，未发布：{'、'.join(wrong)}")

    def _now(self) -> datetime:
        return datetime.now(self.site.tzinfo).replace(tzinfo=None)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self._step(f"before {name}")
        with _writable(self._shelf.home):
            yield
        self._step(f"after {name}")


@contextmanager
def _writable(home: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        raise EditionError(_unwritable(home, error)) from error


def _unwritable(home: Path, error: Exception) -> str:
    return f"{home}：写不进去（{error}）；请检查磁盘空间和权限"
