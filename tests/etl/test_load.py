"""Every row of every member is accounted for; a member that may not be loaded leaves no trace."""

import orjson
import pytest

from data.editions.store import EditionStore
from etl.accounts import Balance, Unbalanced
from etl.identity import identify
from tests.etl.village import MATTERS, Desk, matter, table
from tests.etl.village import village as built


@pytest.fixture
def loaded(tmp_path):
    """Load rows by a declaration; (desk, balances)."""

    def run(*files, declared=MATTERS, desk=None):
        if desk is None:
            place = built(tmp_path, source=declared)
            desk = Desk(place)
        names = [f"matters/{n}.csv" for n in range(len(files))]
        for name, rows in zip(names, files, strict=True):
            desk.village.deliver(name, rows if isinstance(rows, str | bytes) else table(*rows))
        return desk, desk.load(*names)

    return run


def counts(balance: Balance) -> dict[str, int]:
    names = ("rows_in", "loaded", "updated", "unchanged", "duplicate", "stale", "quarantined")
    names += ("filtered", "replaced", "repeated_keys")
    return {name: getattr(balance, name) for name in names if getattr(balance, name)}


def test_the_balance_names_the_fate_of_every_row(loaded):
    rows = [
        matter(1, title="old"),
        matter(1, title="new", updated="2026-11-02"),
        matter(1, title="new", updated="2026-11-02"),
        matter(2),
        matter(3, dept="外星局"),
        matter("", title="x"),
        matter(4, title="skip"),
    ]
    declared = MATTERS.replace("key =", "where = \"title IS NULL OR title <> 'skip'\"\nkey =")
    _, [balance] = loaded(rows, declared=declared)
    assert counts(balance) == {
        **{"rows_in": 6, "loaded": 2, "duplicate": 1, "stale": 1, "quarantined": 2},
        "filtered": 1,
    }
    assert balance.adds_up and balance.state == "loaded"


def test_a_row_that_gets_lost_stops_the_run_and_nothing_is_published(village, monkeypatch):
    """A step that loses rows must not pass them off as rows that nobody wanted."""
    village.deliver("matters/a.csv", table(matter(1), matter(2), matter(3)))

    def careless(connection, source):
        identify(connection, source)
        connection.execute("DELETE FROM identified WHERE source_key = '2'")

    monkeypatch.setattr("etl.load.identify", careless)
    reason = "matters matters/a.csv 收支不平：读入 3 行，有去向的 2 行；未发布"
    with pytest.raises(Unbalanced, match=reason):
        village.run()
    assert EditionStore(village.home).numbers() == []
    monkeypatch.undo()
    assert village.run().edition == 1


def test_rows_on_one_line_are_each_accounted_for(loaded):
    declared = MATTERS.replace("key =", 'reader = "jsonl"\nkey =')
    rows = [matter(1), matter(2, dept="外星局"), matter(3, dept="火星局"), matter(4)]
    desk, [balance] = loaded(orjson.dumps(rows), declared=declared)
    assert counts(balance) == {"rows_in": 4, "loaded": 2, "quarantined": 2}
    assert desk.rows("SELECT reason FROM quarantine ORDER BY 1") == [
        ("department：外星局",),
        ("department：火星局",),
    ]


def test_a_broken_line_is_counted_once_and_kept_with_its_text(loaded):
    text = table(matter(1), matter(2)) + '3,"2026-11-01,无尾\n'
    desk, [balance] = loaded(text)
    assert counts(balance) == {"rows_in": 3, "loaded": 2, "quarantined": 1}
    [(line, code, raw)] = desk.rows("SELECT line, code, raw FROM quarantine")
    assert (line, code != "") == (4, True) and "无尾" in raw


def test_what_was_read_and_what_became_of_it_is_in_the_edition(loaded):
    desk, balances = loaded([matter(1)], [matter(2), matter(3, dept="外星局")])
    assert desk.rows("SELECT member, rows_in, state FROM members ORDER BY 1") == [
        ("matters/0.csv", 1, "loaded"),
        ("matters/1.csv", 2, "loaded"),
    ]
    batches = desk.rows("SELECT member, rows_in, loaded, quarantined FROM batches ORDER BY 1")
    assert batches == [(b.member, b.rows_in, b.loaded, b.quarantined) for b in balances]
    aside = desk.rows("SELECT member, line, kind, column_name, code, reason FROM quarantine")
    assert aside == [
        ("matters/1.csv", 3, "row", "department", "unknown_value", "department：外星局")
    ]


@pytest.mark.parametrize(
    ("rule", "rows", "reason"),
    [
        ("min_rows = 3", 2, "只有 2 行，少于声明的 3 行"),
        ("max_rows = 3", 4, "有 4 行，多于声明的 3 行"),
        ("min_rows = 1", 0, "只有 0 行，少于声明的 1 行"),
    ],
)
def test_a_file_of_the_wrong_size_is_refused(loaded, rule, rows, reason):
    text = table(*(matter(n) for n in range(rows))) if rows else "id,updated,reported\n"
    desk, [balance] = loaded(text, declared=f"{MATTERS}\n[assert]\n{rule}\n")
    assert (balance.state, balance.reason) == ("refused", reason)
    assert desk.rows("SELECT count(*) FROM cases") == [(0,)]


@pytest.mark.parametrize(("bad", "state"), [(4, "loaded"), (5, "refused")])
def test_the_share_of_bad_rows_decides(loaded, bad, state):
    rows = [matter(n, dept="外星局" if n < bad else "公安局") for n in range(20)]
    desk, [balance] = loaded(rows)
    assert balance.state == state
    assert desk.rows("SELECT count(*) FROM cases") == [(16 if state == "loaded" else 0,)]
    assert balance.adds_up or balance.quarantined == balance.rows_in == 20


def test_a_source_may_bear_more_and_a_small_file_is_never_refused(loaded, tmp_path):
    rows = [matter(n, dept="外星局") for n in range(25)]
    _, [patient] = loaded([*rows, matter(99)], declared=f"max_bad_share = 1.0\n{MATTERS}")
    assert (patient.state, patient.loaded, patient.quarantined) == ("loaded", 1, 25)
    _, [small] = loaded(rows[:3])
    assert (small.state, small.quarantined) == ("loaded", 3)


def test_a_refused_file_does_not_take_the_others_with_it(loaded):
    bad = [matter(n, dept="外星局") for n in range(30)]
    desk, balances = loaded([matter(1)], bad, [matter(2)])
    assert [balance.state for balance in balances] == ["loaded", "refused", "loaded"]
    assert desk.rows("SELECT source_key FROM cases ORDER BY 1") == [("1",), ("2",)]


def test_a_file_that_its_reader_cannot_read_is_refused_whole(loaded):
    declared = MATTERS.replace("matters/*.csv", "matters/*").replace(
        "key =", 'reader = "excel"\nkey ='
    )
    desk, [balance] = loaded(b"this is no workbook", declared=declared)
    assert balance.state == "refused" and "matters/0.csv" in (balance.reason or "")
    assert desk.rows("SELECT count(*) FROM cases") == [(0,)]


def test_a_table_without_any_declared_column_is_refused_and_says_what_it_has(loaded):
    headless = "\n".join(table(matter(1), matter(2)).splitlines()[1:])
    desk, balances = loaded(headless, [matter(3)])
    assert [balance.state for balance in balances] == ["refused", "loaded"]
    assert "声明的列一个也没有" in balances[0].reason and "header = 0" in balances[0].reason
    assert desk.rows("SELECT source_key FROM cases") == [("3",)]


def test_the_size_of_the_portions_leaves_no_trace(loaded, monkeypatch):
    files = [[matter(n * 3 + k, title=str(k)) for k in range(5)] for n in range(4)]
    desk, _ = loaded(*files)
    whole = desk.state()
    monkeypatch.setattr("etl.portions.PORTION_ROWS", 1)
    desk.empty()
    _, balances = loaded(*files, desk=desk)
    assert desk.state() == whole and all(balance.adds_up for balance in balances)


def test_a_snapshot_is_judged_by_the_one_before_it_whatever_the_portions(tmp_path, monkeypatch):
    """Here the later day comes first by name."""
    monkeypatch.setattr("etl.portions.PORTION_ROWS", 1)
    desk = Desk(built(tmp_path, source=SNAPSHOT))
    desk.village.deliver("matters/a_20261103.csv", table(*(matter(n) for n in range(5))))
    desk.village.deliver("matters/b_20261101.csv", table(*(matter(n) for n in range(30))))
    balances = desk.load("matters/a_20261103.csv", "matters/b_20261101.csv")
    assert {b.member: b.state for b in balances} == {
        "matters/a_20261103.csv": "refused",
        "matters/b_20261101.csv": "loaded",
    }


def test_columns_that_come_and_go_leave_their_value_empty(loaded):
    first, second = (
        "id,updated,reported,title\n1,2026-11-01,2026-11-01,a\n",
        "id,updated,reported,mood\n",
    )
    desk, _ = loaded(first, second + "2,2026-11-01,2026-11-01,好\n")
    assert desk.rows("SELECT source_key, title, extra FROM cases ORDER BY 1") == [
        ("1", "a", None),
        ("2", None, '{"mood":"好"}'),
    ]


SNAPSHOT = MATTERS.replace('"changes"', '"snapshot"\nsequence = "name"').replace(
    'updated_at = "updated"', ""
)


@pytest.mark.parametrize("days", ["123", "12 3", "1 2 3", "2 13", "3 12", "1 32"])
def test_a_snapshot_is_judged_by_the_one_before_it_however_they_arrive(tmp_path, days):
    """Day 2 has lost too much of day 1, day 3 has not: the guard does not see the portions."""
    desk = Desk(built(tmp_path, source=SNAPSHOT))
    sizes = {"1": 100, "2": 40, "3": 60}
    for day, size in sizes.items():
        rows = (matter(n) for n in range(size))
        desk.village.deliver(f"matters/x_2026110{day}.csv", table(*rows))
    reasons = {}
    for run in days.split():
        balances = desk.load(*(f"matters/x_2026110{day}.csv" for day in run))
        reasons |= {b.member[-5]: b.reason for b in balances if b.state == "refused"}
    if days == "2 13":  # when it came nothing was there to judge it by
        assert reasons == {}
    else:
        assert reasons == {"2": "快照只有 40 行，而上一份有 100 行，疑似不完整，整批拒收"}
        sql = "SELECT count(*) FILTER (withdrawn_at IS NULL), count(*) FROM cases"
        assert desk.rows(sql) == [(60, 100)]
