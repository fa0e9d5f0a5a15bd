"""What the ETL did and when each source last answered: kept in the home, read by the heartbeat."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE runs (
    run      INTEGER PRIMARY KEY AUTOINCREMENT,
    started  TEXT NOT NULL,
    finished TEXT,
    result   TEXT NOT NULL,         -- running | published | unchanged | failed
    reason   TEXT,
    edition  INTEGER,
    balance  TEXT                   -- JSON
);
CREATE TABLE sources (
    source       TEXT PRIMARY KEY,
    last_check   TEXT,              -- we looked, whatever came of it
    last_success TEXT,              -- we looked, and all that was there is loaded
    last_data    TEXT,              -- newest event that the source delivered
    state        TEXT NOT NULL,     -- ok | refused | failed | never
    reason       TEXT
);
"""
KEPT = timedelta(days=200)  # of what ran when: six months at least (网络安全法 第二十一条)
STATES = ("ok", "refused", "failed", "never")
RESULTS = ("published", "unchanged", "failed")
PERIODS = 1.5  # after so many without a success a source is late


@dataclass(frozen=True)
class Run:
    """One run of the ETL. Times know their zone; `finished` is None while it runs or if it died."""

    run: int
    started: datetime
    finished: datetime | None
    result: str
    reason: str | None
    edition: int | None
    balance: Any


@dataclass(frozen=True)
class SourceHealth:
    """How a source fares. Times know their zone."""

    source: str
    last_check: datetime | None
    last_success: datetime | None
    last_data: datetime | None
    state: str
    reason: str | None


def is_late(state: str, silent: float | None, every: float | None) -> bool:
    """Whether a source is late: its last delivery was not taken, or half a period has gone by since
    the next one was due. `silent` is since its last success (None = there was none) and `every` its
    period (None = it promises none), both in seconds."""
    if state != "ok":
        return True
    return every is not None and (silent is None or silent > PERIODS * every)


class RunLog:
    """`runs.db` of a home. One process writes while others read, without waiting for each other."""

    def __init__(self, home: Path) -> None:
        self._path = Path(home) / "runs.db"
        self._threads = threading.local()

    def start(self, started: datetime) -> int:
        """Note that a run began; its number. One still `running` by then has died. Those of more
        than KEPT ago are forgotten, the oldest first."""
        with self._writing() as db:
            db.execute(
                "DELETE FROM runs WHERE started < ?"
                " AND run IN (SELECT run FROM runs ORDER BY run LIMIT 100)",
                [_text(started - KEPT)],
            )
            db.execute(
                "UPDATE runs SET result = 'failed', reason = '中断' WHERE result = 'running'"
            )
            cursor = db.execute(
                "INSERT INTO runs (started, result) VALUES (?, 'running')", [_text(started)]
            )
            return int(cursor.lastrowid or 0)

    def finish(
        self,
        run: int,
        finished: datetime,
        result: str,
        *,
        reason: str | None = None,
        edition: int | None = None,
        balance: Any = None,
    ) -> None:
        """Note how a run ended: one of RESULTS; `balance` is anything that JSON can hold."""
        if result not in RESULTS:
            raise ValueError(f"result {result!r} is none of {RESULTS}")
        kept = json.dumps(balance, ensure_ascii=False)
        with self._writing() as db:
            db.execute(
                "UPDATE runs SET finished = ?, result = ?, reason = ?, edition = ?, balance = ?"
                " WHERE run = ?",
                [_text(finished), result, reason, edition, kept, run],
            )

    def runs(self, limit: int = 20) -> list[Run]:
        """The latest runs, newest first."""
        sql = (
            "SELECT run, started, finished, result, reason, edition, balance"
            " FROM runs ORDER BY run DESC LIMIT ?"
        )
        return [_run(*row) for row in self._read(sql, [limit])]

    def note_source(
        self,
        source: str,
        state: str,
        checked: datetime,
        *,
        last_data: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """Note that a source was looked at: one of STATES. `ok` moves its last success as well.

        `last_data` only grows; without it the former one stays.
        """
        if state not in STATES:
            raise ValueError(f"state {state!r} is none of {STATES}")
        success = _text(checked) if state == "ok" else None
        with self._writing() as db:
            db.execute(
                """
                INSERT INTO sources (source, last_check, last_success, last_data, state, reason)
                VALUES (:source, :checked, :success, :data, :state, :reason)
                ON CONFLICT (source) DO UPDATE SET
                    last_check = :checked,
                    last_success = coalesce(:success, last_success),
                    last_data = nullif(max(coalesce(last_data, ''), coalesce(:data, '')), ''),
                    state = :state,
                    reason = :reason
                """,
                {
                    "source": source,
                    "checked": _text(checked),
                    "success": success,
                    "data": _text(last_data),
                    "state": state,
                    "reason": reason,
                },
            )

    def sources(self) -> list[SourceHealth]:
        """Every source that was ever looked at, by key. Cheap enough to ask every second."""
        sql = (
            "SELECT source, last_check, last_success, last_data, state, reason"
            " FROM sources ORDER BY source"
        )
        return [_source_state(*row) for row in self._read(sql)]

    def _read(self, sql: str, params: list | None = None) -> list[tuple]:
        if not self._path.exists():
            return []
        return self._connection().execute(sql, params or []).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def _connection(self) -> sqlite3.Connection:
        """This thread's own connection: SQLite's may not be shared, and opening costs more."""
        if not hasattr(self._threads, "connection"):
            self._threads.connection = _opened(self._path)
        return self._threads.connection


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        _create(path)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("PRAGMA synchronous = normal")
    return connection


def _create(path: Path) -> None:
    """Make the file complete before it has its name: who finds it need not wait or set it up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"runs.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript(TABLES)
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()


def _run(
    run: int,
    started: str,
    finished: str | None,
    result: str,
    reason: str | None,
    edition: int | None,
    balance: str | None,
) -> Run:
    kept = json.loads(balance) if balance else None
    return Run(run, datetime.fromisoformat(started), _time(finished), result, reason, edition, kept)


def _source_state(
    source: str,
    check: str | None,
    success: str | None,
    data: str | None,
    state: str,
    reason: str | None,
) -> SourceHealth:
    return SourceHealth(source, _time(check), _time(success), _time(data), state, reason)


def _text(time: datetime | None) -> str | None:
    """The time as text whose order is that of time: always UTC, always microseconds."""
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError(f"{time}: the run log wants times that know their zone")
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
