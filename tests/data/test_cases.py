"""The cases behind a number, and the points of a heat map."""

import pytest

from data.cases import PERSONAL, cases_behind, newest_cases
from data.indicators import INDICATORS
from data.masking import COVERED
from data.measure import measure
from data.names import named
from data.points import points
from data.scope import Grant, Scope, ScopeError
from tests.data.given import SINCE, UNTIL, given

FULL = Grant.full()
MASKED = Grant(None, None, "masked")
WEEK = Scope(since=SINCE, until=UNTIL)
MOVED = {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-05"), ("close", "2026-11-07")]}
EDITION = (
    {"town": "t1", "title": "张三投诉", "department": "a", "due_at": "2026-11-04"},
    {"town": "t2", "title": "噪声", "accepted_at": "2026-11-03", "closed_at": "2026-11-04"},
    {"town": "t1", "accepted_at": "2026-10-20", "risk": "red"},
    {"town": "t1", **MOVED},
)


@pytest.mark.parametrize("key", [k for k, i in INDICATORS.items() if i.numerator.table == "cases"])
@pytest.mark.parametrize("as_of", [None, "2026-11-04 12:00", "2026-11-06"])
def test_as_many_cases_are_listed_as_are_counted(key, as_of):
    edition, scope = given(*EDITION), WEEK.narrowed(as_of=as_of)
    row = measure(edition, key, (), scope, FULL).iloc[0]
    counted = row["denominator"] if INDICATORS[key].kind == "quantile" else row["numerator"]
    assert len(cases_behind(edition, scope, FULL, None, key)) == counted
    if INDICATORS[key].kind == "rate" and key != "closure_flow_rate":
        listed = cases_behind(edition, scope, FULL, None, key, side="denominator")
        assert len(listed) == row["denominator"]


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_no_more_are_listed_than_asked_for(limit):
    assert len(cases_behind(given(*EDITION), WEEK, FULL, limit)) == limit


def test_the_listing_shows_the_state_at_t():
    then = WEEK.narrowed(as_of="2026-11-06")
    frame = cases_behind(given(MOVED), then, FULL)
    assert frame["closed_at"].isna().all() and frame["status"].tolist() == ["88"]


def test_a_group_is_listed_by_its_code():
    listed = cases_behind(given(*EDITION), WEEK.with_filter("town", "t2"), FULL)
    assert listed["town"].tolist() == ["t2"]
    by_lamp = cases_behind(given(*EDITION), WEEK.with_filter("lamp", "red"), FULL)
    assert by_lamp[["case_code", "lamp"]].values.tolist() == [["c00001", "red"]]


def test_a_group_of_several_regions_lists_as_many_as_it_counts():
    both = WEEK.narrowed(regions=(("town", "t1"), ("town", "t2")))
    groups = measure(given(*EDITION), "accepted", ("town",), both, FULL).set_index("town")
    for town, counted in groups["numerator"].items():
        listed = cases_behind(given(*EDITION), both.with_filter("town", town), FULL)
        assert (len(listed), set(listed["town"])) == (counted, {town})


def test_newest_first_and_limited():
    frame = cases_behind(given(*EDITION), WEEK, FULL, limit=2)
    assert frame["case_code"].tolist() == ["c00002", "c00001"]
    oldest = cases_behind(given(*EDITION), Scope(), FULL, 1, order="accepted_at", ascending=True)
    assert oldest["case_code"].tolist() == ["c00003"]


def test_an_order_that_is_no_column_is_refused():
    with pytest.raises(ScopeError, match="排序"):
        cases_behind(given(), WEEK, FULL, order="1; DROP TABLE cases")


def test_personal_text_is_masked_unless_the_grant_is_clear():
    party = {"name": "张测甲", "phone": "19900001234", "address": "一镇甲村某路3号"}
    edition = given(
        {
            "title": "张测甲投诉",
            "summary": "来电人19900001234，住一镇甲村某路3号，邻居王测乙",
            "place_text": "一镇甲村某路3号",
            "extra": '{"备注": "张测甲"}',
            "parties": [party],
        },
        {"title": "张测甲投诉"},
    )
    masked = cases_behind(edition, WEEK, MASKED, order="case_code", ascending=True)
    assert personal(masked) == [
        [
            "张＊＊投诉",
            "来电人199＊＊＊＊1234，住一镇甲村＊＊＊，邻居王测乙",
            "一镇甲村＊＊＊",
            COVERED,
        ],
        ["张测甲投诉", None, None, None],  # of another case nobody knows who that is
    ]
    clear = cases_behind(edition, WEEK, FULL, order="case_code", ascending=True)
    assert personal(clear)[0][0] == "张测甲投诉"


def personal(frame) -> list[list[str | None]]:
    texts = frame[list(PERSONAL)].astype(object)
    return texts.where(texts.notna(), None).values.tolist()


def test_what_is_masked_orders_nothing():
    with pytest.raises(ScopeError, match="排序"):
        cases_behind(given({}), WEEK, MASKED, order="summary")
    assert len(cases_behind(given({}), WEEK, FULL, order="summary")) == 1


def test_a_listing_obeys_the_grant():
    grant = Grant(regions=(("town", "t2"),), departments=None)
    assert cases_behind(given(*EDITION), Scope(), grant)["case_code"].tolist() == ["c00002"]
    assert cases_behind(given(*EDITION), Scope(), Grant()).empty


def test_the_newest_cases_show_names_and_nothing_personal():
    frame = newest_cases(given(*EDITION), WEEK, Grant.wall(), 2)
    assert frame.columns.tolist() == [
        "case_code",
        "accepted_at",
        "precision",
        "risk",
        "status",
        "category",
        "department",
        "place",
    ]
    assert frame["place"].tolist() == ["二镇", "一镇"]
    assert frame["category"].tolist() == ["未分类", "未分类"]
    then = newest_cases(given(*EDITION), WEEK.narrowed(as_of="2026-11-02 12:00"), Grant.wall(), 9)
    assert then["case_code"].tolist() == ["c00001", "c00004", "c00003"]


def test_heat_takes_only_points_that_are_right():
    edition = given(
        {"lon": 113.0, "lat": 28.0},
        {"lon": 113.1, "lat": 28.1, "point_quality": "placeholder"},
        {"lon": None, "lat": None, "point_quality": "missing"},
        {"lon": 113.2, "lat": 28.2, "accepted_at": "2026-10-01"},
        {"lon": 113.3, "lat": 28.3, "closed_at": "2026-11-03"},
    )
    frame = points(edition, WEEK, FULL)
    assert sorted(frame["lon"]) == [113.0, 113.3]
    assert points(edition, WEEK, FULL, "closed").values.tolist() == [[113.3, 28.3]]
    assert points(edition, WEEK, Grant()).empty


def test_codes_have_names():
    edition = given()
    assert named(edition, "town") == {"-": "无", "t1": "一镇", "t2": "二镇"}
    assert named(edition, "weekday")["1"] == "星期一"
    assert named(edition, "risk")["-"] == "未分类"
    assert named(edition, "lamp")["red"] == "红灯"
