"""What a wall may be asked: no column of people, sensitive matters in totals only, views alone."""

import re
from datetime import datetime

import pytest

from data.alerts import alerts_in_force
from data.cases import NOT_ON_WALLS, cases_behind, newest_cases
from data.compare import compare
from data.editions.edition import Edition
from data.indicators import INDICATORS
from data.measure import measure
from data.points import points
from data.quality import last_batches, quarantine_reasons, sources, unplaced
from data.scope import Grant, Scope, ScopeError
from data.site import CodeRow
from data.surroundings import surroundings
from data.wall_view import WallView
from data.wall_views import PASSED, sensitive_categories, sensitive_kinds
from tests.data.given import SINCE, SITE, UNTIL, given, given_things

WALL, FULL = Grant.wall(), Grant.full()
WEEK = Scope(since=SINCE, until=UNTIL)
CATEGORIES = (
    CodeRow(code="home", name="家庭", kind="dispute"),
    CodeRow(code="violence", name="家暴", kind="dispute", parent="home"),
    CodeRow(code="noise", name="噪声", kind="dispute"),
    CodeRow(code="released", name="特殊人群", kind="special"),
)
HIDING = SITE.model_copy(
    update={"categories": CATEGORIES, "wall": WallView(sensitive=("home", "released"))}
)
CASES = (
    {"town": "t1", "grid": "g1", "category": "noise", "kind": "dispute", "title": "张三"},
    {"town": "t1", "grid": "g1", "category": "violence", "kind": "dispute", "is_located": True},
    {"town": "t1", "grid": "g2", "category": "released", "kind": "special", "risk": "red"},
)
PLACED = {"lon": 112.123456, "lat": 28.654321, "point_quality": "ok"}


def parts(by: str, scope: Scope = WEEK, grant: Grant = WALL, key: str = "accepted") -> dict:
    frame = measure(given(*CASES, site=HIDING), key, (by,), scope, grant)
    return dict(zip(frame[by], frame["value"], strict=True))


def test_what_lies_beneath_a_sensitive_category_is_sensitive():
    assert sensitive_categories(HIDING) == {"home", "violence", "released"}
    assert sensitive_kinds(HIDING) == {"special"}  # disputes are of other categories too


def test_a_sensitive_matter_counts_without_its_category():
    assert parts("category") == {"-": 2, "noise": 1}
    assert parts("kind") == {"-": 1, "dispute": 2}
    assert parts("category", grant=FULL) == {"noise": 1, "released": 1, "violence": 1}


def test_a_sensitive_matter_has_no_place_beneath_the_town():
    assert parts("town") == {"t1": 3}
    assert parts("grid") == {"-": 2, "g1": 1}


def test_that_it_has_a_category_and_a_grid_stays_true():
    edition = given(*CASES, site=HIDING)
    for key in ("categorised_rate", "located_rate"):
        told, true = (measure(edition, key, (), WEEK, grant)["value"][0] for grant in (WALL, FULL))
        assert told == true


@pytest.mark.parametrize(
    "asked", [("category", "violence"), ("category", "home"), ("kind", "special")]
)
def test_to_ask_for_what_is_sensitive_is_refused(asked):
    with pytest.raises(ScopeError, match="敏感"):
        parts("town", WEEK.with_filter(*asked))
    assert parts("town", WEEK.with_filter("category", "-")) == {"t1": 2}


def test_a_sensitive_matter_is_no_row_and_no_point():
    edition = given(*({**case, **PLACED} for case in CASES), site=HIDING)
    assert cases_behind(edition, WEEK, WALL)["category"].tolist() == ["noise"]
    assert newest_cases(edition, WEEK, WALL)["category"].tolist() == ["noise"]
    assert len(points(edition, WEEK, WALL)) == 1
    assert len(points(edition, WEEK, FULL)) == 3
    assert surroundings(edition, 112.12, 28.65, 2000, WALL).totals["cases"] == 1


def test_a_point_is_told_to_a_hundred_metres():
    edition = given(PLACED)
    assert points(edition, WEEK, WALL).values.tolist() == [[112.123, 28.654]]
    listed = cases_behind(edition, WEEK, WALL)
    assert listed[["lon", "lat"]].values.tolist() == [[112.123, 28.654]]
    near = surroundings(edition, 112.123, 28.654, 50, WALL).cases
    assert near[["lon", "lat"]].values.tolist() == [[112.123, 28.654]]


def test_personal_columns_are_neither_listed_nor_ordered_by():
    edition = given(*CASES)
    listed = cases_behind(edition, WEEK, WALL)
    assert not {*NOT_ON_WALLS, "is_listed"} & set(listed.columns)
    for name in NOT_ON_WALLS:
        with pytest.raises(ScopeError, match="排序"):
            cases_behind(edition, WEEK, WALL, order=name)
        with pytest.raises(ScopeError, match="维度"):
            measure(edition, "accepted", (), WEEK.with_filter(name, "张三"), WALL)


def test_a_wall_has_no_clear_text():
    with pytest.raises(ValueError):
        Grant(None, None, "clear", "wall")


ALERT = {
    "sender": "张三", "identifier": "13900000001", "sent_at": datetime(2026, 11, 8),
    "signal": "red", "status": "Actual", "msg_type": "Alert",
    "expires_at": datetime(2026, 11, 30),
    "event": "李四家失火", "headline": "李四家失火",
    "area_text": "某路3号", "category": "Fire", "town": "t1", "precision": "second",
    "lon": 112.123456, "lat": 28.654321,
}  # fmt: skip
CANCEL = {
    "identifier": "2",
    "msg_type": "Cancel",
    "refs": "张三,13900000001,2026-11-08T00:00:00+08:00",
}
UNREFERRED = {
    "identifier": "2",
    "msg_type": "Cancel",
    "refs": "张三,1390000000,2026-11-08T00:00:00+08:00",
}


def test_an_alert_is_told_by_declared_words():
    [told] = alerts_in_force(given_things("alerts", ALERT), Scope(), WALL).to_dict("records")
    assert (told["event"], told["headline"], told["area_text"]) == ("火情", None, None)
    assert (told["lon"], told["lat"], told["place"]) == (112.123, 28.654, "t1")


@pytest.mark.parametrize(("later", "left"), [(CANCEL, 0), (UNREFERRED, 1)])
def test_a_wall_sees_which_alert_was_cancelled(later: dict, left: int):
    edition = given_things("alerts", ALERT, ALERT | later)
    for grant in (WALL, FULL):
        assert len(alerts_in_force(edition, Scope(), grant)) == left


REFERENCE = {"grids", "departments", "categories", "layers", "calendar", "dimensions", "meta"}
REFERENCE |= {"duty", "resources", "grid_workers", "time_limits"}


class Watched(Edition):
    """An edition that keeps what was asked of it."""

    asked: list[str]

    def _cursor(self):
        cursor, asked = super()._cursor(), self.asked

        class Cursor:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                cursor.close()

            def execute(self, sql, params=None):
                asked.append(sql)
                return cursor.execute(sql, params)

        return Cursor()


def watched(edition: Edition) -> Watched:
    edition.__class__ = Watched
    edition.asked = []  # type: ignore[attr-defined]
    return edition  # type: ignore[return-value]


def tables_read(edition: Watched) -> set[str]:
    """The tables and views that the statements name."""
    there = {name for (name,) in edition.rows("SELECT table_name FROM information_schema.tables")}
    named = re.findall(r'(?:FROM|JOIN)\s+"?(\w+)', " ".join(edition.asked))
    return there.intersection(named)


@pytest.mark.parametrize("as_of", [None, "2026-11-05"])
def test_a_wall_reads_its_views_and_no_table_of_sources(as_of):
    edition = watched(given(*CASES, site=HIDING))
    scope = WEEK.narrowed(as_of=as_of)
    for key in INDICATORS:
        for by in ((), ("town", "category")):
            measure(edition, key, by, scope, WALL)
    compare(edition, "accepted", ("category",), scope, WALL)
    cases_behind(edition, scope, WALL)
    newest_cases(edition, scope, WALL)
    points(edition, scope, WALL)
    surroundings(edition, 112.1, 28.6, 500, WALL, scope)
    alerts_in_force(edition, scope, WALL)
    for table in (last_batches, quarantine_reasons, sources, unplaced):
        table(edition, WALL)
    assert edition.expiries == []
    read = tables_read(edition)
    assert {"wall_cases", "wall_steps", "wall_alerts", "wall_sources", "grids"} <= read
    assert read <= REFERENCE | {f"wall_{name}" for name in PASSED}


def test_the_watch_sees_a_table():
    edition = watched(given())
    measure(edition, "accepted", (), WEEK, FULL)
    assert "cases" in tables_read(edition)
