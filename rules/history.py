"""The states of many cases at once: `rules.status.states` on columns, for the ETL."""

from itertools import product
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rules.status import CLOSING, HANDING, KINDS, OUTCOMES, Status, after

_STATUSES = (None, *Status)
_OUTCOMES = (None, *OUTCOMES)
_START = 0  # position of None: no step yet


def fold(steps: pd.DataFrame) -> pd.DataFrame:
    """The state of each case after each step, in rows like those of `steps`, in the order of steps.

    Reads case, at, seq, kind, department, risk, due_at, outcome (missing = None, NaN or NaT).
    Answers case, at, seq, kind, and the state: status (int), department, risk, due_at,
    accepted_at, closed_at, outcome, reopen_count. Equal to `rules.status.states` case by case.
    """
    kind = _positions(_column(steps, "kind"), KINDS, "步骤")
    case = pd.factorize(steps["case"])[0]
    order = np.lexsort((kind, steps["seq"], _column(steps, "at").to_numpy("datetime64[us]"), case))
    steps, kind, case = steps.iloc[order], kind[order], case[order]
    start = np.maximum.accumulate(np.where(_changes(case), np.arange(len(case)), 0))
    closing, reopen = _is(kind, CLOSING), _is(kind, {"reopen"})
    given = {name: steps[name].notna().to_numpy() for name in ("department", "risk", "due_at")}
    folded = steps[["case", "at", "seq", "kind"]].assign(
        status=_statuses(kind, _column(steps, "outcome"), start),
        department=_last(
            _column(steps, "department"), given["department"] & _is(kind, HANDING), start
        ),
        risk=_last(_column(steps, "risk"), given["risk"], start),
        due_at=_last(_column(steps, "due_at"), given["due_at"], start),
        accepted_at=_first(_column(steps, "at"), _is(kind, {"accept"}), start),
        closed_at=_last(_column(steps, "at").where(closing), closing | reopen, start),
        outcome=_last(_outcome(_column(steps, "outcome"), kind), closing | reopen, start),
    )
    reopened = np.cumsum(reopen)
    return folded.assign(reopen_count=reopened - (reopened - reopen)[start])


def _statuses(kind: NDArray, outcome: pd.Series, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """The status after each step: all cases take their first step at once, then their second ..."""
    known = _positions(outcome, _OUTCOMES, "结果")
    turn = np.arange(len(kind)) - start
    by_turn = np.argsort(turn, kind="stable")
    status = np.full(len(kind), _START)
    for rows in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        before = np.where(turn[rows] > 0, status[rows - 1], _START)
        status[rows] = _AFTER[kind[rows], before, known[rows]]
    return np.array([0, *Status])[status]


def _after_table() -> NDArray[np.int64]:
    """`after` as positions: [kind, status before, outcome] -> status."""
    moves = product(KINDS, _STATUSES, _OUTCOMES)
    table = [_STATUSES.index(after(kind, status, outcome)) for kind, status, outcome in moves]
    return np.array(table).reshape(len(KINDS), len(_STATUSES), len(_OUTCOMES))


_AFTER = _after_table()


def _outcome(outcome: pd.Series, kind: NDArray) -> pd.Series:
    """What a closing step decides: the outcome of `close`, `withdrawn` for `withdraw`."""
    closed = outcome.astype(object).where(_is(kind, {"close"}) & outcome.notna().to_numpy(), None)
    return closed.mask(_is(kind, {"withdraw"}), "withdrawn")


def _last(values: pd.Series, is_set: NDArray[np.bool_], start: NDArray[np.int64]) -> pd.Series:
    """For each row the value of its case's latest row so far with `is_set`; missing before it."""
    position = np.maximum.accumulate(np.where(is_set, np.arange(len(is_set)), -1))
    found = values.take(np.maximum(position, 0)).set_axis(values.index)
    return found.where(position >= start)


def _first(values: pd.Series, is_set: NDArray[np.bool_], start: NDArray[np.int64]) -> pd.Series:
    """As `_last`, the first such row of the case."""
    before = np.cumsum(is_set) - is_set
    return _last(values, is_set & (before == before[start]), start)


def _positions(column: pd.Series, known: tuple, what: str) -> NDArray[np.int64]:
    """The position of each value in `known` (a missing one is None); an unknown one raises."""
    codes, values = pd.factorize(column, use_na_sentinel=True)
    unknown = [value for value in values if value not in known]
    if unknown or (None not in known and (codes < 0).any()):
        raise ValueError(f"未知的{what}：{unknown[0] if unknown else '空'}")
    places = [known.index(value) for value in values]
    return np.array([*places, known.index(None) if None in known else 0], dtype=np.int64)[codes]


def _is(kind: NDArray, kinds: frozenset[str] | set[str]) -> NDArray[np.bool_]:
    return np.isin(kind, [KINDS.index(name) for name in kinds])


def _changes(case: NDArray) -> NDArray[np.bool_]:
    return np.concatenate([np.ones(min(len(case), 1), dtype=bool), np.diff(case) != 0])


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return cast(pd.Series, frame[name])
