"""One edition: an immutable, open store of numbers."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakMethod

import duckdb
import pandas as pd
from pydantic import ValidationError

from data.editions.tables import full_scan_sql, table_names
from data.site import Site

SCHEMA_VERSION = "6"  # raised with every change of schema.sql or of the wall's views


class EditionError(Exception):
    """Something about editions that the user can act on; its text is Chinese, for the user."""


class NoEdition(EditionError):
    """There is no such edition (or none at all) in this home."""


class EditionOutdated(EditionError):
    """An edition of an older program, of the site of that name; the next one is built upon it."""

    def __init__(self, text: str, site_name: str) -> None:
        super().__init__(text)
        self.site_name = site_name


class EditionDamaged(EditionError):
    """The file of an edition does not hold what was published: a block or a table is unreadable."""


class QueryStopped(EditionError):
    """A query ran into the time or memory limit of serving."""


@dataclass(frozen=True)
class Limits:
    """What one served edition may use."""

    memory: str = "2GB"
    threads: int = os.cpu_count() or 1
    seconds: float = 30.0

    def config(self) -> dict[str, str | bool | int | float | list[str]]:
        """DuckDB's settings for serving: nothing but this file, and nobody can change that."""
        return {
            "enable_external_access": "false",
            "python_enable_replacements": "false",
            "lock_configuration": "true",
            "memory_limit": self.memory,
            "threads": str(self.threads),
            "max_execution_time": str(round(self.seconds * 1000)),
            "temp_directory": "",  # two processes on one edition would share its spill files
        }


Serving = WeakMethod[Callable[[], AbstractContextManager["Edition"]]]  # else none would be freed


class Edition:
    """An open edition: asks run on a cursor of their own, so threads never share a result.

    `home` is where it lies, `serving` what opens the newest of it (None = it lies nowhere)."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        home: Path | None = None,
        serving: Serving | None = None,
    ) -> None:
        self._connection = connection
        self.home, self._serving = home, serving
        meta = read_meta(connection)
        self.site: Site = read_site(meta)
        self.number: int = int(meta["number"])
        self.data_time: datetime = datetime.fromisoformat(meta["data_time"])
        self.published_at: datetime = datetime.fromisoformat(meta["published_at"])

    @contextmanager
    def newest(self) -> Iterator["Edition"]:
        """The newest edition of the home, or this one where that cannot be opened."""
        with ExitStack() as held:
            newest = self
            reading = self._serving() if self._serving else None
            if reading is not None:
                with suppress(EditionError):
                    newest = held.enter_context(reading())
            yield newest

    @cached_property
    def newest_step(self) -> datetime:
        """The time of the newest step known; the data time where there is none."""
        return self.rows('SELECT max("at") FROM wall_steps')[0][0] or self.data_time

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The rows of one statement; values are bound as $name. A text that is missing is None."""
        with self._cursor() as cursor, _reading(self.number):
            return _without_nan(cursor.execute(sql, dict(params or {})).df())

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[tuple]:
        """The rows of one statement as tuples; values are bound as $name."""
        with self._cursor() as cursor, _reading(self.number):
            return cursor.execute(sql, dict(params or {})).fetchall()

    @cached_property
    def expiries(self) -> list[datetime]:
        """When its alerts expire, in order: then answers change though the edition does not."""
        after = (
            "SELECT DISTINCT coalesce(expires_at, sent_at + $stands) AS ends_at FROM wall_alerts"
            " WHERE ends_at > $data_time ORDER BY 1"
        )
        told = self.rows(after, {"data_time": self.data_time, "stands": self.stands})
        return [row[0] for row in told]

    @property
    def stands(self) -> timedelta:
        """How long an alert stands that names no end."""
        return timedelta(hours=self.site.alerts.stands_hours)

    def local(self, at: datetime) -> datetime:
        """A time that knows its zone as a naive one of the site's zone."""
        return at.astimezone(self.site.tzinfo).replace(tzinfo=None)

    def scan(self) -> None:
        """Read every value of every table; EditionDamaged where one cannot be read."""
        with self._cursor() as cursor:
            statements = [full_scan_sql(cursor, table) for table in table_names(cursor)]
        for statement in statements:
            self.rows(statement)

    def close(self) -> None:
        """Give the file back; the store does this once nobody uses the edition."""
        self._connection.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        return self._connection.cursor()


def _without_nan(frame: pd.DataFrame) -> pd.DataFrame:
    """Missing text as None: pandas makes it NaN, which is true and prints as "nan"."""
    for place, kind in enumerate(frame.dtypes):
        if isinstance(kind, pd.StringDtype):
            column = frame.iloc[:, place]
            missing = column.isna()
            if missing.any():
                known = column.astype(object).where(~missing, None)
                frame.isetitem(place, known)  # type: ignore[arg-type]  # a Series stays object
    return frame


def open_edition(
    path: Path,
    limits: Limits | None = None,
    home: Path | None = None,
    serving: Serving | None = None,
) -> Edition:
    """The edition in the file, read-only; EditionDamaged where the file cannot be read."""
    config = (limits or Limits()).config()
    with _reading(path.stem):
        connection = duckdb.connect(str(path), read_only=True, config=config)
    try:
        with _reading(path.stem):
            return Edition(connection, home, serving)
    except (KeyError, duckdb.CatalogException) as error:
        connection.close()
        raise EditionDamaged(f"版本 {path.stem} 的文件不完整：{error}") from error
    except BaseException:
        connection.close()
        raise


def memory_edition(
    connection: duckdb.DuckDBPyConnection,
    site: Site,
    data_time: datetime = datetime(2026, 11, 1),
    number: int = 1,
) -> Edition:
    """An edition over a connection that already has the tables (create_tables): for tests."""
    write_meta(connection, site, number=number, data_time=data_time, published_at=data_time)
    return Edition(connection)


def read_meta(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the edition says about itself: number, data_time, published_at, site ..."""
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def is_outdated(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the tables are those of another program; an older one's, for others are refused."""
    return read_meta(connection)["schema_version"] != SCHEMA_VERSION


def write_meta(
    connection: duckdb.DuckDBPyConnection,
    site: Site,
    *,
    number: int,
    data_time: datetime,
    published_at: datetime,
    checksum: str | None = None,
) -> None:
    """Replace what the edition says about itself. Times: naive, in the site's zone."""
    meta = {
        "number": str(number),
        "data_time": data_time.isoformat(sep=" "),
        "published_at": published_at.isoformat(sep=" "),
        "schema_version": SCHEMA_VERSION,
        "site": site.model_dump_json(),
    }
    if checksum is not None:
        meta["checksum"] = checksum
    connection.execute("DELETE FROM meta")
    connection.executemany("INSERT INTO meta VALUES ($1, $2)", list(meta.items()))


def read_site(meta: dict[str, str]) -> Site:
    version = meta.get("schema_version", "")
    if version != SCHEMA_VERSION:
        text = f"该版本的表结构为 {version}，本程序需要 {SCHEMA_VERSION}；"
        if version.isdecimal() and int(version) < int(SCHEMA_VERSION):
            name = json.loads(meta["site"])["name"]
            raise EditionOutdated(f"{text}下一次装载（python -m etl run）会把数据带过来", name)
        raise EditionError(f"{text}它来自更新的程序，请用那个程序打开")
    try:
        return Site.model_validate_json(meta["site"])
    except (KeyError, ValidationError) as error:
        raise EditionError(f"该版本所存的站点声明本程序读不懂：{error}") from None


class _reading:
    """Turns DuckDB's errors about the file and its limits into ours; others pass unchanged."""

    def __init__(self, edition: int | str) -> None:
        self.edition = edition

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: object) -> None:
        match error:
            case duckdb.InterruptException():
                raise QueryStopped("查询超过时限，已停止；请缩小时间或范围") from error
            case duckdb.OutOfMemoryException():
                raise QueryStopped("查询所需内存超过上限，已停止；请缩小时间或范围") from error
            case (
                duckdb.IOException()
                | duckdb.FatalException()
                | duckdb.InternalException()
                | duckdb.SerializationException()
            ):
                raise EditionDamaged(f"版本 {self.edition} 的文件读不出来：{error}") from error
            case duckdb.Error() if type(error) is duckdb.Error:  # a wrong checksum has no class
                raise EditionDamaged(f"版本 {self.edition} 的文件读不出来：{error}") from error
