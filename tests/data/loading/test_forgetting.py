"""Emptying what names people: exactly of the cases that are due, and of nothing else."""

from datetime import datetime

import duckdb
import pytest

from data.editions.tables import create_tables
from data.loading.forgetting import PERSONAL, forget, is_due
from tests.data.given import SITE, fill

CASES = (
    {"title": "甲", "closed_at": "2026-11-03", "parties": [{"name": "张测甲", "is_minor": True}]},
    {"title": "乙", "closed_at": "2026-11-05", "parties": [{"name": "李测乙"}]},
    {"title": "丙", "extra": "{}"},
)


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as made:
        create_tables(made, SITE)
        fill(made, *CASES)
        yield made


def titles(connection) -> list[tuple]:
    return connection.execute(
        "SELECT c.title, p.name FROM cases c LEFT JOIN parties p USING (case_code)"
        " ORDER BY case_code"
    ).fetchall()


@pytest.mark.parametrize(
    ("before", "erased", "count", "left"),
    [
        (None, [], 0, [("甲", "张测甲"), ("乙", "李测乙"), ("丙", None)]),
        (datetime(2026, 11, 3), [], 0, [("甲", "张测甲"), ("乙", "李测乙"), ("丙", None)]),
        (datetime(2026, 11, 4), [], 1, [(None, None), ("乙", "李测乙"), ("丙", None)]),
        (datetime(2026, 11, 4), ["c00003"], 2, [(None, None), ("乙", "李测乙"), (None, None)]),
        (None, ["c00002", "nobody"], 1, [("甲", "张测甲"), (None, None), ("丙", None)]),
    ],
)
def test_exactly_the_due_cases_are_emptied(connection, before, erased, count, left):
    def rows(sql, params):
        return connection.execute(sql, params).fetchall()

    assert is_due(rows, before, erased) == (count > 0)
    assert forget(connection, before, erased) == count
    assert titles(connection) == left
    assert not is_due(rows, before, erased)
    assert forget(connection, before, erased) == 0


def test_what_was_put_aside_of_an_erased_case_is_emptied_too(connection):
    connection.execute("UPDATE cases SET source_key = 'k-000001' WHERE case_code = 'c00001'")
    for key in ("k-000001", "k-000002"):
        connection.execute(
            "INSERT INTO quarantine VALUES ('s', 'm', 1, 'row', NULL, 'bad_time', '张测甲', $raw)",
            {"raw": f'{{"id": "{key}", "name": "张测甲"}}'},
        )
    forget(connection, None, ["c00001"])
    rows = connection.execute("SELECT reason, raw IS NULL FROM quarantine ORDER BY 2").fetchall()
    assert rows == [("张测甲", False), ("bad_time", True)]


def test_what_was_put_aside_long_ago_is_emptied_too(connection):
    for member, day in (("old", "2020-01-01"), ("new", "2026-11-08"), ("again", "2020-01-01")):
        connection.execute(
            "INSERT INTO quarantine VALUES ('s', $m, 1, 'row', NULL, 'bad_time', $said, $said)",
            {"m": member, "said": "张测甲"},
        )
        read(connection, member, day)
    read(connection, "again", "2026-11-08")
    forget(connection, datetime(2026, 11, 1), [])
    rows = connection.execute("SELECT member, reason, raw FROM quarantine ORDER BY 1").fetchall()
    said = ("张测甲", "张测甲")
    assert rows == [("again", *said), ("new", *said), ("old", "bad_time", None)]


def read(connection, member: str, day: str) -> None:
    connection.execute(
        "INSERT INTO batches VALUES ('1', $day, 's', $m, 'h', 1, 0, 0, 0, 0, 0, 1, 0, 0, 0,"
        " 'loaded', NULL)",
        {"day": day, "m": member},
    )


def test_what_belongs_to_an_old_case_goes_when_it_comes_late(connection):
    assert forget(connection, datetime(2026, 11, 4), []) == 1
    connection.execute("UPDATE parties SET name = '张测甲' WHERE case_code = 'c00001'")
    assert forget(connection, datetime(2026, 11, 4), []) == 1
    assert titles(connection)[0] == (None, None)


def test_every_personal_column_is_one(connection):
    for table, names in PERSONAL.items():
        connection.execute(f"SELECT {', '.join(names)} FROM {table}")
