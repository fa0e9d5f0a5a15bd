"""Rows come into an edition by (version, row hash): newer stays, whatever the order."""

from datetime import datetime

import duckdb
import pytest

from data.editions.tables import columns, create_tables
from data.loading import merging
from data.site import Layer, Site

SITE = Site(
    name="x",
    title="x",
    zone="Asia/Shanghai",
    levels=(Layer(key="grid", name="格", files=("x",)),),
)
DEFAULTS = {
    "source": "s",
    "precision": "second",
    "reopen_count": 0,
    "point_quality": "missing",
    "is_located": False,
    "member": "a",
    "line": 2,
}


@pytest.fixture
def db():
    with duckdb.connect(":memory:") as connection:
        create_tables(connection, SITE)
        connection.execute("CREATE TEMP TABLE touched (case_code VARCHAR)")
        yield connection


def incoming(db, *rows: dict) -> None:
    """The rows as the ETL leaves them; `key`, `hash` and `day` stand for the longer names."""
    names = columns(db, "cases")
    db.execute("CREATE OR REPLACE TEMP TABLE incoming AS SELECT 0 AS _member, * FROM cases LIMIT 0")
    for row in rows:
        day = datetime(2026, 11, row["day"]) if row.get("day") else None
        values = DEFAULTS | {"case_code": f"c{row['key']}", "source_key": row["key"]}
        values |= {"row_hash": row["hash"], "version": day, "seen_at": day, "title": row["hash"]}
        values |= row.get("more", {})
        listed = ", ".join(f'"{name}"' for name in names if name in values)
        marks = ", ".join(f"${name}" for name in names if name in values)
        bound = {name: values[name] for name in names if name in values}
        db.execute(f"INSERT INTO incoming (_member, {listed}) VALUES (0, {marks})", bound)


def merged(db, *rows: dict, declared: str = "d") -> list[str]:
    """The outcomes of the rows, in the order of their keys."""
    incoming(db, *rows)
    merging.classify(db, "cases", "s", declared)
    merging.write_pending(db, "cases")
    found = db.execute("SELECT outcome FROM outcomes ORDER BY code").fetchall()
    return [outcome for (outcome,) in found]


def titles(db) -> dict:
    return dict(db.execute("SELECT source_key, title FROM cases ORDER BY 1").fetchall())


def test_each_row_has_one_outcome(db):
    assert merged(db, {"key": "1", "hash": "b", "day": 2}, {"key": "2", "hash": "b", "day": 2}) == [
        *("loaded", "loaded"),
    ]
    again = [
        {"key": "1", "hash": "b", "day": 2},
        {"key": "2", "hash": "a", "day": 3},
        {"key": "3", "hash": "a", "day": 1},
    ]
    assert merged(db, *again) == ["unchanged", "updated", "loaded"]
    assert merged(db, {"key": "2", "hash": "z", "day": 2}) == ["stale"]
    assert titles(db) == {"1": "b", "2": "a", "3": "a"}


def test_a_tie_goes_to_the_greater_hash_in_both_orders(db):
    merged(db, {"key": "1", "hash": "a", "day": 1}, {"key": "2", "hash": "b", "day": 1})
    later = [{"key": "1", "hash": "b", "day": 1}, {"key": "2", "hash": "a", "day": 1}]
    assert merged(db, *later) == ["updated", "stale"]
    assert titles(db) == {"1": "b", "2": "b"}


def test_a_row_without_version_is_older_than_any_with_one(db):
    merged(db, {"key": "1", "hash": "a", "day": 1})
    assert merged(db, {"key": "1", "hash": "z"}) == ["stale"]


def test_a_row_that_comes_again_was_still_there(db):
    merged(db, {"key": "1", "hash": "a", "day": 1})
    incoming(db, {"key": "1", "hash": "a", "day": 5})
    assert merging.classify(db, "cases", "s", "d") == 2  # seen later, and so newer
    found = db.execute("SELECT seen_at, version FROM cases").fetchone()
    assert found == (datetime(2026, 11, 5),) * 2
    incoming(db, {"key": "1", "hash": "a", "day": 5})
    assert merging.classify(db, "cases", "s", "d") == 0


def test_an_unchanged_row_is_written_anew_where_another_declaration_made_it(db):
    merged(db, *({"key": k, "hash": k, "more": {"member": k}} for k in "ab"))
    db.execute("INSERT INTO members VALUES ('s','a','h','old',NULL,1,'loaded')")
    db.execute("INSERT INTO members VALUES ('s','b','h','d',NULL,1,'loaded')")
    incoming(db, *({"key": k, "hash": k, "more": {"title": "new"}} for k in "ab"))
    assert merging.classify(db, "cases", "s", "d") == 1
    merging.write_pending(db, "cases")
    assert titles(db) == {"a": "new", "b": "b"}


def test_keyless_rows_go_with_the_content_of_their_member(db):
    keyless = {"source_key": None}
    rows = [{"key": k, "hash": k, "more": keyless} for k in ("a", "b")]
    merged(db, *rows, {"key": "c", "hash": "c"})
    incoming(db, rows[0])
    assert merging.remove_replaced(db, "cases", "s", ["other"]) == {}
    assert merging.remove_replaced(db, "cases", "s", ["a"]) == {"a": 1}
    left = db.execute("SELECT case_code FROM cases ORDER BY 1").fetchall()
    assert left == [("ca",), ("cc",)]


@pytest.mark.parametrize("more", [{"source": "t"}, {"source_key": "9"}, {"source_key": None}])
def test_one_code_for_two_matters_is_refused(db, more):
    merged(db, {"key": "1", "hash": "a"})
    with pytest.raises(merging.CodeCollision, match="案件编码 c1 对应两个不同的事项，已停止装载"):
        merged(db, {"key": "1", "hash": "a", "more": more})


def test_the_same_code_twice_in_one_delivery_is_refused(db):
    with pytest.raises(merging.CodeCollision):
        merged(db, {"key": "1", "hash": "a"}, {"key": "1", "hash": "b"})


def test_a_row_is_withdrawn_by_the_first_snapshot_without_it(db):
    merged(db, {"key": "1", "hash": "a", "day": 1}, {"key": "2", "hash": "b", "day": 3})
    db.executemany(
        "INSERT INTO members VALUES ('s', $1, 'h', 'd', $2, 1, $3)",
        [(f"m{day}", datetime(2026, 11, day), state) for day, state in MEMBERS],
    )
    assert merging.mark_withdrawn(db, "cases", "s", False) == 1
    gone = dict(db.execute("SELECT source_key, withdrawn_at FROM cases").fetchall())
    assert gone == {"1": datetime(2026, 11, 3), "2": None}
    assert merging.mark_withdrawn(db, "cases", "s", False) == 0
    db.execute("INSERT INTO unread_keys VALUES ('s', 'm3', '1')")
    assert merging.mark_withdrawn(db, "cases", "s", False) == 1
    assert db.execute("SELECT count(withdrawn_at) FROM cases").fetchone() == (0,)


MEMBERS = [(1, "loaded"), (2, "refused"), (3, "loaded")]
