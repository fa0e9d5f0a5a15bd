"""Bring delivered rows into the edition being built: what is newer stays, whatever the order.

The ETL leaves its rows in the temporary table `incoming` (one row per identity, with the columns
of the target table and `_member`); everything else about writing an edition's rows is here. The
result of any series of deliveries is the same in any order and however often they come, because a
row is replaced only by a greater (version, row_hash).
"""

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from data.editions.tables import columns
from data.sql import literal, quoted
from data.targets import TARGETS

EVER = "TIMESTAMP '0001-01-01'"


class CodeCollision(Exception):
    """Two different matters got one code (1 in 10^18 pairs): nothing may be guessed here."""


def begin_rewrite(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    source: str,
    declaration_hash: str,
    contents: Mapping[str, str],
) -> None:
    """Let the rows of a source be replaced by what its changed declaration makes of the same files.

    `contents`: member -> content hash, of those about to be read again. Versions and hashes that
    the former declaration gave say nothing against those of the new one; `former` keeps them for
    the rows that come to nothing new.
    """
    frame = pd.DataFrame({"member": contents.keys(), "content_hash": contents.values()})
    connection.register("contents", frame.astype(object))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE read_anew AS"
        " SELECT m.member, m.content_hash = c.content_hash AS is_same"
        " FROM members AS m JOIN contents AS c ON c.member = m.member"
        " WHERE m.source = $source AND m.declaration_hash <> $declared",
        {"source": source, "declared": declaration_hash},
    )
    connection.unregister("contents")
    read_anew = (
        "WHERE source = $source AND source_key IS NOT NULL"
        " AND member IN (SELECT member FROM read_anew)"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE former AS SELECT {TARGETS[target].code} AS code, row_hash,"
        f" version, seen_at FROM {target} {read_anew}",
        {"source": source},
    )
    connection.execute(
        f"UPDATE {target} SET row_hash = '', version = NULL, seen_at = NULL {read_anew}",
        {"source": source},
    )


def end_rewrite(
    connection: duckdb.DuckDBPyConnection, target: str, source: str, refused: Sequence[str]
) -> int:
    """Remove the rows that the changed declaration no longer makes of the same files; how many.

    What stays though nothing new came of it is as new as it was: an older row must not win later.
    """
    code = TARGETS[target].code
    connection.register("refused", pd.DataFrame({"member": pd.Series(refused, dtype=object)}))
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE gone AS SELECT {code} AS code, member FROM {target}
        WHERE source = $source AND row_hash = '' AND source_key IS NOT NULL
          AND member IN (SELECT member FROM read_anew WHERE is_same)
          AND member NOT IN (SELECT member FROM refused)
        """,
        {"source": source},
    )
    _remove_gone(connection, target)
    connection.execute(
        f"""
        UPDATE {target} SET version = f.version, seen_at = f.seen_at,
            row_hash = CASE WHEN member IN (SELECT member FROM refused) THEN f.row_hash ELSE '' END
        FROM former AS f WHERE {target}.{code} = f.code AND {target}.row_hash = ''
        """
    )
    connection.unregister("refused")
    return connection.execute("SELECT count(*) FROM gone").fetchall()[0][0]


def classify(
    connection: duckdb.DuckDBPyConnection, target: str, source: str, declaration_hash: str
) -> int:
    """`outcomes` (_member, code, outcome) and `pending` (the incoming rows to write).

    A row that is the same is written anew as well where another declaration made it, or may have:
    of a member that was refused the rows of before are still there. Returns how
    many of the unchanged rows were, or were seen in a newer delivery.
    """
    code = TARGETS[target].code
    _refuse_collisions(connection, target, code)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE outcomes AS
        SELECT i._member, i.{code} AS code, CASE
            WHEN e.{code} IS NULL THEN 'loaded'
            WHEN e.row_hash = i.row_hash THEN 'unchanged'
            WHEN (coalesce(i.version, {EVER}), i.row_hash)
               > (coalesce(e.version, {EVER}), e.row_hash) THEN 'updated'
            ELSE 'stale' END AS outcome,
            e.row_hash = i.row_hash AND e.member IN (
                SELECT member FROM members
                WHERE source = $source
                    AND (declaration_hash <> $declared OR state <> 'loaded')
            ) AS is_made_anew
        FROM incoming AS i LEFT JOIN {target} AS e ON e.{code} = i.{code}
        """,
        {"source": source, "declared": declaration_hash},
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE pending AS
        SELECT i.* EXCLUDE (_member) FROM incoming AS i
        JOIN outcomes AS o ON o.code = i.{code}
        WHERE o.outcome IN ('loaded', 'updated') OR o.is_made_anew
        """
    )
    made_anew = connection.execute("SELECT count(*) FROM outcomes WHERE is_made_anew").fetchall()
    if target == "handlings":
        _touch(connection, "outcomes")
    return made_anew[0][0] + _note_what_was_seen(connection, target, code, source)


def remove_replaced(
    connection: duckdb.DuckDBPyConnection, target: str, source: str, members: Sequence[str]
) -> dict[str, int]:
    """Remove keyless rows that the new content of `members` no longer holds; counts by member."""
    code = TARGETS[target].code
    connection.register("reread", pd.DataFrame({"member": pd.Series(members, dtype=object)}))
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE gone AS
        SELECT {code} AS code, member FROM {target}
        WHERE source = $source AND source_key IS NULL
          AND member IN (SELECT member FROM reread)
          AND {code} NOT IN (SELECT {code} FROM incoming)
        """,
        {"source": source},
    )
    connection.unregister("reread")
    _remove_gone(connection, target)
    rows = connection.execute("SELECT member, count(*) FROM gone GROUP BY member").fetchall()
    return dict(rows)


def _remove_gone(connection: duckdb.DuckDBPyConnection, target: str) -> None:
    """Remove the rows in `gone`, with the steps of cases; cases that lose a step are `touched`."""
    code = TARGETS[target].code
    if target == "handlings":
        _touch(connection, "gone")
    connection.execute(f"DELETE FROM {target} WHERE {code} IN (SELECT code FROM gone)")
    if target == "cases":
        connection.execute("DELETE FROM steps WHERE case_code IN (SELECT code FROM gone)")


def _touch(connection: duckdb.DuckDBPyConnection, codes: str) -> None:
    """Mark the cases that handlings with a `code` in the table `codes` belong to until now."""
    connection.execute(
        "INSERT INTO touched SELECT DISTINCT case_code FROM handlings"
        f" WHERE handling_code IN (SELECT code FROM {codes})"
    )


def write_pending(connection: duckdb.DuckDBPyConnection, target: str) -> None:
    """Put the rows of `pending` into the target table, new ones and replacements alike.

    What is replaced is deleted and written anew: that reads one column of a table of ten million
    rows, where MERGE and UPDATE read all sixty.
    """
    code = TARGETS[target].code
    listed = ", ".join(quoted(name) for name in columns(connection, target))
    connection.execute(f"DELETE FROM {target} WHERE {code} IN (SELECT {code} FROM pending)")
    connection.execute(f"INSERT INTO {target} ({listed}) SELECT {listed} FROM pending")


def replace_steps(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the steps of the cases in `pending` by those in `pending_steps`, in time order."""
    known = "SELECT 1 FROM cases WHERE case_code IN (SELECT case_code FROM pending) LIMIT 1"
    if connection.execute(known).fetchone():
        connection.execute("DELETE FROM steps WHERE case_code IN (SELECT case_code FROM pending)")
    names = ", ".join(quoted(name) for name in columns(connection, "steps"))
    connection.execute(
        f"INSERT INTO steps ({names})"
        f' SELECT {names} FROM pending_steps ORDER BY "at", case_code, seq'
    )


def mark_withdrawn(
    connection: duckdb.DuckDBPyConnection, target: str, source: str, is_fetched: bool
) -> int:
    """Set `withdrawn_at` of a snapshot source's rows: the first snapshot that no longer had them.

    Cleared for rows that came back. Returns how many rows changed. All answers of a database
    (`is_fetched`) are one member, of which the last is known: what an earlier one said stands.
    """
    code = TARGETS[target].code
    first = "min(m.sequence)"
    if is_fetched:
        seen_at = f"greatest(any_value(r.seen_at), any_value(u.seen_at), {EVER})"
        first = f"CASE WHEN r.withdrawn_at > {seen_at} THEN r.withdrawn_at ELSE {first} END"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE absent AS
        WITH unread AS (
            SELECT u.source_key, max(m.sequence) AS seen_at
            FROM unread_keys AS u JOIN members AS m ON m.source = u.source AND m.member = u.member
            WHERE u.source = $source AND m.state = 'loaded' GROUP BY u.source_key
        )
        SELECT r.{code} AS code, {first} AS first_without FROM {target} AS r
        LEFT JOIN unread AS u ON u.source_key = r.source_key
        LEFT JOIN members AS m ON m.source = r.source AND m.state = 'loaded'
          AND m.sequence > greatest(r.seen_at, u.seen_at)
        WHERE r.source = $source AND r.source_key IS NOT NULL
        GROUP BY r.{code}, r.withdrawn_at
        HAVING first_without IS DISTINCT FROM r.withdrawn_at
        """,
        {"source": source},
    )
    connection.execute(
        f"UPDATE {target} SET withdrawn_at = a.first_without FROM absent AS a"
        f" WHERE {target}.{code} = a.code"
    )
    if target == "handlings":
        _touch(connection, "absent")
    return connection.execute("SELECT count(*) FROM absent").fetchall()[0][0]


def note_unread(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Remember the keys of rows that were put aside (`spurned`): they have not disappeared."""
    connection.execute(
        "DELETE FROM unread_keys WHERE source = $source"
        " AND member IN (SELECT member FROM deliveries)",
        {"source": source},
    )
    connection.execute(
        "INSERT INTO unread_keys SELECT DISTINCT $source, d.member, s._key"
        " FROM spurned AS s JOIN deliveries AS d USING (_member)",
        {"source": source},
    )


def touched_rows(connection: duckdb.DuckDBPyConnection, limit: int) -> range:
    """The row numbers between which the cases in `touched` lie, in steps of up to `limit` cases;
    empty where there is none."""
    first, last, n = connection.execute(
        "SELECT min(rowid), max(rowid), count(*) FROM cases"
        " WHERE case_code IN (SELECT case_code FROM touched)"
    ).fetchall()[0]
    if not n:
        return range(0)
    return range(first, last + 1, limit if n > limit else last + 1 - first)


def pend_touched_cases(connection: duckdb.DuckDBPyConnection, rows: range) -> None:
    """`pending` = the cases in `touched`, whose steps changed though their own row did not, among
    these rows."""
    names = ", ".join(quoted(name) for name in columns(connection, "cases"))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE pending AS SELECT {names} FROM cases"
        f" WHERE case_code IN (SELECT case_code FROM touched)"
        f" AND rowid >= {rows.start:d} AND rowid < {rows.stop:d}"
    )


def touch_all_cases(connection: duckdb.DuckDBPyConnection) -> None:
    """Mark every case for being derived anew: the site's rules changed."""
    connection.execute("INSERT INTO touched SELECT case_code FROM cases")


def _refuse_collisions(connection: duckdb.DuckDBPyConnection, target: str, code: str) -> None:
    twice = connection.execute(
        f"""
        SELECT i.{code} FROM incoming AS i JOIN {target} AS e ON e.{code} = i.{code}
        WHERE e.source <> i.source OR e.source_key IS DISTINCT FROM i.source_key
        UNION ALL SELECT {code} FROM incoming GROUP BY {code} HAVING count(*) > 1 LIMIT 1
        """
    ).fetchall()
    if twice:
        raise CodeCollision(f"案件编码 {twice[0][0]} 对应两个不同的事项，已停止装载")


def _note_what_was_seen(
    connection: duckdb.DuckDBPyConnection, target: str, code: str, source: str
) -> int:
    """A row that came again, same or older, was still there at that delivery.

    The same row in a newer delivery is the newer version: what lay between must not win later.
    """
    seen = connection.execute(
        f"UPDATE {target} SET seen_at = i.seen_at FROM incoming AS i"
        f" WHERE {target}.{code} = i.{code} AND {target}.source = {literal(source)}"
        f" AND i.seen_at > coalesce({target}.seen_at, {EVER})"
    ).fetchall()
    again = connection.execute(
        f"UPDATE {target} SET version = i.version FROM incoming AS i"
        f" WHERE {target}.{code} = i.{code} AND {target}.row_hash = i.row_hash"
        f" AND i.version > coalesce({target}.version, {EVER})"
    ).fetchall()
    connection.execute(
        f"UPDATE pending SET seen_at = e.seen_at FROM {target} AS e"
        f" WHERE e.{code} = pending.{code} AND e.seen_at > pending.seen_at"
    )
    connection.execute(
        f"UPDATE pending SET version = e.version FROM {target} AS e"
        f" WHERE e.{code} = pending.{code} AND e.row_hash = pending.row_hash"
        f" AND e.version > coalesce(pending.version, {EVER})"
    )
    return seen[0][0] + again[0][0]
