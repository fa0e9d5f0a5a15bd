"""Nothing comes from outside a grant, whatever is asked; and nobody's data under a masked one.

The oracle: what a grant is told of an edition is what everybody would be told of an edition that
holds the cases within the grant only. So no case outside has any influence.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import data
from data.alerts import alerts_expired, alerts_in_force
from data.bands import readable_level, year_of_values
from data.case_file import case_file, clear_value
from data.cases import cases_behind, newest_cases
from data.compare import compare
from data.dimensions import dimensions
from data.duty import on_duty
from data.editions.edition import Edition
from data.held import held_cases, longest_held
from data.indicators import INDICATORS, indicator_of
from data.measure import measure
from data.places import parts_of_places
from data.points import points
from data.quality import balance, last_batches, quarantine_reasons, sources, unplaced
from data.regions import reached, view
from data.scope import Grant, Scope
from data.small_cells import withheld
from data.state import Question
from data.surroundings import surroundings
from tests.data.given import SINCE, SITE, UNTIL, insert_things
from tests.data.given import given as edition_of

FULL = Grant.full()
WEEK = Scope(since=SINCE, until=UNTIL)
MIDDLE = datetime(2026, 11, 5, 12)
PLANTED = (
    "张测甲",
    "测甲",
    "19900001234",
    "000000198001010000",
    "丙路3号",
    "someone@example.invalid",
)
PARTY = {"role": "applicant", "name": "张测甲", "phone": "19900001234"}
PARTY |= {"id_number": "000000198001010000", "address": "一镇甲村丙路3号", "person_key": "k1"}
SAID = "张测甲（１９９－００００－１２３４，000000 19800101 0000，someone@example.invalid）"
SAID += "住一镇甲村丙路3号"
REGIONS = [("town", "t1"), ("town", "t2"), ("town", "-"), ("grid", "g1"), ("grid", "g2")]
REGIONS += [("grid", "g3"), ("grid", "-"), ("beat", "b1"), ("force", "north")]
DEPARTMENTS = ["a", "b", "c", "-"]


def case(number: int) -> dict[str, Any]:
    """One of some thirty cases that differ in place, department, steps and times."""
    town, grid = [("t1", "g1"), ("t1", "g2"), ("t2", "g3"), (None, None), ("t1", "g1")][number % 5]
    accepted = datetime(2026, 10, 20 + number % 11, 8)
    first, then = (["a", "b", "c", None][n % 4] for n in (number, number // 3))
    steps = [{"kind": "dispatch", "at": datetime(2026, 11, 3, number % 24), "department": then}]
    if number % 3:
        closed = datetime(2026, 11, 4 + number % 4, 9)
        steps.append({"kind": "close", "at": closed, "outcome": "resolved"})
    if number % 7 == 1:
        steps.append({"kind": "reopen", "at": datetime(2026, 11, 8, 12)})
    return {
        "case_code": f"k{number:05d}",
        "source": ["s", "r"][number % 2],
        "town": town,
        "grid": grid,
        "beat": "b1" if number % 4 == 0 else None,
        "force": "north" if number % 6 == 0 else None,
        "department": first,
        "category": ["x", "y", None][number % 3],
        "kind": ["dispute", "event"][number % 2],
        "risk": ["red", "yellow", "blue", None][number % 4],
        "handling_level": ["county", "village"][number % 2],
        "channel": "05",
        "accepted_at": accepted,
        "reported_at": accepted,
        "due_at": datetime(2026, 11, 6),
        "accept_due_at": datetime(2026, 11, 1),
        "lon": 112.0 + number / 1000,
        "lat": 28.0,
        "is_located": grid is not None,
        "title": "张测甲来访",
        "summary": SAID,
        "place_text": "一镇甲村丙路3号",
        "extra": '{"备注": "张测甲 19900001234"}',
        "steps": steps,
        "follow_ups": [(datetime(2026, 11, 7), datetime(2026, 11, 7, 9), "stable")],
        "evaluations": [(datetime(2026, 11, 7), "fair")],
        "parties": [PARTY],
    }


CASES = [case(number) for number in range(30)]


@lru_cache(40)
def edition_with(codes: frozenset[str] | None = None) -> Edition:
    """The edition of all cases, or of those of the codes; with the same deliveries and alerts."""
    made = edition_of(*(c for c in CASES if codes is None or c["case_code"] in codes))
    connection = made._connection
    connection.execute("UPDATE steps SET note = $said WHERE kind = 'dispatch'", {"said": SAID})
    connection.execute(
        "INSERT INTO quarantine VALUES ('s', '张测甲.csv', 3, 'row', 'department',"
        " 'unknown_value', 'department：张测甲', '{\"a\": \"19900001234\"}')"
    )
    connection.execute(
        "INSERT INTO batches VALUES ('1', TIMESTAMP '2026-11-08', 's', '张测甲.csv', 'h',"
        " 30, 30, 0, 0, 0, 0, 0, 0, 0, 0, 'refused', '张测甲.csv：读不懂')"
    )
    connection.execute(
        "INSERT INTO sources VALUES ('s', '某系统', 'cases', 60, TIMESTAMP '2026-11-08',"
        " TIMESTAMP '2026-11-08', 30, 'refused', '张测甲.csv：读不懂', '[\"张测甲\"]')"
    )
    told = {"sent_at": datetime(2026, 11, 8), "status": "Actual", "msg_type": "Alert"}
    told |= {"signal": "red", "precision": "second", "headline": "起火，电话19900001234"}
    told |= {"area_text": "丙路3号", "event": "火警19900001234", "sender": "x"}
    told |= {"expires_at": datetime(2026, 11, 30), "lon": 112.0, "lat": 28.0}
    places = ({"town": "t1", "grid": "g1"}, {"town": "t2", "grid": "g3"}, {"town": "t1"})
    alerts = (told | at | {"identifier": str(n)} for n, at in enumerate(places))
    insert_things(connection, "alerts", *alerts)
    worker = {"title": "网格员 1号", "department": "a", "lon": 112.0, "lat": 28.0, "town": "t1"}
    insert_things(connection, "grid_workers", worker, worker | {"town": "t2", "department": "b"})
    return made


@lru_cache
def listed(as_of: datetime | None) -> pd.DataFrame:
    """All cases in their state at T, as the command line sees them."""
    scope = Scope(as_of=as_of)
    return cases_behind(edition_with(), scope, FULL, None, "registered")


def within(grant: Grant, as_of: datetime | None = None) -> pd.DataFrame:
    """The cases that a grant reaches at T: filtered by pandas."""
    frame = listed(as_of).fillna(
        {key: "-" for key in ("department", "town", "grid", "beat", "force")}
    )
    if grant.regions is not None:
        fits = [frame[key] == code for key, code in grant.regions]
        frame = frame[pd.concat(fits, axis=1).any(axis=1)] if fits else frame[:0]
    if grant.departments is not None:
        frame = frame[frame["department"].isin(grant.departments)]
    return frame


def only(grant: Grant, as_of: datetime | None = None) -> Edition:
    """The edition of the cases that the grant reaches."""
    return edition_with(frozenset(within(grant, as_of)["case_code"]))


grants = st.builds(
    Grant,
    st.none() | st.lists(st.sampled_from(REGIONS), max_size=3, unique=True).map(tuple),
    st.none() | st.lists(st.sampled_from(DEPARTMENTS), max_size=3, unique=True).map(tuple),
    st.sampled_from(["masked", "masked", "clear"]),
)
scopes = st.sampled_from([WEEK, Scope(), Scope(as_of=MIDDLE), WEEK.narrowed(as_of=MIDDLE)])
BY = sorted(dimensions(SITE))
asked = st.tuples(st.sampled_from(list(INDICATORS)), st.sampled_from([(), *((key,) for key in BY)]))


def assert_same(one: Any, other: Any) -> None:
    pd.testing.assert_frame_equal(
        one.reset_index(drop=True), other.reset_index(drop=True), check_dtype=False
    )


def numbers_are_those_of_the_cases_within(key: str, by: tuple, scope: Scope, grant: Grant) -> None:
    told = measure(edition_with(), key, by, scope, grant)
    wanted = measure(only(grant, scope.as_of), key, by, scope, FULL)
    if indicator_of(key).kind == "per_population":  # people live where no case is
        told, wanted = (
            frame[frame["numerator"] > 0].drop(columns=["denominator", "value"])
            for frame in (told, wanted)
        )
    assert_same(told, wanted)


def nobody_is_named(told: Any) -> None:
    parts = told if isinstance(told, list) else [told]
    text = repr([p.to_dict() if isinstance(p, pd.DataFrame) else p for p in parts])
    assert [planted for planted in PLANTED if planted in text] == []


def ask(names: Iterable[str], scope: Scope, grant: Grant) -> None:
    edition, allowed = edition_with(), set(within(grant, scope.as_of)["case_code"])
    for name in names:
        told = ASKS[name](edition, scope, grant)
        if grant.masking == "masked":
            nobody_is_named(told)
        frames = told if isinstance(told, list) else [told]
        for frame in (each for each in frames if isinstance(each, pd.DataFrame)):
            assert set(frame.get("case_code", ())) <= allowed, name
        if name in OF_CASES and (name != "compare" or grant.departments is None):
            everything = Grant(None, None, grant.masking)
            wanted = ASKS[name](only(grant, scope.as_of), scope, everything)
            assert_same(told, wanted)
    files_are_those_within(scope, grant, allowed)
    assert len(
        cases_behind(edition, scope.narrowed(since=None, until=None), grant, None, "registered")
    ) == len(allowed)


def files_are_those_within(scope: Scope, grant: Grant, allowed: set[str]) -> None:
    for code in (c["case_code"] for c in CASES[::15]):
        found = case_file(edition_with(), code, grant, scope.as_of)
        assert (found is not None) == (code in allowed)
        if found is not None:
            assert {c for party in found.parties for c in party.elsewhere} == allowed - {code}
            if grant.masking == "masked":
                nobody_is_named(vars(found))
        now = set(within(grant)["case_code"])
        clear = clear_value(edition_with(), code, "parties.1.name", grant)
        assert clear == ("张测甲" if code in now else None)


def _surroundings(edition: Edition, scope: Scope, grant: Grant) -> list[Any]:
    found = surroundings(edition, 112.0, 28.0, 5000, grant, scope)
    return [found.cases, found.workers, found.resources, found.totals, found.counts]


# What is asked of an edition within a grant, by the function's name.
ASKS: dict[str, Callable[[Edition, Scope, Grant], Any]] = {
    "cases_behind": lambda e, s, g: cases_behind(e, s, g, None),
    "newest_cases": lambda e, s, g: newest_cases(e, s, g, 50),
    "points": points,
    "held_cases": lambda e, s, g: held_cases(e, s, g).sort_values("case_code"),
    "longest_held": longest_held,
    "compare": lambda e, s, g: compare(e, "accepted", ("town",), WEEK.narrowed(as_of=s.as_of), g),
    "readable_level": lambda e, s, g: readable_level(
        e, indicator_of("closure_rate"), ("grid", "town"), s, g
    ),
    "year_of_values": lambda e, s, g: list(
        year_of_values(e, indicator_of("accepted"), "town", WEEK, g)
    ),
    "surroundings": _surroundings,
    "alerts_in_force": lambda e, s, g: alerts_in_force(e, s, g, 50),
    "alerts_expired": lambda e, _, g: alerts_expired(e, e.data_time + timedelta(days=9), g),
    "unplaced": lambda e, _, g: unplaced(e, g),
    "balance": lambda e, _, g: balance(e, g),
    "last_batches": lambda e, _, g: last_batches(e, g),
    "quarantine_reasons": lambda e, _, g: quarantine_reasons(e, g),
    "sources": lambda e, _, g: sources(e, g),
    "view": view,
    "reached": lambda e, _, g: sorted(reached(e, "grid", g) or ()),
    "on_duty": lambda e, _, g: on_duty(e, e.data_time, g),
}
# Those that are about cases and about nothing else. Of a department `compare` counts in either
# window the cases that it had then, which are not the same.
OF_CASES = ("cases_behind", "newest_cases", "held_cases", "longest_held", "compare")
ELSEWHERE = {"measure", "numbers", "case_file", "clear_value"}  # asked for above
WITHIN = {parts_of_places.__name__, withheld.__name__}  # parts of `measure`


def test_every_public_function_that_takes_a_grant_is_asked():
    found = set()
    for module in pkgutil.iter_modules(data.__path__, "data."):
        if module.ispkg or module.name.endswith("__main__"):
            continue
        for name, made in inspect.getmembers(
            importlib.import_module(module.name), inspect.isfunction
        ):
            is_own = made.__module__ == module.name and not name.startswith("_")
            if is_own and "grant" in inspect.signature(made).parameters:
                found.add(name)
    assert found <= {*ASKS, *ELSEWHERE, *WITHIN}


LIMITED = [
    Grant((("town", "t1"),), None),
    Grant((("grid", "g3"), ("town", "-")), ("a", "b")),
    Grant(None, ("c", "-")),
    Grant(),
]


def some_or_all() -> Iterator:
    """Every indicator under every grant; in the normal run each under one of them."""
    for number, key in enumerate(INDICATORS):
        for turn, grant in enumerate(LIMITED):
            marks = [] if (number + turn) % len(LIMITED) == 0 else [pytest.mark.soak]
            yield pytest.param(key, grant, marks=marks, id=f"{key}-{turn}")


@pytest.mark.parametrize(("key", "grant"), list(some_or_all()))
def test_every_number_is_that_of_the_cases_within_the_grant(key, grant):
    for by in ((), *((dimension,) for dimension in BY)):
        numbers_are_those_of_the_cases_within(key, by, WEEK, grant)


@pytest.mark.parametrize("dimension", ["department", "category", "risk", "kind", "town", "force"])
def test_counts_are_those_of_pandas(dimension):
    for grant in LIMITED:
        told = measure(edition_with(), "registered", (dimension,), Scope(), grant)
        wanted = within(grant)[dimension].fillna("-").value_counts()
        counted = dict(zip(told[dimension], told["numerator"], strict=True))
        assert counted == wanted.to_dict()


def check(grant: Grant, scope: Scope, questions: list, names: Iterable[str]) -> None:
    for key, by in questions:
        numbers_are_those_of_the_cases_within(key, by, scope, grant)
    ask(names, scope, grant)


some = st.lists(st.sampled_from(list(ASKS)), min_size=1, max_size=3, unique=True)


@settings(max_examples=100, deadline=None)
@given(grants, scopes, st.lists(asked, max_size=2), some)
def test_nothing_comes_from_outside_a_grant(grant, scope, questions, names):
    check(grant, scope, questions, names)


@pytest.mark.soak
@settings(max_examples=2000, deadline=None)
@given(grants, scopes, st.lists(asked, max_size=8))
def test_nothing_comes_from_outside_two_thousand_grants(grant, scope, questions):
    check(grant, scope, questions, ASKS)


def test_a_limited_grant_is_told_nothing_of_deliveries():
    edition, some = edition_with(), Grant((("town", "t1"),), None, "clear")
    for ask in (balance, last_batches, quarantine_reasons):
        assert ask(edition, some).empty and not ask(edition, FULL).empty
    [told] = sources(edition, some).to_dict("records")
    assert (told["state"], told["rows"], told["reason"]) == ("refused", None, None)
    assert unplaced(edition, some)["cases"].sum() == len(within(some))


def test_a_masked_grant_is_told_kinds_of_reasons():
    [told] = quarantine_reasons(edition_with(), Grant(None, None)).to_dict("records")
    assert (told["reason"], told["column_name"], told["first_at"]) == (
        "代码表里没有的值",
        "department",
        "—",
    )
    [told] = last_batches(edition_with(), Grant(None, None)).to_dict("records")
    assert (told["rows_in"], told["member"], told["reason"]) == (30, "—", None)
    [told] = quarantine_reasons(edition_with(), FULL).to_dict("records")
    assert (told["reason"], told["first_at"]) == ("department：张测甲", "张测甲.csv 第 3 行")


def test_alerts_are_those_of_the_regions_and_name_nobody():
    told = alerts_in_force(edition_with(), Scope(), Grant((("grid", "g3"),), None), 9)
    assert told["alert_code"].tolist() == ["alerts-1"]
    assert told["headline"].tolist() == ["起火，电话199＊＊＊＊1234"]
    assert told["area_text"].tolist() == ["丙路＊号"]
    assert alerts_in_force(edition_with(), Scope(), Grant(None, ()), 9).empty


def test_a_question_knows_no_grant_by_an_unknown_dimension():
    with pytest.raises(ValueError, match="维度"):
        Question(edition_with(), Scope(), Grant((("planet", "x"),), None))
