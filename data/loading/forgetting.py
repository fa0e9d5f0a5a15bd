"""Forget personal values: of cases closed long ago, and of those that were erased for good.

The rows stay, for the numbers of their years must not change; so do their keys and hashes, so that
a row which is delivered again is known as the same and brings nothing back
(个人信息保护法 第十九条、第四十七条).
"""

from collections.abc import Callable, Collection
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
# The cases that are due, and what else bears their code: parties may come before their case.
DUE = """
SELECT case_code FROM cases WHERE closed_at < $closed_before
UNION SELECT unnest($erased::VARCHAR[])
"""
# What was put aside of a case bears no code, but as it was delivered its key.
ASIDE = """
SELECT q.rowid FROM quarantine q JOIN cases c
ON c.source = q.source AND contains(q.raw,
    CASE WHEN length(c.source_key) < 6 THEN '"' || c.source_key || '"' ELSE c.source_key END)
WHERE c.case_code IN (SELECT unnest($erased::VARCHAR[])) AND q.raw IS NOT NULL
"""


def forget(
    connection: duckdb.DuckDBPyConnection, closed_before: datetime | None, erased: Collection[str]
) -> int:
    """Empty the personal values of the cases that closed before a time (None = no such time), and
    of those of the codes `erased`; returns of how many cases anything was there."""
    if closed_before is None and not erased:
        return 0
    params = _params(closed_before, erased)
    left = connection.execute(_left(), params).fetchall()
    if erased:
        connection.execute(
            f"UPDATE quarantine SET raw = NULL, reason = code WHERE rowid IN ({ASIDE})",
            {"erased": params["erased"]},
        )
    if not left:
        return 0
    connection.execute(f"CREATE OR REPLACE TEMP TABLE forgotten AS {DUE}", params)
    for table, columns in PERSONAL.items():
        emptied = ", ".join(f"{name} = NULL" for name in columns)
        connection.execute(
            f"UPDATE {table} SET {emptied} WHERE ({_says(columns)})"
            " AND case_code IN (SELECT case_code FROM forgotten)"
        )
    connection.execute("DROP TABLE forgotten")
    return len(left)


def is_due(
    rows: Callable[[str, dict[str, Any]], list[tuple]],
    closed_before: datetime | None,
    erased: Collection[str],
) -> bool:
    """Whether `forget` would find anything; `rows` answers for an edition (`Edition.rows`)."""
    if closed_before is None and not erased:
        return False
    return bool(rows(f"{_left()} LIMIT 1", _params(closed_before, erased)))


def _left() -> str:
    """SQL of the codes of due cases of which something is still there."""
    parts = [
        f"SELECT case_code FROM {table} WHERE {_says(columns)}"
        for table, columns in PERSONAL.items()
    ]
    return (
        f"SELECT case_code FROM ({DUE}) SEMI JOIN ({' UNION ALL '.join(parts)}) USING (case_code)"
    )


def _says(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"{name} IS NOT NULL" for name in columns)


def _params(closed_before: datetime | None, erased: Collection[str]) -> dict[str, Any]:
    return {"closed_before": closed_before, "erased": sorted(erased)}
