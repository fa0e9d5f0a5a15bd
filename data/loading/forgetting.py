"""Forget personal values: of cases closed long ago, and of those that were erased for good.

The rows stay, for the numbers of their years must not change; so do their keys and hashes, so that
a row which is delivered again is known as the same and brings nothing back
(个人信息保护法 第十九条、第四十七条).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import duckdb

PERSONAL = {  # table -> its columns that may name people
    "cases": ("title", "summary", "place_text", "extra"),
    "parties": ("name", "phone", "id_number", "address", "is_minor", "person_key"),
    "handlings": ("note", "extra"),
    "steps": ("note",),
    "follow_ups": ("extra",),
    "evaluations": ("extra",),
}
# What was put aside of an erased case bears no code, but as it was delivered its key.
ASIDE = """
SELECT q.rowid FROM quarantine q JOIN cases c
ON c.source = q.source AND contains(q.raw,
    CASE WHEN length(c.source_key) < 6 THEN '"' || c.source_key || '"' ELSE c.source_key END)
WHERE c.case_code IN (SELECT unnest($erased::VARCHAR[]))
"""
# It is as old as the last reading of its member.
ASIDE_LONG_AGO = """
SELECT q.rowid FROM quarantine q JOIN batches b USING (source, member)
GROUP BY q.rowid HAVING max(b.read_at) < $closed_before
"""


def forget(
    connection: duckdb.DuckDBPyConnection, closed_before: datetime | None, erased: Collection[str]
) -> int:
    """Empty the personal values of the cases that closed before a time (None = no such time), and
    of those of the codes `erased`; returns of how many cases anything was there.

    Of rows that were put aside the text goes too: of erased cases, and what was read before then.
    """
    due, params = _due(closed_before, erased, with_belongings=True)
    if not due:
        return 0
    _empty_what_was_put_aside(connection, params)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE forgotten AS {due}", params)
    count = connection.execute("SELECT count(*) FROM forgotten").fetchall()[0][0]
    for table, columns in PERSONAL.items() if count else ():
        emptied = ", ".join(f"{name} = NULL" for name in columns)
        connection.execute(
            f"UPDATE {table} SET {emptied} WHERE ({_says(columns)})"
            " AND case_code IN (SELECT case_code FROM forgotten)"
        )
    connection.execute("DROP TABLE forgotten")
    return count


def is_due(
    rows: Callable[[str, dict[str, Any]], list[tuple]],
    closed_before: datetime | None,
    erased: Collection[str],
) -> bool:
    """Whether `forget` would find a case; `rows` answers for an edition (`Edition.rows`). Asked
    every minute, so what belongs to old cases is not looked through: it comes with a delivery."""
    due, params = _due(closed_before, erased, with_belongings=False)
    return bool(due and rows(f"{due} LIMIT 1", params))


def _due(
    closed_before: datetime | None, erased: Collection[str], with_belongings: bool
) -> tuple[str, dict[str, Any]]:
    """SQL of the codes of due cases of which something is still there ("" = none can be), and what
    it binds. The rows that still say something are few: they are what the cases are sought in."""
    parts, params = [], {}
    if closed_before is not None:
        params["closed_before"] = closed_before
        still = _says(PERSONAL["cases"])
        if with_belongings:
            others = {name: columns for name, columns in PERSONAL.items() if name != "cases"}
            still = f"({still} OR case_code IN ({_saying(others)}))"
        parts.append(f"SELECT case_code FROM cases WHERE closed_at < $closed_before AND ({still})")
    if erased:
        params["erased"] = sorted(erased)
        parts.append(
            f"SELECT DISTINCT case_code FROM ({_saying(PERSONAL)})"
            " WHERE case_code IN (SELECT unnest($erased::VARCHAR[]))"
        )
    return " UNION ".join(parts), params


def _empty_what_was_put_aside(
    connection: duckdb.DuckDBPyConnection, params: dict[str, Any]
) -> None:
    for name, rows in (("erased", ASIDE), ("closed_before", ASIDE_LONG_AGO)):
        if name in params:
            connection.execute(
                "UPDATE quarantine SET raw = NULL, reason = code"
                f" WHERE rowid IN ({rows}) AND (raw IS NOT NULL OR reason <> code)",
                {name: params[name]},
            )


def _saying(tables: Mapping[str, tuple[str, ...]]) -> str:
    """SQL of the codes of the rows that say anything personal."""
    return " UNION ALL ".join(
        f"SELECT case_code FROM {table} WHERE {_says(columns)}" for table, columns in tables.items()
    )


def _says(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"{name} IS NOT NULL" for name in columns)
