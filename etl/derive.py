"""What follows from a case's facts by the site's rules: risk, deadlines, and its steps in order."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd

from data.site import Site
from rules.calendar import Calendar
from rules.deadlines import Limit, TimeLimits
from rules.history import fold
from rules.risk import RiskRule, assess, route
from rules.status import is_closed, is_open

FACTS = """
SELECT case_code, reported_at, unnest(given), category, people_involved AS people, scale,
    repeats_90d, is_threat
FROM pending
"""
HANDLINGS = """
SELECT h.case_code, h."at", h.kind, h.department, h.risk, h.outcome, h.due_at, h.note
FROM handlings AS h JOIN pending USING (case_code) WHERE h.withdrawn_at IS NULL
"""
EVENTS = (  # a time column of the case -> the step that it tells of
    ("reported_at", "register"),
    ("accepted_at", "accept"),
    ("dispatched_at", "dispatch"),
    ("responded_at", "respond"),
    ("closed_at", "close"),
)
STEP_COLUMNS = ["case_code", "at", "kind", "department", "risk", "outcome", "due_at", "note"]
WARN_SHARE = 0.7


@dataclass(frozen=True)
class Rules:
    """The site's rules, ready to apply."""

    site: Site

    @cached_property
    def risk(self) -> tuple[RiskRule, ...]:
        return tuple(RiskRule(**rule.model_dump()) for rule in self.site.risk)

    @cached_property
    def limits(self) -> TimeLimits:
        days = [(date.fromisoformat(day.day), day.kind) for day in self.site.calendar]
        limits = tuple(Limit(**limit.model_dump()) for limit in self.site.time_limits)
        return TimeLimits(limits, Calendar.of_days(days))


def derive(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Complete `pending` (rows of `cases`, their `given` as delivered) and make `pending_steps`."""
    facts = connection.execute(FACTS).df()
    facts = _with_risk(facts, rules)
    facts = _with_deadlines(facts, rules)
    steps = _steps(facts, connection.execute(HANDLINGS).df())
    states = fold(steps.assign(seq=0))
    steps = steps.loc[states.index].reset_index(drop=True)
    states = states.reset_index(drop=True)
    before = _before(states, facts, rules)
    _write_steps(connection, steps, before)
    _write_final(connection, _final(states, facts, rules))


def _with_risk(facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Adds `risk_rule`; the risk is the source's own where it gives one, else the first rule's."""
    found = assess(facts, rules.risk)
    given = facts["risk"].notna()
    risk = facts["risk"].where(given, _none_for_dash(found["risk"]))
    rule = _none_for_dash(found["risk_rule"]).where(~given, None)
    return facts.assign(risk=risk, risk_rule=rule)


def _none_for_dash(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column != "-", None)


def _with_deadlines(facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Adds `warn_at` and `accept_due_at`; the deadline is the source's own, else by the limits."""
    by = (facts["category"], facts["department"], facts["risk"])
    start, given = facts["accepted_at"], facts["due_at"]
    by_limit = pd.Series(rules.limits.due_at(start, *by), index=facts.index)
    warn = pd.Series(rules.limits.warn_at(start, *by), index=facts.index)
    accept = pd.Series(rules.limits.due_at(facts["reported_at"], *by, stage="accept"), facts.index)
    return facts.assign(
        due_at=given.fillna(by_limit),
        warn_at=warn.where(given.isna(), _seventy_percent(start, given)),
        accept_due_at=facts["accept_due_at"].fillna(accept),
    )


def _seventy_percent(start: pd.Series, due: pd.Series) -> pd.Series:
    """The warning time of a deadline that is not ours: 70 % of the time by the clock [I]."""
    return (start + (due - start) * WARN_SHARE).astype("datetime64[us]")


def _steps(facts: pd.DataFrame, handlings: pd.DataFrame) -> pd.DataFrame:
    """All steps: those that the columns of a case tell of, and those delivered one by one.

    A delivered step counts before the column that tells of the same kind of step. The first step
    carries the risk and the deadline; the department comes with the first step that hands over, or
    with the first of all where none does.
    """
    told = pd.concat([_told(facts, column, kind) for column, kind in EVENTS], ignore_index=True)
    delivered = pd.MultiIndex.from_frame(handlings[["case_code", "kind"]])
    is_told_twice = pd.MultiIndex.from_frame(told[["case_code", "kind"]]).isin(delivered)
    told = told[~is_told_twice | (told["kind"] == "close")]
    both = pd.concat([told, handlings], ignore_index=True)
    both = both.drop_duplicates(["case_code", "kind", "at"], keep="last")
    hands_over = both["kind"].isin(["dispatch", "transfer"]) & both["department"].notna()
    handed = set(both.loc[hands_over, "case_code"])
    early = both["kind"].eq("register") & both["case_code"].isin(handed)
    both.loc[early, "department"] = None
    return both[STEP_COLUMNS].reset_index(drop=True)


def _told(facts: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    """The steps of one kind that a time column tells of."""
    rows = facts[facts[column].notna()]
    nothing = pd.Series(None, index=rows.index, dtype=object)
    is_first, is_dispatch = kind == "register", kind == "dispatch"
    return pd.DataFrame(
        {
            "case_code": rows["case_code"],
            "at": rows[column],
            "kind": kind,
            "department": rows["department"] if is_first or is_dispatch else nothing,
            "risk": rows["risk"] if is_first else nothing,
            "outcome": rows["outcome"] if kind == "close" else nothing,
            "due_at": rows["due_at"] if is_first else pd.Series(pd.NaT, index=rows.index),
            "note": nothing,
        }
    )


def _before(states: pd.DataFrame, facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The state just before each step; nothing before the first of a case."""
    first = ~states["case_code"].eq(states["case_code"].shift())
    names = ["status", "department", "risk", "outcome", "due_at", "closed_at"]
    before = states[names].shift()
    before = before.assign(**{name: before[name].mask(first) for name in names})
    of_case = facts.set_index("case_code").loc[states["case_code"]].reset_index(drop=True)
    due = pd.to_datetime(before["due_at"])
    return pd.DataFrame(
        {
            "case_code": states["case_code"],
            "seq": states.groupby("case_code", sort=False).cumcount() + 1,
            "status_before": _status_text(before["status"]),
            "department_before": before["department"],
            "risk_before": before["risk"],
            "handling_before": _handling(before["risk"], rules),
            "outcome_before": before["outcome"],
            "due_before": due,
            "warn_before": _warn(due, of_case),
            "closed_before": pd.to_datetime(before["closed_at"]),
        }
    )


def _warn(due: pd.Series, of_case: pd.DataFrame) -> pd.Series:
    """The warning time of a deadline: the first one's own, an extended one's by the clock."""
    later = _seventy_percent(of_case["accepted_at"], due)
    return of_case["warn_at"].where(due.eq(of_case["due_at"]), later).where(due.notna())


def _handling(risk: pd.Series, rules: Rules) -> pd.Series:
    """The level that handles each risk; None where the site declares no route for it."""
    if not rules.site.routing:
        return pd.Series(None, index=risk.index, dtype=object)
    routed = risk.astype(object).where(risk.isin(list(rules.site.routing)), "-")
    levels = route(routed, rules.site.routing)
    return _none_for_dash(pd.Series(levels, index=risk.index))


def _final(states: pd.DataFrame, facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The state after the last step, one row a case, in the order of `facts`."""
    last = states.groupby("case_code", sort=False).tail(1).set_index("case_code")
    firsts = {
        name: _first_time(states, kinds)
        for name, kinds in (("dispatched", ["dispatch"]), ("responded", ["sign", "respond"]))
    }
    of_case = facts.set_index("case_code")
    last = last.reindex(of_case.index)
    return pd.DataFrame(
        {
            "department": last["department"].where(
                last["department"].notna(), of_case["department"]
            ),
            "risk": last["risk"],
            "risk_rule": of_case["risk_rule"].where(last["risk"].eq(of_case["risk"]), None),
            "status": _status(last["status"], of_case["status"]),
            "outcome": last["outcome"],
            "handling_level": _handling(last["risk"], rules),
            "accepted_at": of_case["accepted_at"].fillna(last["accepted_at"]),
            "dispatched_at": of_case["dispatched_at"].fillna(firsts["dispatched"]),
            "responded_at": of_case["responded_at"].fillna(firsts["responded"]),
            "closed_at": last["closed_at"],
            "accept_due_at": of_case["accept_due_at"],
            "due_at": last["due_at"],
            "warn_at": _warn(last["due_at"], of_case),
            "reopen_count": last["reopen_count"],
        }
    ).reset_index()


def _first_time(states: pd.DataFrame, kinds: list[str]) -> pd.Series:
    rows = states[states["kind"].isin(kinds)]
    return rows.groupby("case_code", sort=False)["at"].min()


def _status(folded: pd.Series, given: pd.Series) -> pd.Series:
    """The status by the steps; the source's own where it says the same more exactly."""
    text = _status_text(folded)
    known = pd.to_numeric(given, errors="coerce")
    agrees = _kind_of_status(known) == _kind_of_status(folded)
    return given.astype(object).where(agrees & known.notna(), text)


def _status_text(status: pd.Series) -> pd.Series:
    """Numbers as the codes of codes/status.csv; None where missing."""
    positions, distinct = pd.factorize(status)
    texts = np.array([*(f"{int(value)}" for value in distinct), None], dtype=object)
    return pd.Series(texts[positions], index=status.index)


def _kind_of_status(status: pd.Series) -> pd.Series:
    """open | closed | neither, per distinct status."""
    kinds = {
        value: "open" if is_open(int(value)) else "closed" if is_closed(int(value)) else "neither"
        for value in status.dropna().unique()
    }
    return status.map(kinds)


def _write_steps(
    connection: duckdb.DuckDBPyConnection, steps: pd.DataFrame, before: pd.DataFrame
) -> None:
    frame = pd.concat([steps[["at", "kind", "department", "note"]], before], axis=1)
    connection.register("step_frame", frame)
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE pending_steps AS
        SELECT case_code::VARCHAR AS case_code, seq::INTEGER AS seq, "at"::TIMESTAMP AS "at",
            kind::VARCHAR AS kind, department::VARCHAR AS department, note::VARCHAR AS note,
            status_before::VARCHAR AS status_before,
            department_before::VARCHAR AS department_before,
            risk_before::VARCHAR AS risk_before, handling_before::VARCHAR AS handling_before,
            outcome_before::VARCHAR AS outcome_before, due_before::TIMESTAMP AS due_before,
            warn_before::TIMESTAMP AS warn_before, closed_before::TIMESTAMP AS closed_before
        FROM step_frame
        """
    )
    connection.unregister("step_frame")


def _write_final(connection: duckdb.DuckDBPyConnection, final: pd.DataFrame) -> None:
    connection.register("final_frame", final)
    times = ("accepted_at", "dispatched_at", "responded_at", "closed_at")
    times = (*times, "accept_due_at", "due_at", "warn_at")
    texts = ("department", "risk", "risk_rule", "status", "outcome", "handling_level")
    replaced = [f"f.{name}::TIMESTAMP AS {name}" for name in times]
    replaced += [f"f.{name}::VARCHAR AS {name}" for name in texts]
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE derived AS
        SELECT p.* REPLACE ({", ".join(replaced)}, f.reopen_count::INTEGER AS reopen_count,
            coalesce(c.kind, p.kind) AS kind)
        FROM pending AS p JOIN final_frame AS f ON f.case_code = p.case_code
        LEFT JOIN categories AS c ON c.code = p.category
        """
    )
    connection.unregister("final_frame")
    connection.execute("DROP TABLE pending; ALTER TABLE derived RENAME TO pending")
