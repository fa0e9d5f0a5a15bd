"""What an edition knows beside its rows: code lists, sources and the time up to which it goes."""

from datetime import datetime

import duckdb
import pytest

from data.editions.tables import create_tables
from data.loading import code_lists, provenance
from data.loading.provenance import SourceState
from data.site import CodeRow, ColumnDimension, Layer, Site, TimeLimit

NOW = datetime(2026, 11, 10, 12)
SITE = Site(
    name="x",
    title="x",
    zone="Asia/Shanghai",
    levels=(Layer(key="grid", name="格", files=("x",)),),
    dimensions=(ColumnDimension(key="force", name="警队"),),
    open_lists=("category",),
    departments=(CodeRow(code="police", name="公安局", parent="county"),),
    categories=(CodeRow(code="noise", name="噪声", kind="event"),),
    time_limits=(TimeLimit(stage="handle", amount=7, unit="days"),),
)


@pytest.fixture
def db():
    with duckdb.connect(":memory:") as connection:
        create_tables(connection, SITE)
        yield connection


def case(db, code: str, **values) -> None:
    row = {"case_code": code, "source": "s", "precision": "second", "reopen_count": 0}
    row |= {"point_quality": "missing", "is_located": False, "row_hash": "x"}
    row |= {"member": "m", "line": 1, **values}
    names, marks = ", ".join(row), ", ".join(f"${name}" for name in row)
    db.execute(f"INSERT INTO cases ({names}) VALUES ({marks})", row)


def test_the_code_lists_are_those_of_the_site_and_no_others(db):
    for _ in range(2):
        code_lists.write_code_lists(db, SITE)
    assert db.execute("FROM departments").fetchall() == [("police", "公安局", "county")]
    assert db.execute("FROM categories").fetchall() == [("noise", "噪声", "event", None)]
    limits = db.execute("FROM time_limits").fetchall()
    assert limits == [("*", "*", "*", "handle", 7.0, "days")]


def test_an_open_list_grows_with_the_data_and_a_closed_one_does_not(db):
    code_lists.write_code_lists(db, SITE)
    case(db, "1", category="smell", department="court", force="Kent")
    for _ in range(2):
        code_lists.write_open_lists(db, SITE)
    categories = db.execute("SELECT code, name FROM categories ORDER BY 1").fetchall()
    assert categories == [("noise", "噪声"), ("smell", "smell")]
    assert db.execute("SELECT code FROM departments").fetchall() == [("police",)]
    assert db.execute("FROM dimensions").fetchall() == [("force", "Kent", "Kent")]


def test_the_data_go_up_to_the_newest_event_that_has_happened(db):
    assert provenance.data_time(db, NOW) == NOW
    case(db, "1", reported_at=datetime(2026, 11, 1), due_at=datetime(2026, 12, 1))
    assert provenance.data_time(db, NOW) == datetime(2026, 11, 1)
    case(db, "2", reported_at=datetime(2026, 11, 1), closed_at=datetime(2026, 11, 9))
    case(db, "3", reported_at=datetime(2026, 11, 11))
    assert provenance.data_time(db, NOW) == datetime(2026, 11, 9)


def state(name: str, **changes) -> SourceState:
    values = {"title": name, "target": "cases", "expected_every": 60, "checked_at": NOW}
    values |= {"state": "ok", "reason": None, "new_columns": ()} | changes
    return SourceState(name, **values)


def test_a_source_that_fails_keeps_the_time_of_its_last_success(db):
    case(db, "1", reported_at=datetime(2026, 11, 1), closed_at=datetime(2026, 11, 3))
    provenance.write_sources(db, [state("s", new_columns=("心情",)), state("t")])
    sql = "SELECT source, last_success_at, last_data_at, rows, state, new_columns FROM sources"
    assert db.execute(f"{sql} ORDER BY 1").fetchall() == [
        ("s", NOW, datetime(2026, 11, 3), 1, "ok", '["心情"]'),
        ("t", NOW, None, 0, "ok", None),
    ]
    later = datetime(2026, 11, 11)
    provenance.write_sources(db, [state("s", state="failed", reason="断网", checked_at=later)])
    last = ("s", NOW, datetime(2026, 11, 3), 1, "failed", '["心情"]')
    assert db.execute(sql).fetchall() == [last]


def test_new_columns_are_known_until_the_declaration_changes(db):
    def after(*names: str, anew: bool = False) -> str:
        provenance.write_sources(db, [state("s", new_columns=names, is_read_anew=anew)])
        return db.execute("SELECT new_columns FROM sources").fetchall()[0][0]

    assert after("心情") == '["心情"]'
    assert after() == '["心情"]'
    assert after("天气", "心情") == '["心情","天气"]'
    assert after("天气", anew=True) == '["天气"]'
    assert after(anew=True) is None


def test_a_delivered_file_is_noted_by_its_newest_content(db):
    provenance.note_containers(db, [("s", "a.csv", "1", "d"), ("s", "b.csv", "2", "d")])
    provenance.note_containers(db, [("s", "a.csv", "3", "d"), ("t", "a.csv", "9", "d")])
    provenance.note_containers(db, [])
    noted = db.execute("SELECT source, name, content_hash FROM containers ORDER BY ALL").fetchall()
    assert noted == [("s", "a.csv", "3"), ("s", "b.csv", "2"), ("t", "a.csv", "9")]
