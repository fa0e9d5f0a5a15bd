"""What follows from a case's facts by the site's rules: risk, deadlines, and its steps in order."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.site import Site
from rules.calendar import Calendar
from rules.deadlines import WARN_PERCENT, Limit, TimeLimits
from rules.history import fold
from rules.risk import RiskRule, assess
from rules.status import KINDS, is_closed, is_open

# A case is its row number in `pending` here: numbers join and group much faster than codes.
FACTS = """
SELECT reported_at, unnest(given), category, people_involved AS people, scale, repeats_90d,
    is_threat
FROM pending ORDER BY rowid
"""
# The last of two steps of one kind and moment counts: which, must not depend on their arrival.
HANDLINGS = """
SELECT p.rowid AS "case", h."at", h.kind, h.department, h.risk, h.outcome, h.due_at, h.note
FROM handlings AS h JOIN pending AS p USING (case_code) WHERE h.withdrawn_at IS NULL
ORDER BY h.handling_code
"""
EVENTS = (  # a time column of the case -> the step that it tells of
    ("reported_at", "register"),
    ("accepted_at", "accept"),
    ("dispatched_at", "dispatch"),
    ("responded_at", "respond"),
    ("closed_at", "close"),
)
CARRIED = {  # by kind of step, what it says beside its time; the others say nothing
    "register": ("department", "risk", "due_at"),
    "dispatch": ("department",),
    "close": ("outcome",),
}
CODES = ("department", "risk", "outcome")  # few distinct texts each: kept as categories
KIND = pd.CategoricalDtype(list(KINDS))


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
    facts, handlings = _as_categories(
        _with_deadlines(_with_risk(connection.execute(FACTS).df(), rules), rules),
        connection.execute(HANDLINGS).df(),
    )
    steps = _steps(facts, handlings)
    states = fold(steps.assign(seq=0))
    steps = steps.loc[states.index].reset_index(drop=True)
    states = states.reset_index(drop=True)
    _write_steps(connection, steps, _before(states, facts, rules))
    _write_final(connection, _final(states, facts, rules))


def _as_categories(facts: pd.DataFrame, handlings: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Both with the same categories in CODES and in `kind`."""
    handlings = handlings.astype({"kind": KIND})
    for name in CODES:
        codes = pd.CategoricalDtype(pd.concat([facts[name], handlings[name]]).dropna().unique())
        facts, handlings = facts.astype({name: codes}), handlings.astype({name: codes})
    return facts, handlings


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
    return (start + (due - start) * WARN_PERCENT // 100).astype("datetime64[us]")


def _steps(facts: pd.DataFrame, handlings: pd.DataFrame) -> pd.DataFrame:
    """All steps: those that the columns of a case tell of, and those delivered one by one.

    A delivered step counts before the column that tells of the same kind of step. The first step
    carries the risk and the deadline; the department comes with the first step that hands over, or
    with the first of all where none does.
    """
    told = pd.concat([_told(facts, column, kind) for column, kind in EVENTS], ignore_index=True)
    is_told_twice = np.isin(_case_and_kind(told), _case_and_kind(handlings))
    told = told[~is_told_twice | (told["kind"] == "close")]
    both = pd.concat([told, handlings], ignore_index=True)
    both = both[~_comes_again(both)]
    hands_over = both["kind"].isin(["dispatch", "transfer"]) & both["department"].notna()
    is_handed = np.zeros(len(facts), dtype=bool)
    is_handed[both.loc[hands_over, "case"]] = True
    early = both["kind"].eq("register") & is_handed[both["case"]]
    return both.assign(department=both["department"].mask(early)).reset_index(drop=True)


def _told(facts: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    """The steps of one kind that a time column tells of."""
    rows = facts[facts[column].notna()]
    steps = rows[[*CODES, "due_at"]].copy()
    for name in steps.columns.difference(CARRIED.get(kind, ())):
        steps[name] = steps[name].mask(np.ones(len(steps), dtype=bool))
    kinds = pd.Categorical.from_codes(np.full(len(rows), KINDS.index(kind)), dtype=KIND)
    return steps.assign(case=rows.index, at=rows[column], kind=kinds, note=None)


def _case_and_kind(steps: pd.DataFrame) -> NDArray[np.int64]:
    """One number for both."""
    return steps["case"].to_numpy(np.int64) * len(KINDS) + steps["kind"].cat.codes.to_numpy()


def _comes_again(steps: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a later row tells of a step of the same case, kind and moment."""
    both, at = _case_and_kind(steps), steps["at"].to_numpy("datetime64[us]")
    order = np.lexsort((at, both))
    again = np.zeros(len(steps), dtype=bool)
    again[order[:-1]] = (np.diff(both[order]) == 0) & (at[order][1:] == at[order][:-1])
    return again


def _before(states: pd.DataFrame, facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The state just before each step and since when it held; nothing before the first."""
    case = states["case"].to_numpy()
    is_first = np.diff(case, prepend=-1) != 0
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(case)), 0))
    names = ["status", "department", "risk", "outcome", "due_at", "closed_at", "at"]
    before = {name: states[name].shift().mask(is_first) for name in names}
    earliest = facts[[column for column, _ in EVENTS]].min(axis=1).take(case).set_axis(states.index)
    return pd.DataFrame(
        {
            "case": case,
            "seq": np.arange(len(case)) - start + 1,
            "since": before["at"].fillna(earliest).fillna(states["at"]).clip(upper=states["at"]),
            "status_before": _status_text(before["status"]),
            "department_before": before["department"],
            "risk_before": before["risk"],
            "handling_before": _handling(before["risk"], rules),
            "outcome_before": before["outcome"],
            "due_before": before["due_at"],
            "warn_before": _warn(before["due_at"], facts.take(case).reset_index(drop=True)),
            "closed_before": before["closed_at"],
        }
    )


def _warn(due: pd.Series, of_case: pd.DataFrame) -> pd.Series:
    """The warning time of a deadline: the first one's own, an extended one's by the clock."""
    later = _seventy_percent(of_case["accepted_at"], due)
    return of_case["warn_at"].where(due.eq(of_case["due_at"]), later).where(due.notna())


def _handling(risk: pd.Series, rules: Rules) -> pd.Series:
    """The level that handles each risk; None where the site declares no route for it."""
    routes = [rules.site.routing.get(known) for known in risk.cat.categories]
    return pd.Series(np.array([*routes, None], dtype=object)[risk.cat.codes], index=risk.index)


def _final(states: pd.DataFrame, facts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The state after the last step, one row a case, in the order of `facts`."""
    last = states.drop_duplicates("case", keep="last").set_index("case").reindex(facts.index)
    department = last["department"].where(last["department"].notna(), facts["department"])
    dispatched = _first_time(states, ["dispatch"])
    responded = _first_time(states, ["sign", "respond"])
    return pd.DataFrame(
        {
            "case": facts.index,
            "department": department,
            "risk": last["risk"],
            "risk_rule": facts["risk_rule"].where(last["risk"].eq(facts["risk"]), None),
            "status": _status(last["status"], facts["status"]),
            "outcome": last["outcome"],
            "handling_level": _handling(last["risk"], rules),
            "accepted_at": facts["accepted_at"].fillna(last["accepted_at"]),
            "dispatched_at": facts["dispatched_at"].fillna(dispatched),
            "responded_at": facts["responded_at"].fillna(responded),
            "closed_at": last["closed_at"],
            "accept_due_at": facts["accept_due_at"],
            "due_at": last["due_at"],
            "warn_at": _warn(last["due_at"], facts),
            "last_step_at": last["at"],
            "reopen_count": last["reopen_count"],
        }
    )


def _first_time(states: pd.DataFrame, kinds: list[str]) -> pd.Series:
    rows = states[states["kind"].isin(kinds)]
    return rows.drop_duplicates("case").set_index("case")["at"]


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
        SELECT p.case_code, seq::INTEGER AS seq, "at"::TIMESTAMP AS "at",
            s.kind::VARCHAR AS kind, s.department::VARCHAR AS department, note::VARCHAR AS note,
            since::TIMESTAMP AS since, status_before::VARCHAR AS status_before,
            department_before::VARCHAR AS department_before,
            risk_before::VARCHAR AS risk_before, handling_before::VARCHAR AS handling_before,
            outcome_before::VARCHAR AS outcome_before, due_before::TIMESTAMP AS due_before,
            warn_before::TIMESTAMP AS warn_before, closed_before::TIMESTAMP AS closed_before
        FROM step_frame AS s JOIN pending AS p ON p.rowid = s."case"
        """
    )
    connection.unregister("step_frame")


def _write_final(connection: duckdb.DuckDBPyConnection, final: pd.DataFrame) -> None:
    connection.register("final_frame", final)
    times = ("accepted_at", "dispatched_at", "responded_at", "closed_at")
    times = (*times, "accept_due_at", "due_at", "warn_at", "last_step_at")
    texts = ("department", "risk", "risk_rule", "status", "outcome", "handling_level")
    replaced = [f"f.{name}::TIMESTAMP AS {name}" for name in times]
    replaced += [f"f.{name}::VARCHAR AS {name}" for name in texts]
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE derived AS
        SELECT p.* REPLACE ({", ".join(replaced)}, f.reopen_count::INTEGER AS reopen_count,
            coalesce(c.kind, p.kind) AS kind)
        FROM pending AS p JOIN final_frame AS f ON f."case" = p.rowid
        LEFT JOIN categories AS c ON c.code = p.category
        """
    )
    connection.unregister("final_frame")
    connection.execute("DROP TABLE pending; ALTER TABLE derived RENAME TO pending")
