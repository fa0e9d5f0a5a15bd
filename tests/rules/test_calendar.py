"""The working calendar: what an n-day limit means around weekends, holidays and closing time."""

import csv
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules
from rules.calendar import Calendar

CN = Path(rules.__file__).parent / "calendars" / "cn.csv"
PLAIN = Calendar()
OFFICE = Calendar(hours=(time(8, 30), time(17, 30)))


def china(**options) -> Calendar:
    with CN.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return Calendar.of_days([(date.fromisoformat(r["day"]), r["kind"]) for r in rows], **options)


CHINA = china()
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1))
CALENDARS = st.sampled_from([PLAIN, OFFICE, CHINA, china(hours=(time(9), time(17)))])


def add(calendar: Calendar, t: str, n: int) -> str:
    return str(calendar.add_work_days(np.datetime64(t), n))[:16]


def day_by_day(calendar: Calendar, t: datetime, n: int) -> datetime:
    """The definition, walked one day at a time: the oracle for the table look-ups."""

    def is_worked(day: date) -> bool:
        return day in calendar.workdays or (day.weekday() < 5 and day not in calendar.holidays)

    opens, closes = calendar.hours or (time.min, time.max)
    if not is_worked(t.date()) or t.time() > closes:
        t = datetime.combine(t.date() + timedelta(1), opens)
        while not is_worked(t.date()):
            t += timedelta(1)
    t = max(t, datetime.combine(t.date(), opens))
    while n:
        t += timedelta(1)
        n -= is_worked(t.date())
    return t


@pytest.mark.parametrize(
    ("t", "n", "due"),
    [
        ("2026-03-02T10:00", 1, "2026-03-03T10:00"),  # Monday
        ("2026-03-06T10:00", 1, "2026-03-09T10:00"),  # Friday over the weekend
        ("2026-03-06T10:00", 7, "2026-03-17T10:00"),
        ("2026-03-07T15:00", 1, "2026-03-10T00:00"),  # Saturday counts as Monday 00:00
        ("2026-03-06T10:00", 0, "2026-03-06T10:00"),
        ("2026-03-07T15:00", 0, "2026-03-09T00:00"),
    ],
)
def test_the_nth_work_day_keeps_the_clock_time(t, n, due):
    assert add(PLAIN, t, n) == due


def test_spring_festival_of_2026_is_skipped_and_its_make_up_saturdays_are_worked():
    assert add(CHINA, "2026-02-13T10:00", 1) == "2026-02-14T10:00"  # Saturday, worked
    assert add(CHINA, "2026-02-13T10:00", 2) == "2026-02-24T10:00"
    assert add(CHINA, "2026-02-27T10:00", 1) == "2026-02-28T10:00"


def test_the_holidays_of_china_have_the_lengths_of_the_notices():
    days = np.arange("2025-01-01", "2027-01-01", dtype="datetime64[D]")
    worked = CHINA.is_work_day(days)
    assert len(CHINA.workdays) == 11
    assert (worked[:365].sum(), worked[365:].sum()) == (248, 248)
    assert not CHINA.is_work_day(np.arange("2026-10-01", "2026-10-08", dtype="M8[D]")).any()
    assert all(d.weekday() >= 5 for d in CHINA.workdays)


def test_a_start_outside_office_hours_counts_from_the_next_opening():
    assert add(OFFICE, "2026-03-02T17:30", 1) == "2026-03-03T17:30"
    assert add(OFFICE, "2026-03-02T17:31", 1) == "2026-03-04T08:30"
    assert add(OFFICE, "2026-03-02T06:00", 1) == "2026-03-03T08:30"
    assert add(OFFICE, "2026-03-07T15:00", 1) == "2026-03-10T08:30"


def test_only_working_time_counts_between_two_times():
    between = PLAIN.work_days_between
    assert between(np.datetime64("2026-03-06T12:00"), np.datetime64("2026-03-09T12:00")) == 1.0
    assert between(np.datetime64("2026-03-07T01:00"), np.datetime64("2026-03-08T23:00")) == 0.0
    assert OFFICE.work_days_between(
        np.datetime64("2026-03-02T08:30"), np.datetime64("2026-03-02T13:00")
    ) == pytest.approx(0.5)


def test_missing_times_stay_missing():
    times = np.array(["2026-03-02", "NaT"], dtype="datetime64[us]")
    assert np.isnat(CHINA.add_work_days(times, 3)).tolist() == [False, True]
    assert np.isnan(CHINA.work_days_between(times, times[::-1])).tolist() == [True, True]
    assert CHINA.is_work_day(times).tolist() == [True, False]


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="不能为负"):
        PLAIN.add_work_days(np.datetime64("2026-03-02"), -1)
    with pytest.raises(ValueError, match="日历范围"):
        PLAIN.is_work_day(np.datetime64("1800-01-01"))
    with pytest.raises(ValueError, match="既是节假日又是工作日"):
        Calendar.of_days([(date(2026, 1, 1), "holiday"), (date(2026, 1, 1), "workday")])
    with pytest.raises(ValueError, match="类型"):
        Calendar.of_days([(date(2026, 1, 1), "off")])


@settings(max_examples=100)
@given(CALENDARS, TIMES, st.integers(0, 60))
def test_adding_is_the_walk_day_by_day(calendar, t, n):
    assert calendar.add_work_days(t, n).item() == day_by_day(calendar, t, n)


@settings(max_examples=100)
@given(CALENDARS, TIMES, TIMES, st.integers(0, 300), st.integers(0, 300))
def test_later_starts_and_longer_limits_never_end_earlier(calendar, a, b, n, m):
    a, b = sorted([a, b])
    n, m = sorted([n, m])
    assert calendar.add_work_days(a, n) <= calendar.add_work_days(b, n)
    assert calendar.add_work_days(a, n) <= calendar.add_work_days(a, m)
    assert calendar.work_days_between(a, b) >= 0


@settings(max_examples=100)
@given(CALENDARS, TIMES, st.integers(0, 300))
def test_between_undoes_adding_exactly(calendar, t, n):
    assert calendar.work_days_between(t, calendar.add_work_days(t, n)) == n
