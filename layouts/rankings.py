"""Panels that rank, whole, and what they and others are drawn from: rows with a bar, tiles."""

from collections.abc import Sequence

import pandas as pd
from dash import html

from data.display import count_text, part_text
from layouts.marks import bar, nothing
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel, number_of

LONG = 11  # figures of n/d; longer ones take room from the names
NONE_RANKED = "没有满 10 件、可以排名的"


def lowest(
    key: str, title: str, question: str, indicator: str, by: str, has_target: bool = False
) -> Panel:
    """The five with the lowest rate of the window."""

    def draw(facts: Facts, rows: pd.DataFrame) -> list:
        target = facts.closure_target if has_target else None
        return in_window(facts, lowest_rates(rows, by, target))

    return Panel(key, title, question, {"rows": Numbers(indicator, (by,))}, draw)


def highest(key: str, title: str, question: str, indicator: str, by: str, note: str = "") -> Panel:
    """The five with the highest value; of the window, unless `note` says of what."""

    def draw(facts: Facts, rows: pd.DataFrame) -> list | html.Div:
        ranked = highest_rates(rows, by)
        return ranked if note else in_window(facts, ranked)

    return Panel(key, title, question, {"rows": Numbers(indicator, (by,))}, draw, note)


def largest(key: str, title: str, question: str, indicator: str, by: str, note: str = "") -> Panel:
    """The five with the largest count; of the window, unless `note` says of what."""

    def draw(facts: Facts, rows: pd.DataFrame) -> list | html.Div:
        ranked = largest_counts(rows, by)
        return ranked if note else in_window(facts, ranked)

    return Panel(key, title, question, {"rows": Numbers(indicator, (by,))}, draw, note)


def in_window(facts: Facts, rows: list | html.Div) -> list:
    """With the window that the rows are of, beside the title."""
    return [*(rows if isinstance(rows, list) else [rows]), html.Div(facts.window, className="sum")]


def known(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Without the rows of no value."""
    return frame[frame[key].notna() & (frame[key] != "-")]


def lowest_rates(frame: pd.DataFrame, key: str, target: float | None = None) -> list | html.Div:
    """The five with the lowest rate; those under ten are not ranked (DOMAIN 2.5).

    Chosen by the upper end of the interval, so that bad luck with few cases accuses nobody, and
    shown by the rate. Behind is only whose whole interval lies below the target."""
    rows = known(frame, key)
    ranked = rows[rows["is_ranked"]].nsmallest(ROWS_OF_A_LIST, "at_best", keep="first")
    return _rates(ranked.sort_values("value", kind="stable"), len(rows), target)


def highest_rates(frame: pd.DataFrame, key: str) -> list | html.Div:
    """The five with the highest value among those that may be ranked."""
    rows = known(frame, key)
    ranked = rows[rows["is_ranked"]].nlargest(ROWS_OF_A_LIST, "value", keep="first")
    return _rates(ranked, len(rows), None)


def _rates(ranked: pd.DataFrame, of: int, target: float | None) -> list | html.Div:
    if ranked.empty:
        return nothing(NONE_RANKED if of else "暂无数据")
    most = max(1.0, ranked["value"].max())
    return [_rate_row(row, most, target) for row in ranked.to_dict("records")]


def _rate_row(row: dict, most: float, target: float | None) -> html.Div:
    is_behind = target is not None and row["at_best"] < target
    part = _part(row["numerator"], row["denominator"])
    small = html.Small(part, className="is-long" if len(part) > LONG else "")
    kind = "warn" if is_behind else "ok" if target is not None else ""
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            html.Div(
                [html.B(row["text"]), small], className=f"rate {'behind' if is_behind else ''}"
            ),
            bar(row["value"] / most, target, kind),
        ],
        className="list-row",
    )


def _part(n: float | None, d: float) -> str:
    """n/d, and of a median, which has no numerator, of how many it is."""
    has_both = n is not None and n == n
    return part_text(n, d, wall=True) if has_both else f"{count_text(d, wall=True)} 件"


def largest_counts(frame: pd.DataFrame, key: str, unit: str = "件") -> list | html.Div:
    """The five with the largest count; a withheld one is small, and comes last."""
    rows = known(frame, key)
    shown = rows[(rows["numerator"] > 0) | is_withheld(rows)]
    largest = shown.sort_values("numerator", ascending=False, kind="stable").head(ROWS_OF_A_LIST)
    if largest.empty:
        return nothing("一件也没有" if len(rows) else "暂无数据")
    most = number_of(largest["numerator"].max())
    return [
        count_row(row["name"], row["numerator"], most, unit, text=_withheld_text(row))
        for row in largest.to_dict("records")
    ]


def is_withheld(frame: pd.DataFrame) -> pd.Series:
    """Which rows a wall is not told; they are no zeros."""
    if "is_suppressed" not in frame:
        return pd.Series(False, index=frame.index)
    return frame["is_suppressed"].astype(bool)


def _withheld_text(row: dict) -> str | None:
    return row["text"] if row.get("is_suppressed") else None


def count_row(
    name: str, count: float, most: int, unit: str = "件", kind: str = "", text: str | None = None
) -> html.Div:
    """A name, its count with the unit, or `text` in its place, and a bar beneath the name."""
    shown = text or count_text(number_of(count), wall=True)
    figure = [html.B(shown), html.Small(unit)]
    parts = [
        html.Span(name, className="name"),
        html.Div(figure, className="rate is-count"),
        bar(number_of(count) / most if most else 0, kind=kind),
    ]
    return html.Div(parts, className="list-row")


def rate_tiles(
    rates: Sequence[tuple[str, str, pd.DataFrame]], targets: Sequence[float | None] = ()
) -> html.Div:
    """A large figure for each (rate, of what, frame), with n/d of what beneath: rates that stand
    side by side are of different matters. "—" where nothing was counted."""
    wanted = [*targets, *([None] * (len(rates) - len(targets)))]
    tiles = [_rate_tile(*rate, target) for rate, target in zip(rates, wanted, strict=True)]
    return html.Div(tiles, className="rate-tiles")


def _rate_tile(name: str, of: str, frame: pd.DataFrame, target: float | None) -> html.Div:
    row = frame.iloc[0].to_dict() if len(frame) else {"text": "—", "part": "0/0", "at_best": None}
    is_behind = target is not None and row["at_best"] is not None and row["at_best"] < target
    return html.Div(
        [
            html.Span(name, className="word"),
            html.B(row["text"], className="kpi behind" if is_behind else "kpi"),
            html.Small(f"{of} {row['part']}"),
        ],
        className="rate-tile",
    )
