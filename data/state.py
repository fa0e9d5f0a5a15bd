"""The cases, or what belongs to them, as at T: the one SQL relation from which `data` answers.

`cases` holds the state after all steps that the edition knows. For an earlier T the changing
columns of a case are the `*_before` of its first step after T, the one that says that they held at
T; a case without one is as it is now. Only what a question uses is rewound.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from data.built_in_dimensions import Dimension
from data.dimensions import dimension_of
from data.editions.edition import Edition
from data.indicators import OPEN, SAID, WATCHED, Count
from data.scope import Grant, Scope, ScopeError
from data.wall_views import sensitive_categories, sensitive_kinds

# Column of `cases` that its steps change -> its value just before a step.
CHANGING = {
    "status": "status_before",
    "department": "department_before",
    "risk": "risk_before",
    "handling_level": "handling_before",
    "outcome": "outcome_before",
    "due_at": "due_before",
    "warn_at": "warn_before",
    "closed_at": "closed_before",
}
# What a condition on single cases may not mention: the state, and what is counted.
LATER = {*CHANGING, "step", "at"}
EVENTS = (
    "reported_at",
    "accepted_at",
    "dispatched_at",
    "responded_at",
)  # unknown before they happen
# What belongs to cases and is counted one by one: name in the answer -> SQL of its value at T.
OF_CASES = {
    "steps": {
        "step": "kind",
        "step_at": '"at"',
        "closed_before": "closed_before",
        "status_before": "status_before",
        "outcome_before": "outcome_before",
        "watched_until": f"closed_before + {WATCHED}",
    },
    "follow_ups": {
        "follow_up_due_at": "due_at",
        "followed_up_at": "CASE WHEN done_at <= $as_of THEN done_at END",
        "follow_up_result": "CASE WHEN done_at <= $as_of THEN result END",
    },
    "evaluations": {"evaluated_at": '"at"', "satisfaction": "satisfaction"},
}
TICK = timedelta(microseconds=1)
# Of each case at most one step: the one before which the state at the moment held.
AT_T = '"at" > $as_of AND since <= $as_of'
BEFORE_START = '"at" >= $start AND since < $start'

# Hours that the cases in `rows` were suspended since they were accepted. A step that leaves a
# suspended case suspended ends one span and begins the next; so the step before one with status 63
# is always in this selection. Suspensions lie after acceptance: earlier steps need not be read.
SUSPENDED = """
    SELECT case_code, sum(date_diff('microsecond', began_at, "at")) / 3.6e9 AS suspended_hours
    FROM (
        SELECT case_code, "at", status_before,
               lag("at") OVER (PARTITION BY case_code ORDER BY seq) AS began_at
        FROM (
            FROM {steps} WHERE status_before = '63' AND "at" >= (SELECT min(accepted_at) FROM rows)
            UNION ALL  -- not OR, which would read all columns of all steps
            FROM {steps} WHERE kind = 'suspend' AND status_before IS DISTINCT FROM '63'
                AND "at" >= (SELECT min(accepted_at) FROM rows)
        )
        WHERE "at" <= $as_of
    )
    WHERE status_before = '63' GROUP BY case_code
"""


@dataclass(frozen=True)
class Question:
    """One scope and grant put to one edition, with the values that its SQL binds."""

    edition: Edition
    scope: Scope
    grant: Grant
    params: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for dimension in (*self.scope.filters, *(key for key, _ in self.grant.regions or ())):
            dimension_of(self.edition.site, dimension)
        if self.as_of > self.edition.data_time:
            raise ScopeError(
                f"截止时点 {self.as_of} 晚于数据时间 {self.edition.data_time}：那时的状态还不知道"
            )
        if self.grant.is_wall:
            self._refuse_sensitive()
        self.params.update(as_of=self.as_of, start=self.start)
        self.params.update(since=self.scope.since, until=self.scope.until)

    def _refuse_sensitive(self) -> None:
        """An answer of 0 would not be true."""
        site, asked = self.edition.site, self.scope.filters
        hidden = {"category": sensitive_categories(site), "kind": sensitive_kinds(site)}
        if any(code in codes for key, codes in hidden.items() for code in asked.get(key, ())):
            raise ScopeError("大屏不单独显示敏感类别的事项")

    @property
    def as_of(self) -> datetime:
        return self.scope.as_of or self.edition.data_time

    @property
    def is_past(self) -> bool:
        """Whether anything that the edition knows of happened after T.

        That may be so at its data time too: a system whose clock is ahead tells of tomorrow.
        """
        return self.as_of < max(self.edition.data_time, self.edition.newest_step)

    @property
    def start(self) -> datetime | None:
        """The first moment that is not "before the window", for stock(since)."""
        return self.scope.since and min(self.scope.since, self.as_of + TICK)

    def dimension(self, key: str) -> Dimension:
        return dimension_of(self.edition.site, key)

    def bind(self, values: Iterable[Any]) -> str:
        """A list of parameters for `values`: "$v1, $v2"."""
        names = []
        for value in values:
            names.append(f"v{len(self.params)}")
            self.params[names[-1]] = value
        return ", ".join(f"${name}" for name in names)

    def used(self, sql: str) -> dict[str, Any]:
        """The parameters that `sql` mentions: DuckDB refuses more."""
        return {name: self.params[name] for name in set(re.findall(r"\$(\w+)", sql))}

    def fixed_filters(self, count: Count) -> list[str]:
        """Conditions of scope and grant on columns of `cases` that no step changes."""
        return [sql for sql in self._filters[count.table] if not _mentions(sql, LATER)]

    def later_filters(self, count: Count) -> list[str]:
        """Conditions of scope and grant on the state at T, on what is counted or its time."""
        at = event_column(count)
        return [s.replace("{at}", at) for s in self._filters[count.table] if _mentions(s, LATER)]

    @cached_property
    def _filters(self) -> dict[str, tuple[str, ...]]:
        """By what is counted: a stage holds cases by their status, and steps by their kind."""
        granted = (*self._granted(), *self._inside())
        return {table: (*self._asked(table), *granted) for table in ("cases", *OF_CASES)}

    def _asked(self, table: str) -> Iterable[str]:
        return [self._any_of(key, codes, table) for key, codes in self.scope.filters.items()]

    def _granted(self) -> Iterable[str]:
        if self.grant.regions is not None:
            allowed = [self._any_of(key, (code,)) for key, code in self.grant.regions]
            yield f"({' OR '.join(allowed) or 'false'})"
        if self.grant.departments is not None:
            yield self._any_of("department", self.grant.departments)

    def _any_of(self, key: str, codes: tuple[str, ...], table: str = "cases") -> str:
        """The dimension has one of the codes; `{at}` stays open where it is one of time."""
        code = self.dimension(key).expression("{at}", table)
        return f"coalesce({code}, '-') IN ({self.bind(codes)})" if codes else "false"

    def _inside(self) -> Iterable[str]:
        """Points in the drawn ring, by the even-odd rule; only points that are right count."""
        ring = self.scope.area
        if not ring:
            return
        crossings = []
        for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
            x, y, run, rise = self.bind((x1,)), self.bind((y1,)), x2 - x1, y2 - y1
            end, slope = self.bind((y2,)), self.bind((run / rise if rise else 0.0,))
            crossings.append(
                f"(({y} > lat) <> ({end} > lat) AND lon < {x} + {slope} * (lat - {y}))::INTEGER"
            )
        yield f"(point_quality = 'ok' AND ({' + '.join(crossings)}) % 2 = 1)"


def state(question: Question, count: Count, uses: str) -> str:
    """The rows that `count` is about and the scope takes, as SQL: a SELECT with the state at T.

    `uses` is the SQL that will read the rows: what it does not mention is not rewound. The result
    has the columns of `cases`, those of OF_CASES for what belongs to them, and `suspended_hours`
    and `is_evaluated` where used. The condition `count.where` is not applied.
    """
    at, fixed = event_column(count), question.fixed_filters(count)
    conditions = [*question.later_filters(count), *_window(question, count, at)]
    uses = " ".join([uses, count.where, *conditions])
    rows = _at_that_time(question, count, uses, fixed)
    if count.table in OF_CASES:
        rows = _with_belongings(question, count, rows)
    elif count.at == "watched_until":
        rows = f"SELECT *, closed_at + {WATCHED} AS watched_until FROM ({rows})"
    if "is_evaluated" in uses:
        rows = _with_evaluations(question, rows)
    taken = f"SELECT * FROM ({rows}) WHERE {' AND '.join(conditions) or 'true'}"
    return _with_suspensions(question, taken, count) if "suspended_hours" in uses else taken


def event_column(count: Count) -> str:
    """The time of the thing counted; of a stock, when its cases were accepted."""
    return "accepted_at" if count.at.startswith("stock(") else count.at


def _window(question: Question, count: Count, at: str) -> list[str]:
    if count.at == "stock(as_of)":
        return []
    if count.at == "stock(since)":
        return _open_at_start(question)
    return [f"{at} IS NOT NULL", *_in_window(question.scope, at)]


def _in_window(scope: Scope, column: str) -> list[str]:
    since = [f"{column} >= $since"] if scope.since else []
    return since + ([f"{column} < $until"] if scope.until else [])


def _open_at_start(question: Question) -> list[str]:
    if question.start is None:  # the window has no beginning: nothing was there before it
        return ["false"]
    return [
        "accepted_at < $start",
        "closed_at_start IS NULL",
        "status_start IS DISTINCT FROM '21'",
    ]


def _at_that_time(question: Question, count: Count, uses: str, fixed: list[str]) -> str:
    """The cases that can matter, each in its state at T."""
    conditions = [*_present(question, count), *fixed, *_candidates(question, count)]
    cases = question.grant.table("cases")
    base = f"SELECT * FROM {cases} WHERE {' AND '.join(conditions) or 'true'}"
    changed = [name for name in CHANGING if _mentions(uses, [name])] if question.is_past else []
    joins, columns = [], []
    if changed:
        joins.append(f"LEFT JOIN ({_rewound(question, AT_T, changed)}) b USING (case_code)")
        columns += [f"CASE WHEN b.seq IS NULL THEN c.{n} ELSE b.{n} END AS {n}" for n in changed]
    if question.is_past:
        hidden = [name for name in EVENTS if name != count.at and _mentions(uses, [name])]
        columns += [f"CASE WHEN c.{n} <= $as_of THEN c.{n} END AS {n}" for n in hidden]
    started = ""
    if count.at == "stock(since)" and question.start:
        rewound = _rewound(question, BEFORE_START, ["closed_at", "status"])
        joins.append(f"LEFT JOIN ({rewound}) a USING (case_code)")
        started = "".join(
            f", CASE WHEN a.seq IS NULL THEN c.{n} ELSE a.{n} END AS {n}_start"
            for n in ("closed_at", "status")
        )
    replaced = f"c.* REPLACE ({', '.join(columns)})" if columns else "c.*"
    return f"WITH base AS ({base}) SELECT {replaced}{started} FROM base c {' '.join(joins)}"


def _present(question: Question, count: Count) -> list[str]:
    """Conditions for a case to exist at T."""
    if not question.is_past:
        return [_not_withdrawn(question)]
    if count.at in EVENTS:
        began = f"{count.at} <= $as_of"
    elif count.where.startswith(OPEN):
        began = "accepted_at <= $as_of"
    else:
        began = "(reported_at <= $as_of OR accepted_at <= $as_of)"
    return [_not_withdrawn(question), began]


def _candidates(question: Question, count: Count) -> list[str]:
    """Necessary conditions, on columns as they are now, for a case to count; to read fewer rows."""
    if count.at == "watched_until" or count.table in ("follow_ups", "evaluations"):
        return []
    if count.table == "steps":  # a case that moved in the window has its last step there or later
        return ["last_step_at >= $since"] if question.scope.since else []
    if count.at == "stock(since)":
        if not question.start:
            return ["false"]
        return ["accepted_at < $start", "(closed_at IS NULL OR closed_at >= $start)"]
    if count.at == "stock(as_of)":  # open at T = not closed for good by T
        return ["(closed_at IS NULL OR closed_at > $as_of)"] if question.is_past else []
    now = _in_window(question.scope, count.at)
    if count.at not in CHANGING or not question.is_past or not now:
        return now
    now = " AND ".join(now)
    either = [f"(({now}) OR last_step_at > $as_of)"]  # what has no later step is as it is now
    if count.at == "closed_at":  # what is closed anew later is closed later
        either.append(f"(({now}) OR closed_at IS NULL OR closed_at > $as_of)")
    return either


def _rewound(question: Question, moment: str, columns: list[str]) -> str:
    """The columns as they were at the moment, for each case that has a step after it."""
    before = ", ".join(f"{CHANGING[name]} AS {name}" for name in columns)
    return f"SELECT case_code, seq, {before} FROM {question.grant.table('steps')} WHERE {moment}"


def _with_belongings(question: Question, count: Count, cases: str) -> str:
    """The rows of `count.table` that there are at T, each with the state of its case at T."""
    columns = OF_CASES[count.table]
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    there = [*_there(question, count.table), *_in_window(question.scope, columns[count.at])]
    return (
        f"SELECT c.*, b.* EXCLUDE (case_code) FROM (SELECT case_code, {listed}"
        f" FROM {question.grant.table(count.table)} WHERE {' AND '.join(there)}) b"
        f" JOIN ({cases}) c USING (case_code)"
    )


def _there(question: Question, table: str) -> list[str]:
    """Conditions for a row that belongs to a case to be there at T; a plan is before it is due."""
    happened = [] if table == "follow_ups" else ['"at" <= $as_of']
    return happened if table == "steps" else [*happened, _not_withdrawn(question)]


def _not_withdrawn(question: Question) -> str:
    if not question.is_past:
        return "withdrawn_at IS NULL"
    return "(withdrawn_at IS NULL OR withdrawn_at > $as_of)"


def _with_evaluations(question: Question, rows: str) -> str:
    """Adds `is_evaluated`: whether anybody said by T what they think of the case."""
    there = " AND ".join(_there(question, "evaluations"))
    told = question.grant.table("evaluations")
    said = f"SELECT DISTINCT case_code FROM {told} WHERE {there} AND {SAID}"
    return (
        "SELECT r.*, e.case_code IS NOT NULL AS is_evaluated"
        f" FROM ({rows}) r LEFT JOIN ({said}) e USING (case_code)"
    )


def _with_suspensions(question: Question, rows: str, count: Count) -> str:
    suspended = SUSPENDED.format(steps=question.grant.table("steps"))
    return (
        f"WITH rows AS (SELECT * FROM ({rows}) WHERE {count.where})"
        " SELECT r.*, coalesce(h.suspended_hours, 0) AS suspended_hours"
        f" FROM rows r LEFT JOIN ({suspended}) h USING (case_code)"
    )


def _mentions(sql: str, names: Iterable[str]) -> bool:
    return not set(re.findall(r"\w+", sql)).isdisjoint(names)
