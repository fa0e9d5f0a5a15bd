"""The working calendar of a site: which days are worked, and arithmetic in work days.

Listed days are `holiday` (not worked, 法定节假日 with the weekend days within) or `workday` (a
weekend day worked instead, 调休上班). All others follow the weekdays, Monday to Friday unless the
site says otherwise. `calendars/cn.csv` (day,kind,name) lists the public holidays of China of 2025
and 2026 by the State Council's notices (国办发明电〔2024〕12号; that of 2025-11-04), for a site to
copy.

Two choices of ours [I], made so that a later start never gets an earlier deadline:

* The n-th work day after t is at the clock time of t; the day of t does not count (民法典 201).
* A time outside working time (a day off, or outside the daily hours where a site declares them)
  counts as the opening of the next work day: Saturday 15:00 plus one work day is Tuesday 00:00, and
  Tuesday 08:30 in a calendar with hours from 08:30.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

FIRST, LAST = np.datetime64("1900-01-01", "D"), np.datetime64("2200-01-01", "D")
DAY_US = 86_400_000_000
KINDS = ("holiday", "workday")

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class Calendar:
    """Worked days: `weekdays` (0 = Monday), less `holidays`, plus `workdays`; hours are optional.

    All functions take naive times of the site's zone (scalars, arrays, pandas columns) from 1900 to
    2199, answer arrays of the same shape, times in microseconds, and hand NaT through.
    """

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    hours: tuple[time, time] | None = None
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        both = sorted(self.holidays & self.workdays)
        if both:
            raise ValueError(f"{both[0]} 既是节假日又是工作日")
        if self.hours and not self.hours[0] < self.hours[1]:
            raise ValueError(f"作息时间 {self.hours[0]}–{self.hours[1]} 的结束不晚于开始")
        if not self.weekdays or not set(self.weekdays) <= set(range(7)):
            raise ValueError(f"每周工作日 {self.weekdays} 应为 0（周一）至 6（周日）中的若干天")

    @classmethod
    def of_days(cls, days: Iterable[tuple[date, str]], **options) -> Self:
        """The calendar of (day, kind) pairs; `options` are `hours` and `weekdays`."""
        kinds: dict[date, str] = {}
        for day, kind in days:
            if kind not in KINDS:
                raise ValueError(f"工作日历 {day}：类型 {kind!r} 应为 holiday 或 workday")
            if kinds.setdefault(day, kind) != kind:
                raise ValueError(f"工作日历 {day}：既是节假日又是工作日")
        named = {kind: frozenset(d for d, k in kinds.items() if k == kind) for kind in KINDS}
        return cls(named["holiday"], named["workday"], **options)

    def is_work_day(self, t: ArrayLike) -> NDArray[np.bool_]:
        """Whether each time falls on a worked day; NaT does not."""
        times = _times(t)
        return self._worked[_days(times)] & ~np.isnat(times)

    def add_work_days(self, t: ArrayLike, n: ArrayLike) -> Times:
        """The same clock time on the n-th work day after t, for whole n >= 0 (broadcast with t).

        n = 0 gives t itself in working time, else the next opening.
        """
        count = np.asarray(n, dtype=np.int64)
        if (count < 0).any():
            raise ValueError("工作日数不能为负")
        start, count = np.broadcast_arrays(self.opening(t), count)
        position = self._before[_days(start)] + count
        if (position >= len(self._work_days)).any():
            raise ValueError(f"期限超出日历范围（{LAST} 之前）")
        shift = self._work_days[position] - _days(start)
        return np.where(np.isnat(start), start, start + shift.astype("timedelta64[D]"))

    def opening(self, t: ArrayLike) -> Times:
        """t itself where it is working time, else the opening of the next work day."""
        times = _times(t)
        days, clock = _days(times), _clock(times)
        opens, closes = self._hours_us
        early = self._worked[days] & (clock < opens)
        outside = ~self._worked[days] | (clock > closes)
        next_day = self._work_days[self._before[np.minimum(days + 1, _SPAN)]]
        midnight = FIRST + np.where(early, days, next_day).astype("timedelta64[D]")
        opened = midnight.astype("datetime64[us]") + np.timedelta64(opens, "us")
        return np.where((early | outside) & ~np.isnat(times), opened, times)

    def work_days_between(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
        """Work days, with fractions, from a to b: negative if b is earlier, NaN for NaT.

        A day without declared hours is 24 hours long, else it is as long as its hours. Exact for
        whole days: `work_days_between(t, add_work_days(t, n)) == n`.
        """
        start, end = np.broadcast_arrays(_times(a), _times(b))
        opens, closes = self._hours_us
        days = (self._worked_us(end) - self._worked_us(start)) / (closes - opens)
        return np.where(np.isnat(start) | np.isnat(end), np.nan, days)

    def _worked_us(self, times: Times) -> NDArray[np.int64]:
        """Working microseconds from FIRST to each time, whole so that differences are exact."""
        opens, closes = self._hours_us
        days = _days(times)
        today = np.where(self._worked[days], np.clip(_clock(times), opens, closes) - opens, 0)
        return self._before[days] * (closes - opens) + today

    @cached_property
    def _hours_us(self) -> tuple[int, int]:
        if self.hours is None:
            return 0, DAY_US
        return _clock_us(self.hours[0]), _clock_us(self.hours[1])

    @cached_property
    def _worked(self) -> NDArray[np.bool_]:
        """Whether each day from FIRST on is worked."""
        worked = np.isin(np.arange(_SPAN) % 7, self.weekdays)  # FIRST was a Monday
        worked[_positions(self.holidays)] = False
        worked[_positions(self.workdays)] = True
        return worked

    @cached_property
    def _before(self) -> NDArray[np.int64]:
        """The number of work days before each day from FIRST on, and the total at the end."""
        return np.concatenate([[0], np.cumsum(self._worked)]).astype(np.int64)

    @cached_property
    def _work_days(self) -> NDArray[np.int64]:
        return np.flatnonzero(self._worked)


_SPAN = int((LAST - FIRST).astype(int))


def _times(t: ArrayLike) -> Times:
    times = np.asarray(t, dtype="datetime64[us]")
    if ((times < FIRST) | (times >= LAST)).any():
        raise ValueError(f"时间超出日历范围 {FIRST} 至 {LAST}")
    return times


def _days(times: Times) -> NDArray[np.int64]:
    """The position of each time's day, counted from FIRST; 0 for NaT."""
    days = (times.astype("datetime64[D]") - FIRST).astype(np.int64)
    return np.where(np.isnat(times), 0, days)


def _clock(times: Times) -> NDArray[np.int64]:
    """Microseconds since midnight; meaningless for NaT."""
    return times.astype(np.int64) % DAY_US  # floors, so right before 1970 too


def _clock_us(clock: time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond


def _positions(days: frozenset[date]) -> NDArray[np.int64]:
    return _days(_times(np.array(sorted(days), dtype="datetime64[us]")))
