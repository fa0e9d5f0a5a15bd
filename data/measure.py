"""One indicator, split by dimensions, within a scope and a grant: the only way to a number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.codes import NONE
from data.editions.edition import Edition
from data.indicators import Count, Indicator, indicator_of
from data.places import parts_of_places
from data.scope import Grant, Scope
from data.small_cells import withheld
from data.state import Question, event_column, state

if TYPE_CHECKING:
    import pandas as pd

TAKES = {
    "median": "median({})",
    "p90": "quantile_cont({}, 0.9)",
    "mean": "sum({})",
}


def measure(
    edition: Edition, key: str, by: Sequence[str], scope: Scope, grant: Grant
) -> "pd.DataFrame":
    """The indicator `key` by the dimensions `by`: columns *by, numerator, denominator, value.

    One row a group, sorted by code, without value `-`; by=() gives exactly one row. Counts have no
    denominator (None); a rate is a fraction and NaN where nothing divides; of a quantile the
    denominator is the number of rows it was taken from. For a wall with the columns is_suppressed
    and below (data/small_cells.py). UnknownName for a wrong key or dimension.
    """
    indicator = indicator_of(key)
    question = Question(edition, scope, grant)
    by = tuple(dict.fromkeys(by))
    sql = numbers(indicator, by, question)
    frame = edition.frame(sql, question.used(sql))
    if indicator.kind == "per_population":
        frame = parts_of_places(question, indicator, by, frame)
    frame = _with_value(indicator, frame)
    return withheld(frame, indicator, by, scope, edition.site) if grant.is_wall else frame


def numbers(indicator: Indicator, by: tuple[str, ...], question: Question) -> str:
    """The SQL of numerator and denominator (and value, for a quantile) by group."""
    if indicator.kind == "quantile":
        return _quantile(indicator, by, question)
    parts = [_part(counts, by, question) for counts in _together(indicator)]
    both = " UNION ALL ".join(parts)
    columns = "".join(f'"{key}", ' for key in by)
    return (
        f"SELECT {columns}sum(numerator)::BIGINT AS numerator,"
        f" sum(denominator)::BIGINT AS denominator FROM ({both}) {_grouped(by)}"
    )


def _together(indicator: Indicator) -> list[list[tuple[str, Count]]]:
    """The counts of an indicator, those over the same rows together so that they are read once."""
    counts = [("numerator", indicator.numerator)]
    counts += [("denominator", count) for count in indicator.denominator]
    found: dict[tuple[str, str], list[tuple[str, Count]]] = {}
    for side, count in counts:
        found.setdefault((count.table, count.at), []).append((side, count))
    return list(found.values())


def _part(counts: list[tuple[str, Count]], by: tuple[str, ...], question: Question) -> str:
    count = counts[0][1]
    groups = _groups(by, count, question)
    sides = ", ".join(f"{_sum_of(counts, side)} AS {side}" for side in ("numerator", "denominator"))
    wanted = " OR ".join(f"({count.where})" for _, count in counts)
    rows = state(question, count, uses=f"{groups} {wanted}")
    return f"SELECT {groups}{sides} FROM ({rows}) WHERE {wanted}{_grouped(by, ordered=False)}"


def _sum_of(counts: list[tuple[str, Count]], side: str) -> str:
    filtered = [f"count(*) FILTER ({count.where})" for name, count in counts if name == side]
    return " + ".join(filtered) or "0"


def _quantile(indicator: Indicator, by: tuple[str, ...], question: Question) -> str:
    count = indicator.numerator
    groups = _groups(by, count, question)
    rows = state(question, count, uses=f"{groups} {indicator.of}")
    taken = TAKES[indicator.take].format(indicator.of)
    numerator = taken if indicator.is_additive else "NULL::DOUBLE"
    return (
        f"SELECT {groups}{numerator} AS numerator, count(*) AS denominator, {taken} AS value"
        f" FROM ({rows}) WHERE {count.where} {_grouped(by)}"
    )


def _groups(by: tuple[str, ...], count: Count, question: Question) -> str:
    at = event_column(count)
    codes = [(question.dimension(key).expression(at, count.table), key) for key in by]
    return "".join(f"coalesce({code}, '{NONE}') AS \"{key}\", " for code, key in codes)


def _grouped(by: tuple[str, ...], ordered: bool = True) -> str:
    if not by:
        return ""
    places = ", ".join(str(position) for position in range(1, len(by) + 1))
    return f" GROUP BY {places}" + (f" ORDER BY {places}" if ordered else "")


def _with_value(indicator: Indicator, frame: "pd.DataFrame") -> "pd.DataFrame":
    """The last column: what is counted, or the numerator by the denominator."""
    match indicator.kind:
        case "count":
            return frame.assign(denominator=None, value=frame["numerator"])
        case "quantile" if not indicator.is_additive:
            return frame.assign(numerator=None)
        case _:
            n, d = frame["numerator"], frame["denominator"]
            return frame.assign(value=(n * indicator.times) / d.where(d > 0))
