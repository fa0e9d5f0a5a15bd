"""Which rows are one matter and which of them counts: the same whatever the order of arrival."""

from collections.abc import Sequence
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.loading.merging import CodeCollision
from tests.etl.village import Desk, code_of, matter, table
from tests.etl.village import village as built

KEYED = """
title = "有主键"
files = ["keyed/*.csv"]
key = ["id"]
delivery = "append"
columns = { reported_at = { from = "at", date = "iso" }, title = "title" }
"""
CHANGES = KEYED.replace("append", "changes")
VERSIONED = CHANGES.replace("keyed", "versioned").replace("columns", 'updated_at = "u"\ncolumns')
DATED = CHANGES.replace("keyed", "dated").replace("columns", 'sequence = "name"\ncolumns')
SNAPSHOT = DATED.replace("dated", "snapshot").replace('"changes"', '"snapshot"')
KEYLESS = KEYED.replace("keyed", "keyless").replace('["id"]', '"none"')
SOURCES = {
    "keyed": KEYED,
    "versioned": VERSIONED,
    "dated": DATED,
    "snapshot": SNAPSHOT,
    "keyless": KEYLESS,
}


@pytest.fixture(scope="module")
def laws(tmp_path_factory) -> Desk:
    """A desk with a source of every kind of identity."""
    place = built(tmp_path_factory.mktemp("laws"), source=None)
    for name, text in SOURCES.items():
        place.declare(text, name)
    return Desk(place)


@pytest.fixture
def table_of(laws):
    """Deliver rows as a file of the folder; its name."""
    laws.empty()
    for path in laws.village.input.rglob("*.csv"):
        path.unlink()

    def deliver(name, *rows):
        laws.village.deliver(name, table(*rows) if rows else "id,title,at,u\n")
        return name

    return deliver


def row(id, title="", **more):
    return {"id": id, "title": title, "at": "2026-11-01", "u": "", **more}


def titles(desk: Desk) -> dict[str, str]:
    return dict(desk.rows("SELECT source_key, title FROM cases ORDER BY ALL"))


# Laws, for any rows

IDS = st.sampled_from(["1", "2", "3", ""])
ROWS = st.builds(
    row,
    IDS,
    st.sampled_from(["a", "b", "c"]),
    at=st.sampled_from(["2026-11-01", "2026-11-02", "昨天"]),
    u=st.sampled_from(["2026-11-01 08:00", "2026-11-02 08:00", ""]),
)
FILES = st.lists(st.lists(ROWS, max_size=4), min_size=1, max_size=3)


def written(laws: Desk, source: str, files: Sequence[Sequence[dict]]) -> list[str]:
    for path in laws.village.input.rglob("*.csv"):
        path.unlink()
    names = [f"{source}/x_2026110{n}.csv" for n, _ in enumerate(files, 1)]
    for name, rows in zip(names, files, strict=True):
        content = table(*rows) if rows else "id,title,at,u\n"
        laws.village.deliver(name, content)
    return names


def adds_up(balances, files) -> bool:
    """Every delivered row is in exactly one column."""
    delivered = sum(len(rows) for rows in files)
    return all(b.adds_up for b in balances) and delivered == sum(b.rows_in for b in balances)


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=6, deadline=None)
@given(files=FILES, data=st.data())
def test_any_order_and_any_number_of_times_lead_to_one_state(laws, source, files, data):
    names = written(laws, source, files)
    laws.empty()
    assert adds_up(laws.load(*names), files)
    together = laws.state()
    again = laws.load(*names)
    assert laws.state() == together and adds_up(again, files)
    assert all(b.loaded + b.updated + b.replaced == 0 for b in again)
    laws.empty()
    for name in data.draw(st.permutations(names)):
        assert all(b.adds_up for b in laws.load(name))
    assert laws.state() == together


@pytest.mark.parametrize("source", ["versioned", "keyed"])
@settings(max_examples=6, deadline=None)
@given(
    rows=st.lists(ROWS, min_size=2, max_size=5, unique_by=lambda r: r["id"]), cut=st.integers(1, 4)
)
def test_a_keyed_file_cut_in_two_leads_to_the_same_state(laws, source, rows, cut):
    laws.empty()
    laws.load(*written(laws, source, [rows]))
    whole = laws.state()
    laws.empty()
    laws.load(*written(laws, source, [rows[:cut], rows[cut:]]))
    assert laws.state() == whole


# Cases that fit in the head


def test_the_newer_version_wins_and_the_older_is_stale(laws, table_of):
    new = table_of("versioned/a.csv", row(1, "new", u="2026-11-02"))
    old = table_of("versioned/b.csv", row(1, "old", u="2026-11-01"))
    assert [(b.loaded, b.stale) for b in laws.load(new) + laws.load(old)] == [(1, 0), (0, 1)]
    assert titles(laws) == {"1": "new"}
    newest = table_of("versioned/c.csv", row(1, "newest", u="2026-11-03"))
    assert laws.load(newest)[0].updated == 1
    assert titles(laws) == {"1": "newest"}


def test_within_one_run_the_newer_version_wins_too(laws, table_of):
    old = table_of("versioned/a.csv", row(1, "old", u="2026-11-01"), row(1, "new", u="2026-11-02"))
    same = table_of("versioned/b.csv", row(1, "new", u="2026-11-02"))
    balances = laws.load(old, same)
    assert [(b.loaded, b.duplicate, b.stale) for b in balances] == [(1, 0, 1), (0, 1, 0)]
    assert titles(laws) == {"1": "new"}


def test_the_date_in_the_name_orders_where_no_column_does(laws, table_of):
    late = table_of("dated/x_20261105.csv", row(1, "late"))
    early = table_of("dated/x_20261104.csv", row(1, "early"))
    laws.load(late)
    assert laws.load(early)[0].stale == 1
    assert titles(laws) == {"1": "late"}


def test_what_is_said_again_later_is_newer_than_what_lay_between(laws, table_of):
    names = [
        table_of("dated/x_20261101.csv", row(1, "a")),
        table_of("dated/x_20261102.csv", row(1, "b")),
        table_of("dated/x_20261103.csv", row(1, "a")),
    ]
    for order in permutations(names):
        laws.empty()
        for name in order:
            laws.load(name)
        assert titles(laws) == {"1": "a"}


def test_a_key_that_repeats_in_a_file_is_no_identity_and_nothing_is_merged(laws, table_of):
    name = table_of("keyed/a.csv", row(1, "a"), row(1, "b"), row(2, "c"), row(1, "a"))
    (balance,) = laws.load(name)
    assert (balance.loaded, balance.repeated_keys) == (4, 3)
    found = laws.rows("SELECT title, source_key FROM cases ORDER BY title")
    assert found == [("a", None), ("a", None), ("b", None), ("c", "2")]
    assert laws.rows("SELECT count(DISTINCT case_code) FROM cases") == [(4,)]


def test_the_same_row_twice_in_a_file_is_one_matter(laws, table_of):
    (balance,) = laws.load(table_of("keyed/a.csv", row(1, "a"), row(1, " a "), row(2)))
    assert (balance.loaded, balance.duplicate, balance.repeated_keys) == (2, 1, 0)


def test_rows_without_a_key_count_as_often_as_they_are_there(laws, table_of):
    name = table_of("keyless/a.csv", row("", "a"), row("", "a"), row("", "b"))
    assert laws.load(name)[0].loaded == 3
    table_of("keyless/a.csv", row("", "a"), row("", "c"))
    (balance,) = laws.load(name)
    assert (balance.loaded, balance.unchanged, balance.replaced) == (1, 1, 2)
    assert laws.rows("SELECT title FROM cases ORDER BY 1") == [("a",), ("c",)]
    assert laws.rows("SELECT count(DISTINCT case_code) FROM steps") == [(2,)]


def test_equal_rows_of_two_files_without_keys_are_two_matters(laws, table_of):
    first = table_of("keyless/a.csv", row("", "a"))
    second = table_of("keyless/b.csv", row("", "a"))
    assert [b.loaded for b in laws.load(first, second)] == [1, 1]


def test_the_code_of_a_matter_follows_from_its_source_and_key(laws, table_of):
    laws.load(table_of("keyed/a.csv", row("RX-7")), table_of("dated/x_20261101.csv", row("RX-7")))
    codes = laws.rows("SELECT source, case_code FROM cases ORDER BY 1")
    assert codes == [("dated", code_of("RX-7", "dated")), ("keyed", code_of("RX-7", "keyed"))]


def test_two_matters_of_one_code_stop_the_loading(laws, table_of):
    laws.load(table_of("keyed/a.csv", row(1)))
    laws.connection.execute("UPDATE cases SET source_key = '2'")
    with pytest.raises(CodeCollision, match=f"案件编码 {code_of('1', 'keyed')} 对应两个不同的事项"):
        laws.load("keyed/a.csv")


# Snapshots


def withdrawn(desk: Desk) -> dict[str, datetime | None]:
    return dict(desk.rows("SELECT source_key, withdrawn_at FROM cases ORDER BY 1"))


def test_a_row_that_a_snapshot_no_longer_has_is_withdrawn_and_comes_back(laws, table_of):
    names = [
        table_of("snapshot/x_20261101.csv", row(1), row(2)),
        table_of("snapshot/x_20261102.csv", row(1)),
        table_of("snapshot/x_20261103.csv", row(1)),
    ]
    laws.load(names[0])
    assert withdrawn(laws) == {"1": None, "2": None}
    laws.load(*names[1:])
    assert withdrawn(laws) == {"1": None, "2": datetime(2026, 11, 2)}
    laws.load(table_of("snapshot/x_20261104.csv", row(1), row(2)))
    assert withdrawn(laws) == {"1": None, "2": None}


def test_a_snapshot_that_comes_late_changes_nothing_that_is_newer(laws, table_of):
    laws.load(table_of("snapshot/x_20261103.csv", row(1, "new")))
    laws.load(table_of("snapshot/x_20261101.csv", row(1, "old"), row(2)))
    assert titles(laws) == {"1": "new", "2": ""} or titles(laws) == {"1": "new", "2": None}
    assert withdrawn(laws) == {"1": None, "2": datetime(2026, 11, 3)}


def test_a_row_of_a_snapshot_that_cannot_be_read_is_still_there(laws, table_of):
    laws.load(table_of("snapshot/x_20261101.csv", row(1), row(2)))
    laws.load(table_of("snapshot/x_20261102.csv", row(1), row(2, at="昨天")))
    assert withdrawn(laws) == {"1": None, "2": None}


def test_half_a_snapshot_is_not_believed(laws, table_of):
    laws.load(table_of("snapshot/x_20261101.csv", *(row(n) for n in range(30))))
    (balance,) = laws.load(table_of("snapshot/x_20261102.csv", *(row(n) for n in range(10))))
    assert balance.state == "refused"
    assert balance.reason == "快照只有 10 行，而上一份有 30 行，疑似不完整，整批拒收"
    assert set(withdrawn(laws).values()) == {None}


# Another declaration


def test_what_a_changed_declaration_says_is_what_counts(tmp_path):
    place = built(tmp_path, source=None)
    place.declare(KEYED, "keyed")
    rows = [row(n, f"标题{n}", note=f"n{n}") for n in range(12)]
    place.deliver("keyed/a.csv", table(*rows))
    place.deliver("keyed/b.csv", table(*(row(n, "后来") for n in range(6))))
    desk = Desk(place)
    desk.load("keyed/a.csv", "keyed/b.csv")
    place.declare(KEYED.replace('title = "title"', 'title = "note"'), "keyed")
    other = Desk(place)
    other.load("keyed/a.csv", "keyed/b.csv")
    expected = other.state()
    other.connection.close()
    other.connection = desk.connection
    other.load("keyed/a.csv", "keyed/b.csv", rewrite=True)
    assert other.state() == expected


def test_rows_that_a_changed_declaration_no_longer_takes_are_gone(tmp_path):
    place = built(tmp_path, source=None)
    place.declare(KEYED, "keyed")
    place.deliver("keyed/a.csv", table(row(1, "a"), row(2, "b")))
    desk = Desk(place)
    desk.load("keyed/a.csv")
    for changed in (KEYED.replace("columns", "where = \"title = 'a'\"\ncolumns"), KEYLESS):
        place.declare(changed.replace("keyless/", "keyed/"), "keyed")
        other = Desk(place)
        other.load("keyed/a.csv")
        expected = other.state()
        other.connection.close()
        other.connection = desk.connection
        other.load("keyed/a.csv", rewrite=True)
        assert other.state() == expected


def test_matter_rows_have_what_the_source_needs(desk):
    desk.village.deliver("matters/a.csv", table(matter(1, x=110.5, y=30.5)))
    desk.load("matters/a.csv")
    assert desk.rows("SELECT case_code, town, grid FROM cases") == [(code_of("1"), "west", "g1")]
