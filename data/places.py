"""How many people or grids a group of places has: the denominators of 万人发案率 and 每网格."""

from typing import TYPE_CHECKING

from data.indicators import Indicator
from data.sql import quoted
from data.state import Question

if TYPE_CHECKING:
    import pandas as pd


def parts_of_places(
    question: Question, indicator: Indicator, by: tuple[str, ...], frame: "pd.DataFrame"
) -> "pd.DataFrame":
    """`frame` with the denominator of each group: of its place, or without one of the whole scope.

    Places without cases appear with numerator 0. NaN where nothing is known, and for cases without
    a place.
    """
    site = question.edition.site
    places = [key for key in by if key in site.place_keys]
    sql = _shares(question, indicator, places)
    if sql is None:
        return frame.assign(denominator=float("nan"))
    shares = question.edition.frame(sql, question.used(sql))
    frame = frame.drop(columns="denominator")
    if not places:
        return frame.assign(denominator=shares["denominator"].iloc[0] if len(shares) else None)
    how = "outer" if set(by) == set(places) else "left"
    merged = frame.merge(shares, on=places, how=how).sort_values(list(by), ignore_index=True)
    return merged.assign(numerator=merged["numerator"].fillna(0).astype("int64"))


def _shares(question: Question, indicator: Indicator, places: list[str]) -> str | None:
    """SQL of the denominator by place; None where no layer of polygons can tell: nobody knows how
    many live in a drawn area."""
    if question.scope.area:
        return None
    site, asked = question.edition.site, _asked_places(question) | set(places)
    levels = [level.key for level in site.levels]
    if asked <= set(levels):
        tree = levels[: _lowest_known(question, indicator, levels) + 1]
        if not asked <= set(tree):
            return None
    elif len(asked) == 1:
        tree = list(asked)
    else:
        return None
    amount = "sum(population)" if indicator.per == "population" else "count(*)"
    columns = "".join(f"{quoted(key)}, " for key in places)
    grouped = f" GROUP BY {', '.join(map(quoted, places))}" if places else ""
    return (
        f"SELECT {columns}{amount}::DOUBLE AS denominator FROM ({_tree(question, tree)})"
        f" WHERE {_conditions(question)}{grouped}"
    )


def _asked_places(question: Question) -> set[str]:
    """The places that scope and grant name."""
    named = [*question.scope.filters, *(key for key, _ in question.grant.regions or ())]
    return {key for key in named if key in question.edition.site.place_keys}


def _lowest_known(question: Question, indicator: Indicator, levels: list[str]) -> int:
    """The position of the lowest level with a known population; for grids the lowest of all."""
    if indicator.per != "population":
        return len(levels) - 1
    rows = question.edition.rows(
        "SELECT layer FROM grids GROUP BY layer HAVING sum(population) > 0"
    )
    known = [position for position, key in enumerate(levels) if (key,) in rows]
    return max(known, default=-1)


def _tree(question: Question, levels: list[str]) -> str:
    """The polygons of the lowest of `levels`, with the codes of all levels above."""
    if not levels:
        return "SELECT NULL::DOUBLE AS population WHERE false"
    up = list(reversed(levels))
    tables = ["grids AS t0"]
    tables += [
        f"LEFT JOIN grids AS t{n} ON t{n}.layer = {question.bind((key,))}"
        f" AND t{n}.code = t{n - 1}.parent"
        for n, key in enumerate(up[1:], start=1)
    ]
    codes = ", ".join(f"t{n}.code AS {quoted(key)}" for n, key in enumerate(up))
    layer = question.bind((up[0],))
    return f"SELECT {codes}, t0.population FROM {' '.join(tables)} WHERE t0.layer = {layer}"


def _conditions(question: Question) -> str:
    """Scope and grant, as far as they are about places."""
    keys = question.edition.site.place_keys
    asked = {key: codes for key, codes in question.scope.filters.items() if key in keys}
    parts = [_any_of(question, key, codes) for key, codes in asked.items()]
    if question.grant.regions is not None:
        allowed = [_any_of(question, k, (c,)) for k, c in question.grant.regions if k in keys]
        parts.append(f"({' OR '.join(allowed) or 'false'})")
    return " AND ".join(parts) or "true"


def _any_of(question: Question, key: str, codes: tuple[str, ...]) -> str:
    return f"{quoted(key)} IN ({question.bind(codes)})" if codes else "false"
