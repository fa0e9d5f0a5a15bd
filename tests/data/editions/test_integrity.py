"""One state for the same rows, and every broken rule of an edition is found."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import md5
from typing import Any

import duckdb
import pytest

from data.case_code import case_code
from data.editions.edition import memory_edition
from data.editions.integrity import checksum, full_scan, state_hash, verify
from data.editions.store import EditionStore
from data.editions.tables import create_tables
from tests.data.editions.writer import SITE, value_read

CASE = {
    "case_code": case_code("hotline", "A1"),
    "source": "hotline",
    "source_key": "A1",
    "precision": "second",
    "reopen_count": 0,
    "point_quality": "exact",
    "is_located": True,
    "town": "t1",
    "grid": "g1",
    "school_zone": None,
    "reported_at": "2026-03-01 08:00:00",
    "accepted_at": "2026-03-01 09:00:00",
    "closed_at": "2026-03-02 09:00:00",
    "row_hash": "h1",
    "member": "a.csv",
    "line": 2,
}
KEYLESS = CASE | {"case_code": case_code("photos", "m#1"), "source": "photos", "source_key": None}
FIRST = "2026-03-01 08:00:00"
STEP = {"case_code": CASE["case_code"], "seq": 1, "at": FIRST, "since": FIRST, "kind": "register"}
CLOSE = STEP | {"seq": 2, "at": "2026-03-02 09:00:00", "since": FIRST, "kind": "close"}
LATER = CLOSE | {"since": CLOSE["at"]}
TOWN = {"layer": "town", "code": "t1", "name": "一镇"}
GRID = {"layer": "grid", "code": "g1", "name": "一网格", "parent": "t1"}
BATCH = {
    "run": "1",
    "read_at": "2026-03-03 00:00:00",
    "source": "hotline",
    "member": "a.csv",
    "content_hash": "c",
    **{"rows_in": 3, "loaded": 1, "updated": 1, "unchanged": 0, "duplicate": 0, "stale": 0},
    **{"quarantined": 1, "replaced": 0, "repeated_keys": 0, "filtered": 0, "state": "loaded"},
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        create_tables(connection, SITE)
        memory_edition(connection, SITE, data_time=datetime(2026, 3, 31))
        yield connection


def put(connection: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f"${name}" for name in row)
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)


def sound(connection: duckdb.DuckDBPyConnection) -> None:
    put(connection, "grids", TOWN, GRID)
    put(connection, "cases", CASE)
    put(connection, "steps", STEP, CLOSE)
    put(connection, "batches", BATCH)


def hash_of(*rows: tuple[str, dict[str, Any]]) -> str:
    with duckdb.connect(":memory:") as connection:
        create_tables(connection, SITE)
        for table, row in rows:
            put(connection, table, row)
        return state_hash(connection)


# The state hash


def test_the_order_of_rows_is_no_state():
    rows = [("cases", CASE), ("cases", KEYLESS), ("steps", STEP), ("steps", CLOSE)]
    assert hash_of(*rows) == hash_of(*reversed(rows))


@pytest.mark.parametrize(
    ("table", "row", "column", "other"),
    [
        ("cases", CASE, "title", "x"),
        ("cases", CASE, "title", ""),
        ("cases", CASE, "town", None),
        ("cases", CASE, "school_zone", "s1"),
        ("cases", CASE, "closed_at", "2026-03-02 09:00:00.000001"),
        ("cases", CASE, "case_code", case_code("hotline", "A2")),
        ("cases", CASE, "given", {"department": "d"}),
        ("cases", KEYLESS, "row_hash", "h2"),
        ("steps", STEP, "at", "2026-03-01 08:00:01"),
        ("steps", STEP, "since", "2026-03-01 07:59:59"),
        ("steps", STEP, "case_code", "other"),
        ("grids", GRID, "shape", "{}"),
        ("grids", GRID, "area_km2", 0.1),
    ],
)
def test_every_value_is_state(table, row, column, other):
    assert hash_of((table, row)) != hash_of((table, row | {column: other}))


@pytest.mark.parametrize(
    ("table", "row", "column", "other"),
    [
        ("cases", CASE, "member", "b.csv"),
        ("cases", CASE, "line", 9),
        ("cases", KEYLESS, "case_code", "other"),
        ("batches", BATCH, "run", "2"),
    ],
)
def test_where_a_row_came_from_is_no_state(table, row, column, other):
    assert hash_of((table, row)) == hash_of((table, row | {column: other}))


def test_steps_of_a_case_without_key_follow_what_was_delivered():
    def of(code: str, row_hash: str = "h1") -> str:
        case = KEYLESS | {"case_code": code, "row_hash": row_hash}
        return hash_of(("cases", case), ("steps", STEP | {"case_code": code}))

    assert of("one") == of("two")
    assert of("one") != of("one", row_hash="h2")


def test_the_same_row_twice_is_another_state():
    assert hash_of(("cases", KEYLESS)) != hash_of(("cases", KEYLESS), ("cases", KEYLESS))


def test_a_value_does_not_slip_into_the_next_column():
    assert hash_of(("departments", {"code": "a", "name": "bc"})) != hash_of(
        ("departments", {"code": "ab", "name": "c"})
    )


def test_the_sum_of_md5_is_what_it_was_with_duckdb_2_0_0():
    [row] = duckdb.sql("SELECT sum(md5_number_lower(concat('a', chr(31), chr(0))))").fetchall()
    assert row == (int.from_bytes(md5(b"a\x1f\x00").digest()[8:], "little"),)


# What must hold


def test_a_sound_edition_has_no_problems(connection):
    sound(connection)
    assert verify(connection) == []


BROKEN = {
    "cases 的编码唯一": "INSERT INTO cases SELECT * FROM cases",
    "一案一码的校验位": "UPDATE cases SET case_code = '0000000000001'",
    "流转的事项存在": "UPDATE steps SET case_code = '0000000000000'",
    "流转按时间编号": "UPDATE steps SET seq = 3 WHERE seq = 2",
    "办结时间等于最后一次办结": "UPDATE cases SET closed_at = NULL",
    "批次平账": "UPDATE batches SET rows_in = 4",
    "cases 的 grid 合计加未落格等于总数": "UPDATE cases SET grid = 'g9'",
    "cases 的 town 合计加未落格等于总数": "INSERT INTO grids BY NAME SELECT * FROM grids",
    "cases 的落格标记与位置一致": "UPDATE cases SET is_located = false",
    "cases 的 grid 属于其 town": "UPDATE grids SET parent = 't2' WHERE layer = 'grid'",
}


@pytest.mark.parametrize(("rule", "statement"), BROKEN.items(), ids=list(BROKEN))
def test_a_broken_rule_is_named(connection, rule, statement):
    sound(connection)
    connection.execute(statement)
    assert rule in [problem.split("：")[0] for problem in verify(connection)]


def test_steps_out_of_time_order_are_found(connection):
    sound(connection)
    connection.execute("""UPDATE steps SET "at" = '2026-02-01' WHERE seq = 2""")
    assert any(problem.startswith("流转按时间编号：1 处") for problem in verify(connection))


@pytest.mark.parametrize(
    ("steps", "closed_at"),
    [
        ([], "2026-03-02 09:00:00"),
        ([LATER | {"seq": 3, "at": "2026-03-05", "kind": "withdraw"}], "2026-03-05"),
        ([LATER | {"seq": 3, "at": "2026-03-05", "kind": "reopen"}], None),
        ([LATER | {"seq": 3, "at": "2026-03-05", "kind": "follow_up"}], "2026-03-02 09:00:00"),
        ([LATER | {"seq": 3, "at": "2026-04-05", "kind": "reopen"}], None),
    ],
    ids=["closed", "withdrawn", "reopened", "followed up", "reopened after the data time"],
)
def test_the_last_closing_counts(connection, steps, closed_at):
    sound(connection)
    put(connection, "steps", *steps)
    connection.execute("UPDATE cases SET closed_at = $t::TIMESTAMP", {"t": closed_at})
    assert verify(connection) == []


def test_a_refused_batch_need_not_balance(connection):
    sound(connection)
    put(connection, "batches", BATCH | {"state": "refused", "rows_in": 99})
    assert verify(connection) == []


def test_a_state_that_was_changed_after_publication_is_found(connection):
    sound(connection)
    note = f"{duckdb.__version__} another"
    connection.execute("INSERT INTO meta VALUES ('checksum', $1)", [note])
    assert verify(connection) == ["内容与发布时所记的校验值不符"]


def test_a_checksum_of_another_duckdb_says_nothing(connection):
    sound(connection)
    connection.execute("INSERT INTO meta VALUES ('checksum', '1.0.0 another')")
    assert verify(connection) == []


def test_what_the_store_publishes_passes_and_carries_its_state(first):
    with EditionStore(first).reading() as edition:
        assert value_read(edition) == 1
        recorded = edition.rows("SELECT value FROM meta WHERE key = 'checksum'")[0][0]
        assert recorded == checksum(full_scan(edition._connection))
        assert not [p for p in verify(edition._connection) if "校验值" in p or "读不出" in p]
