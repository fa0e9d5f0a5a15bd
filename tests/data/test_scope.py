"""Scope: one frozen object in the URL and in JSON, and hostile until read."""

from dataclasses import FrozenInstanceError
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.compare import earlier
from data.scope import Grant, Scope, ScopeError

FILLED = Scope(
    since=date(2026, 11, 2),
    until="2026-11-09",
    as_of="2026-11-09 08:30:00",
    edition=7,
    regions=(("town", "439921100"), ("town", "439921101")),
    where=(("risk", "red"), ("department", "-"), ("located", "false")),
    area=((112.9, 28.1), (113.0, 28.1), (113.0, 28.25)),
)


def test_a_scope_survives_json_and_url():
    assert Scope.from_json(FILLED.to_json()) == FILLED
    assert Scope.from_query(FILLED.to_query()) == FILLED
    assert Scope.from_query("?" + FILLED.to_query()) == FILLED
    assert Scope.from_json("{}") == Scope.from_query("") == Scope.from_json(None) == Scope()


def test_a_url_is_readable():
    scope = Scope(since=date(2026, 11, 2), where=(("risk", "red"),))
    assert scope.to_query() == "since=2026-11-02T00:00:00&where=risk:red"


codes = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
pairs = st.lists(
    st.tuples(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), codes), max_size=4
)
times = st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))
corner = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@settings(max_examples=60, deadline=None)
@given(times, times, pairs, pairs, st.just([]) | st.lists(corner, min_size=3, max_size=6))
def test_any_scope_survives_json_and_url(since, as_of, regions, where, area):
    scope = Scope(since, None, as_of, None, regions, where, area)
    assert Scope.from_json(scope.to_json()) == scope
    assert Scope.from_query(scope.to_query()) == scope
    assert hash(Scope.from_json(scope.to_json())) == hash(scope)


def test_a_date_is_its_midnight_and_times_stay():
    assert FILLED.since == datetime(2026, 11, 2)
    assert FILLED.as_of == datetime(2026, 11, 9, 8, 30)


def test_a_scope_and_a_grant_are_frozen_and_can_be_keys():
    with pytest.raises(FrozenInstanceError):
        FILLED.edition = 8
    assert len({FILLED, Scope.from_json(FILLED.to_json()), Grant.full(), Grant.full()}) == 2


def test_filters_gather_by_dimension():
    assert FILLED.filters["town"] == ("439921100", "439921101")
    assert FILLED.with_filter("category", "wages").filters["category"] == ("wages",)


def test_a_further_filter_only_ever_narrows():
    assert FILLED.with_filter("risk", "red").filters["risk"] == ("red",)
    assert FILLED.with_filter("risk", "blue").filters["risk"] == ()
    assert FILLED.with_filter("town", "439921101").filters["town"] == ("439921101",)
    twice = Scope().with_filter("risk", "red").with_filter("risk", "blue")
    assert twice.filters["risk"] == ()
    assert Scope.from_query(twice.to_query()) == Scope.from_json(twice.to_json()) == twice


HOSTILE = [
    "",
    "null,",
    "[]",
    "3",
    '"x"',
    "[" * 5000,
    "{" * 100_000,
    '{"since": "yesterday"}',
    '{"since": 5}',
    '{"since": "2026-11-02T00:00:00+08:00"}',
    '{"since": "2026-11-09", "until": "2026-11-02"}',
    '{"since": "2026-11-02", "until": "2026-11-02"}',
    '{"edition": -1}',
    '{"edition": true}',
    '{"edition": "1; DROP TABLE cases"}',
    '{"where": "risk"}',
    '{"where": [["risk"]]}',
    '{"where": [["risk", 3]]}',
    '{"where": [["risk", ""]]}',
    '{"where": [["risk\\"; DROP TABLE cases --", "red"]]}',
    '{"where": [["RISK", "red"]]}',
    '{"where": [["risk", "a\\u0000b"]]}',
    '{"where": [["risk", "\\ud800"]]}',
    '{"regions": [["town", "a\\udfffb"]]}',
    '{"since": "0001-01-01"}',
    '{"until": "9999-12-31"}',
    '{"as_of": "1899-12-31 23:59:59"}',
    '{"regions": {"town": "x"}}',
    '{"regions": [["town", "' + "x" * 101 + '"]]}',
    '{"area": [[1, 2]]}',
    '{"area": [[1, 2], [3, 4], ["x", 5]]}',
    '{"area": [[1, 2], [3, 4], [1e999, 5]]}',
    '{"area": [[1, 2], [3, 4], [181, 5]]}',
    '{"area": 7}',
    '{"grant": "all"}',
    '{"__class__": "Grant"}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_makes_no_sense_is_refused_in_chinese(text):
    with pytest.raises(ScopeError) as caught:
        Scope.from_json(text)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.message)
    assert len(caught.value.message.encode()) < 500


@pytest.mark.parametrize(
    "query",
    [
        "where=risk",
        "since=x",
        "since=2026-01-01&since=2026-01-02",
        "a;b",
        "x=1",
        "area=1,2",
        "%ff=1",
    ],
)
def test_a_url_that_makes_no_sense_is_refused(query):
    with pytest.raises(ScopeError):
        Scope.from_query(query)


def test_too_many_filters_are_refused():
    with pytest.raises(ScopeError):
        Scope(where=(("risk", "red"),) * 501)


@pytest.mark.parametrize("since", ["1900-01-01", "2200-12-31"])
@pytest.mark.parametrize("base", ["previous", "year"])
def test_a_window_at_either_end_of_the_calendar_can_be_compared(since, base):
    scope = Scope(since=since, until="2200-12-31 23:00", where=(("risk", "red"),))
    assert earlier(scope, datetime(2026, 11, 9), base).since < scope.since


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_scope_or_refused(text):
    try:
        Scope.from_json(text)
    except ScopeError as error:
        assert error.message


def test_no_grant_sees_nothing_and_a_hall_no_personal_text():
    assert (Grant().regions, Grant().departments) == ((), ())
    assert Grant.wall().masking == "masked"
    assert Grant.full().masking == "clear"
