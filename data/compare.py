"""同比 and 环比: a number beside the same number of an earlier window, followed up equally long."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from data.dimensions import UnknownName
from data.display import SMALL
from data.editions.edition import Edition
from data.indicators import Indicator, indicator_of
from data.measure import measure
from data.scope import Grant, Scope, ScopeError

Base = Literal["previous", "year", "spring_festival"]
SAME_WEEKDAYS = timedelta(days=364)
# 春节 (first day of the lunar year), as published each year by the State Council's holiday notice.
SPRING_FESTIVALS = {
    2015: date(2015, 2, 19),
    2016: date(2016, 2, 8),
    2017: date(2017, 1, 28),
    2018: date(2018, 2, 16),
    2019: date(2019, 2, 5),
    2020: date(2020, 1, 25),
    2021: date(2021, 2, 12),
    2022: date(2022, 2, 1),
    2023: date(2023, 1, 22),
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
    2029: date(2029, 2, 13),
    2030: date(2030, 2, 3),
}


def compare(
    edition: Edition,
    key: str,
    by: Sequence[str],
    scope: Scope,
    grant: Grant,
    base: Base = "previous",
) -> pd.DataFrame:
    """The indicator now and in the base window, side by side, and the change (DOMAIN K17).

    Columns *by, current_numerator, current_denominator, current, base_numerator,
    base_denominator, base, change, change_kind. The kinds are those of data/display.py: percent
    (change is a share of the base), points (difference of two rates), difference (the base is
    under ten), no_base (基期为0), none (nothing to compare); without a number `change` is NaN.
    For a wall also is_suppressed and below of either side (current_below ...).
    ScopeError where the scope has no window.
    """
    indicator = indicator_of(key)
    now = measure(edition, key, by, scope, grant)
    then = measure(edition, key, by, earlier(scope, edition.data_time, base), grant)
    both = _side_by_side(indicator, list(dict.fromkeys(by)), now, then)
    change, kind = _changes(indicator, both)
    return both.assign(change=change, change_kind=kind)


def has_history(edition: Edition, base: Scope) -> bool:
    """Whether the edition knows cases from the first day of a base window on, or from before."""
    first = edition.rows("SELECT min(accepted_at) FROM wall_cases")[0][0]
    return first is not None and base.since is not None and first.date() <= base.since.date()


def earlier(scope: Scope, data_time: datetime, base: Base = "previous") -> Scope:
    """The base window of a scope, seen as long after its end as the scope's is: T_base = T - shift.

    previous: the equal window just before; year: 364 days earlier, so the same weekdays;
    spring_festival: as far from 春节 as the window is from its own. Both see a window that is not
    over yet up to the same point.
    """
    as_of = scope.as_of or data_time
    if scope.since is None:
        raise ScopeError("对比需要起始时间：基期与本期等长")
    until = scope.until or as_of
    if until <= scope.since:
        raise ScopeError(f"对比的起始时间 {scope.since} 应早于截止时点 {until}")
    shift = _shift(scope.since, until, base)
    return scope.narrowed(since=scope.since - shift, until=until - shift, as_of=as_of - shift)


def _shift(since: datetime, until: datetime, base: Base) -> timedelta:
    match base:
        case "previous":
            return until - since
        case "year":
            return SAME_WEEKDAYS
        case "spring_festival":
            return _between_festivals(since)
    raise UnknownName("基期", str(base), ["previous", "year", "spring_festival"])


def _between_festivals(since: datetime) -> timedelta:
    year = since.year
    if year not in SPRING_FESTIVALS or year - 1 not in SPRING_FESTIVALS:
        raise ScopeError(f"没有 {year} 年或上一年的春节日期")
    return SPRING_FESTIVALS[year] - SPRING_FESTIVALS[year - 1]


def _side_by_side(
    indicator: Indicator, by: list[str], now: pd.DataFrame, then: pd.DataFrame
) -> pd.DataFrame:
    """Every group of either frame; a count that one of them lacks is 0."""
    now, then = _prefixed(now, "current"), _prefixed(then, "base")
    if by:
        both = now.merge(then, on=by, how="outer").sort_values(by, ignore_index=True)
    else:
        both = pd.concat([now, then], axis=1)
    counted = ["numerator"] if indicator.kind != "quantile" else []
    counted += ["denominator"] if indicator.kind in ("rate", "quantile") else []
    for side in ("current", "base"):
        hidden = _hidden(both, side)
        for name in counted:
            whole = both[f"{side}_{name}"].fillna(0).astype("int64")
            both[f"{side}_{name}"] = whole.astype(float).mask(hidden) if hidden.any() else whole
    if indicator.kind == "count":
        both = both.assign(current=both["current_numerator"], base=both["base_numerator"])
    return both


def _hidden(both: pd.DataFrame, side: str) -> pd.Series:
    """Which rows a wall is not told: they are no zeros."""
    name = f"{side}_is_suppressed"
    if name not in both:
        return pd.Series(False, index=both.index)
    both[name] = both[name].astype("boolean").fillna(False).astype(bool)
    return both[name]


def _prefixed(frame: pd.DataFrame, side: str) -> pd.DataFrame:
    named = ("numerator", "denominator", "is_suppressed", "below")
    parts = {name: f"{side}_{name}" for name in named}
    return frame.rename(columns={**parts, "value": side})


def _changes(indicator: Indicator, both: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The change of each row and its kind, as data/display.py `change` and `rate_change`."""
    now, then = both["current"].to_numpy(float), both["base"].to_numpy(float)
    difference = now - then
    unknown = np.isnan(difference)
    if indicator.kind == "rate":
        return difference, np.where(unknown, "none", "points")
    sample = {"quantile": "base_denominator", "per_population": "base_numerator"}
    is_small = both[sample.get(indicator.kind, "base")].to_numpy(float) < SMALL
    kinds = np.select(
        [unknown, then == 0, is_small], ["none", "no_base", "difference"], default="percent"
    )
    share = difference / np.where(then == 0, np.nan, then)
    change = np.select([kinds == "difference", kinds == "percent"], [difference, share], np.nan)
    return change, kinds
