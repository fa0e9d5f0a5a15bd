"""Time limits 责任清单, the deadlines that follow from them, and the lamp 督办灯 of a deadline.

Units of a limit: `work_days` by the site's calendar, `days` of 24 hours, `hours` by the clock (0.5
is half an hour). `*` matches anything.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rules.calendar import Calendar, Times

STAGES = ("accept", "handle", "verify")
UNITS = ("work_days", "days", "hours")
LAMPS = ("green", "yellow", "red")
ANY = "*"
NONE = "-"
WARN_PERCENT = 70


@dataclass(frozen=True)
class Limit:
    """One row: so much time for one stage of the cases that it matches."""

    amount: float
    unit: str
    stage: str = "handle"
    category: str = ANY
    department: str = ANY
    risk: str = ANY

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"时限单位 {self.unit!r} 应为 {'、'.join(UNITS)}")
        if self.stage not in STAGES:
            raise ValueError(f"时限环节 {self.stage!r} 应为 {'、'.join(STAGES)}")
        whole = self.unit == "hours" or self.amount == round(self.amount)
        if not (self.amount > 0 and whole):
            raise ValueError(f"时限 {self.amount} {self.unit} 应为正数，按日计的应为整数")

    def matches(self, category: str, department: str, risk: str) -> bool:
        wanted = ((self.category, category), (self.department, department), (self.risk, risk))
        return all(rule in (ANY, value) for rule, value in wanted)

    @property
    def specificity(self) -> tuple[bool, bool, bool]:
        """An exact category counts before an exact department, and that before an exact risk."""
        return self.category != ANY, self.department != ANY, self.risk != ANY

    @property
    def minutes(self) -> int:
        """The amount in minutes, a day of 1,440; whole."""
        return round(self.amount * (60 if self.unit == "hours" else 1440))

    @property
    def warn_minutes(self) -> int:
        """70 % of the amount, down to whole days (for hours: whole minutes), so never late [T].

        Of 10 days 7, of 7 days 4, of one day 0: such a case is yellow from its start.
        """
        step = 1 if self.unit == "hours" else 1440
        return self.minutes // step * WARN_PERCENT // 100 * step


@dataclass(frozen=True)
class TimeLimits:
    """The limits of a site, in their order, on its calendar.

    The most specific row that matches wins (see `Limit.specificity`), among equals the first.
    Columns are of equal length, or one value for all; times are naive in the site's zone.
    """

    limits: tuple[Limit, ...]
    calendar: Calendar

    def find(
        self, category: ArrayLike, department: ArrayLike, risk: ArrayLike, stage: str = "handle"
    ) -> NDArray[np.int64]:
        """The position in `limits` of the row that holds for each case; -1 where none does."""
        if stage not in STAGES:
            raise ValueError(f"时限环节 {stage!r} 应为 {'、'.join(STAGES)}")
        columns = np.broadcast_arrays(*(_codes(c) for c in (category, department, risk)))
        which, distinct = _distinct([np.atleast_1d(c).ravel() for c in columns])
        known = self._winners
        for kind in distinct:
            if (*kind, stage) not in known:
                known[*kind, stage] = self._winner(*kind, stage)
        found = np.array([known[*kind, stage] for kind in distinct], dtype=np.int64)
        return found[which].reshape(columns[0].shape) if len(which) else which

    def due_at(
        self,
        start: ArrayLike,
        category: ArrayLike,
        department: ArrayLike,
        risk: ArrayLike,
        stage: str = "handle",
        extended_days: ArrayLike = 0,
    ) -> Times:
        """The deadline of each case from the start of its stage; NaT where no limit holds.

        `extended_days` are the approved work days of extension (延期), added to the deadline.
        """
        found = self.find(category, department, risk, stage)
        return self._after(start, found, self._minutes, extended_days)

    def warn_at(
        self,
        start: ArrayLike,
        category: ArrayLike,
        department: ArrayLike,
        risk: ArrayLike,
        stage: str = "handle",
        extended_days: ArrayLike = 0,
    ) -> Times:
        """The moment the lamp turns yellow: 70 % of the allowed time, extension included."""
        found = self.find(category, department, risk, stage)
        extended = np.asarray(extended_days, dtype=np.int64)
        by_days = self._in_work_days[found]
        whole = np.where(by_days, self._minutes[found] // 1440 + extended, 0)
        by_calendar = self.calendar.add_work_days(start, whole * WARN_PERCENT // 100)
        more = np.where(by_days, 0, extended * WARN_PERCENT // 100)
        return np.where(by_days, by_calendar, self._after(start, found, self._warn_minutes, more))

    @cached_property
    def _winners(self) -> dict[tuple[str, str, str, str], int]:
        """What was found by (category, department, risk, stage): the same few come back."""
        return {}

    def _winner(self, category: str, department: str, risk: str, stage: str) -> int:
        matching = [
            (limit.specificity, -position)
            for position, limit in enumerate(self.limits)
            if limit.stage == stage and limit.matches(category, department, risk)
        ]
        return -max(matching)[1] if matching else -1

    def _after(
        self,
        start: ArrayLike,
        found: NDArray[np.int64],
        minutes: NDArray[np.int64],
        more: ArrayLike,
    ) -> Times:
        """start + the minutes of the limit found + `more` work days; NaT where none was found."""
        times = np.asarray(start, dtype="datetime64[us]")
        by_days = self._in_work_days[found]
        by_clock = times + np.where(by_days, 0, minutes[found]).astype("timedelta64[m]")
        work_days = np.where(by_days, minutes[found] // 1440, 0) + np.asarray(more, dtype=np.int64)
        by_calendar = self.calendar.add_work_days(by_clock, work_days)
        due = np.where(by_days | (work_days > 0), by_calendar, by_clock)
        return np.where(found < 0, np.datetime64("NaT", "us"), due)

    # One row more than `limits`: -1, no limit, reads the last.
    @cached_property
    def _in_work_days(self) -> NDArray[np.bool_]:
        return np.array([limit.unit == "work_days" for limit in self.limits] + [False])

    @cached_property
    def _minutes(self) -> NDArray[np.int64]:
        return np.array([limit.minutes for limit in self.limits] + [0])

    @cached_property
    def _warn_minutes(self) -> NDArray[np.int64]:
        return np.array([limit.warn_minutes for limit in self.limits] + [0])


def lamp(at: ArrayLike, due_at: ArrayLike, warn_at: ArrayLike, closed_at: ArrayLike) -> NDArray:
    """The lamp of each case at time `at`: green, yellow from `warn_at` on, red after `due_at`.

    A case closed by then keeps the lamp that it had when it closed; closing at the deadline itself
    is on time. Without a deadline there is no lamp: `-`. An array of strings.
    """
    times = [np.asarray(t, dtype="datetime64[us]") for t in (at, due_at, warn_at, closed_at)]
    now, due, warn, closed = np.broadcast_arrays(*times)
    moment = np.where(closed <= now, closed, now)
    lamps = [np.isnat(due), moment > due, moment >= warn]
    return np.select(lamps, [NONE, "red", "yellow"], "green")


def _codes(column: ArrayLike) -> NDArray[np.object_]:
    """A column of codes as strings; a missing one becomes `-`, which only `*` matches."""
    values = np.asarray(column, dtype=object)
    return np.where(pd.isna(values), NONE, values)


def _distinct(columns: list[NDArray]) -> tuple[NDArray[np.int64], list[tuple[str, str, str]]]:
    """For each row the position of its combination of values, and the distinct combinations."""
    which = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        positions, values = pd.factorize(column)
        which = which * max(len(values), 1) + positions
    _, first, which = np.unique(which, return_index=True, return_inverse=True)
    category, department, risk = (column[first] for column in columns)
    return which, list(zip(category, department, risk, strict=True))
