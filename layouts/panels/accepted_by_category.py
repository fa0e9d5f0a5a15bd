"""Which kinds of matter come in most, and are they rising?"""

import pandas as pd
from dash import html

from layouts.marks import bar, nothing
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel


def draw(facts: Facts, accepted: pd.DataFrame) -> list | html.Div:
    """The five largest categories of the window with the change against the window before."""
    counted = accepted[(accepted["current"] > 0) | _is_withheld(accepted)]
    if counted.empty:
        return nothing()
    ordered = counted.sort_values("current", ascending=False, kind="stable")
    largest = ordered.head(ROWS_OF_A_LIST)  # what is withheld is small, and comes last
    most = largest["current"].max()
    rows = [_row(row, most) for row in largest.to_dict("records")]
    return [*rows, html.Div(f"件，{facts.window}比上期", className="sum")]


def _is_withheld(accepted: pd.DataFrame) -> pd.Series:
    name = "current_is_suppressed"
    known = name in accepted
    return accepted[name].astype(bool) if known else pd.Series(False, index=accepted.index)


def _row(row: dict, most: float) -> html.Div:
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            bar(row["current"] / most),
            html.B(row["text"]),
            _change(row),
        ],
        className="trend-row",
    )


def _change(row: dict) -> html.Div:
    """The change with the number it is measured against."""
    is_change = row["change_kind"] in ("percent", "difference")
    rise = row["current"] - row["base"] if is_change else 0
    if not rise:
        return html.Div(html.Span(row["change_text"]), className="change")
    words = ("↑" if rise > 0 else "↓") + row["change_text"].lstrip("+-")
    return html.Div([html.Span(words), html.Small(f"上期 {row['base_text']}")], className="change")


PANEL = Panel(
    key="accepted_by_category",
    title="受理类别",
    question="哪类事项最多，在涨还是在跌？",
    asks={"accepted": Numbers("accepted", ("category",), base="previous")},
    draw=draw,
)
