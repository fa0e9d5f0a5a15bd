"""What was delivered: files, members, their balances, and how the sources fared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import orjson
import pandas as pd

from data.editions.tables import columns
from data.sql import literal
from data.targets import TARGETS


@dataclass(frozen=True)
class SourceState:
    """How a source fared in the run that publishes. Times are naive, in the site's zone."""

    source: str
    title: str
    target: str
    expected_every: int | None
    checked_at: datetime
    state: str
    reason: str | None
    new_columns: tuple[str, ...]
    is_read_anew: bool = False  # then the columns found before are those of another declaration


def note_containers(connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple]) -> None:
    """Remember delivered files that were read: rows in the order of the columns of `containers`."""
    names = pd.DataFrame([row[:2] for row in rows], columns=["source", "name"], dtype=object)
    connection.register("read_again", names)
    connection.execute(
        "DELETE FROM containers USING read_again AS r"
        " WHERE containers.source = r.source AND containers.name = r.name"
    )
    connection.unregister("read_again")
    _append(connection, "containers", rows)


def replace_quarantine(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """Put `rejected` in place of what was put aside of the members in `deliveries` before.

    Returns how much of that is not there again.
    """
    delivered = "FROM quarantine SEMI JOIN deliveries USING (member) WHERE source = $source"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE put_aside_before AS {delivered}", {"source": source}
    )
    _forget_delivered(connection, "quarantine", source)
    connection.execute(
        "INSERT INTO quarantine SELECT $source, d.member, r._line, r.kind, r.column_name, r.code,"
        " r.reason, r.raw FROM rejected AS r JOIN deliveries AS d USING (_member)",
        {"source": source},
    )
    return connection.execute(
        f"SELECT count(*) FROM (FROM put_aside_before EXCEPT ALL {delivered})", {"source": source}
    ).fetchall()[0][0]


def replace_members(
    connection: duckdb.DuckDBPyConnection, source: str, rows: Sequence[tuple]
) -> None:
    """Put rows, in the order of its columns, into `members` for those in `deliveries`."""
    _forget_delivered(connection, "members", source)
    _append(connection, "members", rows)


def snapshot_before(
    connection: duckdb.DuckDBPyConnection, source: str, sequence: datetime, is_fetched: bool
) -> tuple[datetime, int] | None:
    """Sequence and rows of the last snapshot before `sequence` that was loaded.

    All answers of a database are one member, of which `members` knows the last, loaded or not.
    """
    of_batches = "(SELECT read_at AS sequence, source, member, rows_in, state FROM batches)"
    return connection.execute(
        f"SELECT sequence, rows_in FROM {of_batches if is_fetched else 'members'}"
        " WHERE source = $source AND state = 'loaded' AND sequence < $sequence"
        " ORDER BY sequence DESC, member DESC LIMIT 1",
        {"source": source, "sequence": sequence},
    ).fetchone()


def note_batches(connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple]) -> None:
    """Add rows to `batches`, in the order of its columns."""
    _append(connection, "batches", rows)


def write_sources(connection: duckdb.DuckDBPyConnection, states: Sequence[SourceState]) -> None:
    """Replace the state of the sources. One that failed keeps the time of its last success, and
    all keep the new columns found before: what was delivered then is still there."""
    before = {
        source: (success, orjson.loads(names or "[]"))
        for source, success, names in connection.execute(
            "SELECT source, last_success_at, new_columns FROM sources"
        ).fetchall()
    }
    connection.execute("DELETE FROM sources")
    for state in states:
        success, known = before.get(state.source, (None, []))
        names = dict.fromkeys([*([] if state.is_read_anew else known), *state.new_columns])
        connection.execute(
            "INSERT INTO sources VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                *(state.source, state.title, state.target, state.expected_every),
                state.checked_at if state.state == "ok" else success,
                last_data_at(connection, state.target, state.source),
                _rows(connection, state.target, state.source),
                *(state.state, state.reason),
                orjson.dumps(list(names)).decode() if names else None,
            ],
        )


def last_data_at(
    connection: duckdb.DuckDBPyConnection, target: str, source: str
) -> datetime | None:
    """The newest event that a source delivered; None where it tells of no events."""
    newest = "".join(f'max("{name}"), ' for name in TARGETS[target].events)
    return connection.execute(
        f"SELECT greatest({newest}max(NULL::TIMESTAMP)) FROM {target} WHERE source = $source",
        {"source": source},
    ).fetchall()[0][0]


def data_time(connection: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """The newest event of all sources, at most `now`; `now` where there is none."""
    parts = [
        f'SELECT max("{name}") AS t FROM {table} WHERE "{name}" <= $now'
        for table, target in TARGETS.items()
        for name in target.events
    ]
    parts.append("""SELECT max("at") FROM steps WHERE "at" <= $now""")
    sql = f"SELECT max(t) FROM ({' UNION ALL '.join(parts)})"
    return connection.execute(sql, {"now": now}).fetchall()[0][0] or now


def located(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """How many cases have a grid, and how many there are."""
    row = connection.execute(
        "SELECT count(*) FILTER (is_located), count(*) FROM cases WHERE withdrawn_at IS NULL"
    ).fetchall()[0]
    return row[0], row[1]


def _rows(connection: duckdb.DuckDBPyConnection, target: str, source: str) -> int:
    return connection.execute(
        f"SELECT count(*) FROM {target} WHERE source = $source", {"source": source}
    ).fetchall()[0][0]


def _forget_delivered(connection: duckdb.DuckDBPyConnection, table: str, source: str) -> None:
    connection.execute(
        f"DELETE FROM {table} USING deliveries"
        f" WHERE source = {literal(source)} AND {table}.member = deliveries.member"
    )


def _append(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple]) -> None:
    """One statement for all rows: a day's deliveries are hundreds of files."""
    frame = pd.DataFrame(rows, columns=list(columns(connection, table)), dtype=object)
    connection.register("appended", frame)
    connection.execute(f"INSERT INTO {table} SELECT * FROM appended")
    connection.unregister("appended")
