"""The operations store: what people and devices do, kept at once and for good.

An SQLite file in the home by default, PostgreSQL by URL; the same code on both."""

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    TypeDecorator,
    create_engine,
    delete,
    event,
    make_url,
    select,
    text,
    tuple_,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from access import schema
from access.errors import OperationsError
from access.keys import derived_key

FILE = "operations.db"
VARIABLE = "ZHINAO_OPERATIONS"
PATIENCE = 20  # seconds that a writer waits for the others
WRITING = 20_260_003  # the number of PostgreSQL's lock of who writes, or makes the tables
SHARED: dict[str, Any] = {  # errors reach the log, so they hold no values
    "pool_size": 10,
    "max_overflow": 20,
    "hide_parameters": True,
}
KEPT = "kept"
LOGS_KEPT = timedelta(days=200)  # who did what when: six months at least (网络安全法 第二十一条)
FORGET_EVERY = timedelta(hours=1)
PORTION = 500  # rows forgotten at a time: nobody who writes waits long for it
METADATA = MetaData()  # of every module's tables; what makes them is access/migrations/
NEWER = "业务库的表结构是第 {} 版，本程序只认到第 {} 版；请换用新程序，或从升级前的备份恢复"
OLDER = (
    "业务库的表结构是第 {} 版，这个数据目录用过第 {} 版：库被换成了旧的。要从备份恢复请用 "
    "python -m upkeep restore；确知来历的旧库，删去 {} 后再启动"
)
REVISION_FILE = f"{FILE}.revision"  # in the home, the newest that its store ever had
FAILURES = (SQLAlchemyError, OSError)  # what using the store may raise where it cannot be reached

log = structlog.get_logger()


@dataclass(frozen=True)
class Kept:
    """How long a table keeps its rows, as its `info`: {KEPT: Kept(...)}. `is_over` gives, for the
    time before which rows are old, the condition on which one is forgotten."""

    time: timedelta
    is_over: Callable[[datetime], ColumnElement[bool]]


class Moment(TypeDecorator[datetime]):
    """A time that knows its zone; read in UTC. In SQLite text whose order is that of time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        is_text = dialect.name == "sqlite"
        return dialect.type_descriptor(String(32) if is_text else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Any) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone: {value}")
        at = value.astimezone(UTC)
        return at.isoformat(timespec="microseconds") if dialect.name == "sqlite" else at

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return at and at.astimezone(UTC)


class Operations:
    """The store of one home. Safe for threads and processes; opened when it is first used, so that
    a database that is away keeps nothing from starting."""

    def __init__(self, home: Path, url: str | None = None) -> None:
        """`url` as SQLAlchemy writes it; else that in the environment variable VARIABLE, else the
        file in `home`. OperationsError where it makes no sense."""
        self.home = Path(home)
        self.url = store_url(self.home, url)
        self.is_file = self.url.get_backend_name() == "sqlite"
        self.engine = _engine(self.url, self.is_file)
        self._reading = self.engine.execution_options(only_reads=True)
        self._writing = threading.Lock() if self.is_file else nullcontext()
        self._preparing = threading.Lock()
        self._is_prepared = False
        self._forget_at = datetime.min.replace(tzinfo=UTC)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; durable once the block is left. Nothing is kept where it raises. One
        writes at a time in either kind of store, so what is read first still holds at the end."""
        self.prepare()
        with self._alone() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """What is there, as of one moment in SQLite; disturbs no writer."""
        self.prepare()
        with self._reading.begin() as connection:
            yield connection

    def forget(self, now: datetime) -> None:
        """Delete a portion of what was kept for as long as its table declares (Kept); to be called
        after writing, for then alone the store grows. Never raises: what was written is written."""
        if now < self._forget_at:
            return
        self._forget_at = now + FORGET_EVERY
        try:
            with self.writing() as connection:
                counts = [_forget(connection, table, now) for table in _kept_tables()]
        except FAILURES as fault:
            log.error("old rows not forgotten", reason=type(fault).__name__)
            return
        if PORTION in counts:  # there may be more
            self._forget_at = now

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Bring the tables up to date, as the first use does by itself; several processes may come
        at once. OperationsError where they are of a newer program, or older than they were."""
        if self._is_prepared:
            return
        with self._preparing:
            if self.is_file:
                self.home.mkdir(parents=True, exist_ok=True)
            try:
                with self._reading.begin() as connection:
                    is_current = schema.is_current(connection)
                if not is_current:  # only then is it worth to wait for who writes
                    with self._alone() as connection:
                        self._refuse_older(connection)
                        schema.upgrade(connection, self._key)
            except schema.TooNew as found:
                raise OperationsError(NEWER.format(found, schema.newest())) from None
            self._remember_revision()
            self._is_prepared = True

    def _refuse_older(self, connection: Connection) -> None:
        """Who can write the store, and not the home, could else turn it back to a revision that
        kept tokens without a MAC, put in one of his own, and have it carried over."""
        revision, known = schema.revision_of(connection) or "0000", self._known_revision()
        if revision < known and not schema.is_empty(connection):
            raise OperationsError(OLDER.format(revision, known, self.home / REVISION_FILE))

    def _known_revision(self) -> str:
        with suppress(FileNotFoundError):
            return (self.home / REVISION_FILE).read_text("ascii").strip()
        return ""

    def _remember_revision(self) -> None:
        if self._known_revision() < schema.newest():
            self.home.mkdir(parents=True, exist_ok=True)
            new = self.home / f"{REVISION_FILE}.{secrets.token_hex(4)}.tmp"
            with open(new, "x", encoding="ascii", opener=_private) as file:
                file.write(f"{schema.newest()}\n")
            os.replace(new, self.home / REVISION_FILE)

    def _key(self, purpose: str) -> bytes:
        return derived_key(self.home, purpose)

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        # SQLite lets waiting writers poll, in no order: here they queue.
        with self._writing, self.engine.begin() as connection:
            if not self.is_file:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITING})"))
            yield connection


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _kept_tables() -> list[Table]:
    """Those that forget, what refers to others first."""
    return [table for table in reversed(METADATA.sorted_tables) if KEPT in table.info]


def _forget(connection: Connection, table: Table, now: datetime) -> int:
    kept, key = table.info[KEPT], [*table.primary_key]
    over = select(*key).where(kept.is_over(now - kept.time)).limit(PORTION).correlate(None)
    return connection.execute(delete(table).where(tuple_(*key).in_(over))).rowcount


def store_url(home: Path, url: str | None = None) -> URL:
    """The address of a home's store; OperationsError where the one given is none."""
    given = url or os.environ.get(VARIABLE)
    if not given:
        return URL.create("sqlite", database=str(home.resolve() / FILE))
    try:
        found = make_url(given)
    except ArgumentError:
        raise OperationsError(f"{VARIABLE}：数据库地址写法不对") from None
    if found.drivername in ("postgres", "postgresql"):
        found = found.set(drivername="postgresql+psycopg")
    if found.get_backend_name() not in ("sqlite", "postgresql"):
        raise OperationsError(f"{VARIABLE}：只支持 SQLite 和 PostgreSQL，不支持 {found.drivername}")
    return found


def _engine(url: URL, is_file: bool) -> Engine:
    try:
        if not is_file:
            options = {"options": "-c synchronous_commit=on", "connect_timeout": PATIENCE}
            return create_engine(url, **SHARED, pool_pre_ping=True, connect_args=options)
        engine = create_engine(url, **SHARED)
    except (ImportError, NoSuchModuleError) as error:
        raise OperationsError(f"{VARIABLE}：没有安装数据库驱动（{error}）") from None
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    """Every commit on the disk before it returns; readers and the writer side by side."""
    connection.isolation_level = None  # Python's module would begin transactions as it likes
    connection.execute(f"PRAGMA busy_timeout={PATIENCE * 1000}").close()
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: Any) -> None:
    """Where several open a new file at one moment, SQLite refuses this to all but one at once,
    however patient they are."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    """A writer takes its place at once: one that only wants it later may be refused."""
    only_reads = connection.get_execution_options().get("only_reads")
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
