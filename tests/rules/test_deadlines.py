"""Deadlines: which limit holds, when the lamp turns, what an extension moves."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar import Calendar
from rules.deadlines import LAMPS, UNITS, Limit, TimeLimits, lamp

CALENDAR = Calendar()
LIMITS = TimeLimits(
    (
        Limit(10, "work_days"),
        Limit(5, "work_days", department="police", risk="red"),
        Limit(7, "work_days", category="wages"),
        Limit(3, "work_days", category="wages", risk="red"),
        Limit(4, "work_days", category="wages", risk="red"),
        Limit(0.5, "hours", stage="accept"),
        Limit(2, "days", stage="verify"),
    ),
    CALENDAR,
)
MONDAY = np.datetime64("2026-03-02T10:00")
NAT = np.datetime64("NaT")
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))


def limit_of(category: str, department: str, risk: str) -> float:
    return LIMITS.limits[LIMITS.find(category, department, risk)].amount


def test_the_most_specific_limit_wins_and_among_equals_the_first():
    assert limit_of("noise", "town", "blue") == 10
    assert limit_of("noise", "police", "red") == 5
    assert limit_of("wages", "police", "blue") == 7
    assert limit_of("wages", "police", "red") == 3  # a category counts before a department


def test_limits_are_found_for_whole_columns_and_missing_values_match_only_the_wildcard():
    found = LIMITS.find(["wages", None, "wages"], "police", ["red", "blue", "-"])
    assert [LIMITS.limits[i].amount for i in found] == [3, 10, 7]


def test_a_deadline_is_counted_in_the_unit_of_its_limit():
    assert LIMITS.due_at(MONDAY, "noise", "town", "blue") == np.datetime64("2026-03-16T10:00")
    assert LIMITS.due_at(MONDAY, "x", "x", "x", "accept") == np.datetime64("2026-03-02T10:30")
    assert LIMITS.due_at(MONDAY, "x", "x", "x", "verify") == np.datetime64("2026-03-04T10:00")


def test_the_warning_comes_when_whole_days_of_seventy_per_cent_are_used():
    assert LIMITS.warn_at(MONDAY, "noise", "town", "blue") == np.datetime64("2026-03-11T10:00")
    assert LIMITS.warn_at(MONDAY, "wages", "town", "blue") == np.datetime64("2026-03-06T10:00")
    assert LIMITS.warn_at(MONDAY, "x", "x", "x", "accept") == np.datetime64("2026-03-02T10:21")
    assert LIMITS.warn_at(MONDAY, "x", "x", "x", "verify") == np.datetime64("2026-03-03T10:00")


def test_an_extension_adds_work_days_to_the_deadline_and_to_the_allowed_time():
    due = LIMITS.due_at(MONDAY, "wages", "town", "blue", extended_days=[0, 3])
    warn = LIMITS.warn_at(MONDAY, "wages", "town", "blue", extended_days=[0, 3])
    assert due.astype("M8[D]").astype(str).tolist() == ["2026-03-11", "2026-03-16"]
    assert warn.astype("M8[D]").astype(str).tolist() == ["2026-03-06", "2026-03-11"]  # 4 and 7


def test_an_extension_in_work_days_follows_a_limit_by_the_clock():
    limits = TimeLimits((Limit(2, "days"),), CALENDAR)  # due Wednesday, warned after one day
    due = limits.due_at(MONDAY, "a", "b", "c", extended_days=3)
    warn = limits.warn_at(MONDAY, "a", "b", "c", extended_days=3)
    assert (due, warn) == (np.datetime64("2026-03-09T10:00"), np.datetime64("2026-03-05T10:00"))


def test_without_a_limit_or_a_start_there_is_no_deadline_and_no_lamp():
    empty = TimeLimits((), CALENDAR)
    due, warn = (f([MONDAY, NAT], "a", "b", "red") for f in (empty.due_at, empty.warn_at))
    assert np.isnat(due).all()
    assert np.isnat(warn).all()
    assert np.isnat(LIMITS.due_at(NAT, "a", "b", "red"))
    assert lamp(MONDAY, due, warn, NAT).tolist() == ["-", "-"]


def test_the_lamp_is_red_only_after_the_deadline_and_keeps_its_colour_at_closing():
    day = [np.datetime64(f"2026-03-{d:02}") for d in range(1, 31)]
    due, warn = day[10], day[7]
    lamps = lamp([day[6], day[7], day[10], day[11]], due, warn, NAT)
    assert lamps.tolist() == ["green", "yellow", "yellow", "red"]
    closed = lamp(day[20], due, warn, [day[5], day[8], day[10], day[11], day[25]])
    assert closed.tolist() == ["green", "yellow", "yellow", "red", "red"]


@pytest.mark.parametrize("bad", [(0, "days"), (-1, "hours"), (1.5, "work_days"), (1, "weeks")])
def test_a_limit_without_sense_is_refused(bad):
    with pytest.raises(ValueError, match="时限"):
        Limit(*bad)


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="环节"):
        LIMITS.find("a", "b", "c", "sleep")


@settings(max_examples=100)
@given(TIMES, st.sampled_from(UNITS), st.integers(1, 90), st.integers(0, 30))
def test_the_warning_lies_between_start_and_deadline_and_extension_never_shortens(
    start, unit, amount, days
):
    limits = TimeLimits((Limit(amount, unit),), CALENDAR)
    due, more = (limits.due_at(start, "a", "b", "c", extended_days=n) for n in (0, days))
    warn = limits.warn_at(start, "a", "b", "c", extended_days=days)
    assert np.datetime64(start) <= warn <= more
    assert due <= more


@settings(max_examples=100)
@given(TIMES, TIMES, st.sampled_from(UNITS), st.integers(1, 60))
def test_a_later_acceptance_never_has_an_earlier_deadline(a, b, unit, amount):
    limits = TimeLimits((Limit(amount, unit),), CALENDAR)
    a, b = sorted([a, b])
    due = limits.due_at([a, b], "a", "b", "c")
    assert due[0] <= due[1]


@settings(max_examples=100)
@given(TIMES, TIMES, TIMES, st.integers(0, 40), st.none() | TIMES)
def test_the_lamp_never_goes_back(t, u, due, early, closed):
    t, u = sorted([t, u])
    warn = due - timedelta(days=early)
    now, later = lamp([t, u], due, warn, closed if closed else NAT)
    assert LAMPS.index(now) <= LAMPS.index(later)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(*(st.sampled_from(["*", "a", "b"]) for _ in range(3))), min_size=0, max_size=6
    ),
    st.lists(st.tuples(*(st.sampled_from(["a", "b", "c", None]) for _ in range(3))), max_size=8),
)
def test_columns_find_the_same_limit_as_one_case_after_another(rules, cases):
    limits = tuple(Limit(1, "days", category=c, department=d, risk=r) for c, d, r in rules)
    table = TimeLimits(limits, CALENDAR)
    columns = [list(column) for column in zip(*cases, strict=True)] or [[], [], []]
    one_by_one = [int(table.find(*case)) for case in cases]
    assert table.find(*columns).tolist() == one_by_one
    for case, found in zip(cases, one_by_one, strict=True):
        fits = [
            i
            for i, r in enumerate(rules)
            if all(x in ("*", y) for x, y in zip(r, case, strict=True))
        ]
        best = max(fits, key=lambda i: (tuple(x != "*" for x in rules[i]), -i), default=-1)
        assert found == best
