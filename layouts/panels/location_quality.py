"""How many matters have no place, and why?"""

from typing import Any

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import Facts, Listing, Numbers, Panel
from layouts.tables import table, whole

HEADS = ("来源", "坐标有效", "无坐标", "占位", "其他异常", "未落格")
NAMED = ("ok", "missing", "placeholder")  # codes/point_quality.csv; the rest go together


def draw(
    facts: Facts, located: pd.DataFrame, valid: pd.DataFrame, unplaced: pd.DataFrame
) -> list | html.Div:
    """The two rates of the window, then all cases by source and quality of their point."""
    if unplaced.empty:
        return nothing()
    rates = html.Div(
        [_rate("落格率", located), _rate("坐标有效率", valid), html.Small(facts.window)],
        className="rates",
    )
    rows = [_row(title, part) for title, part in unplaced.groupby("title", sort=False)]
    return [rates, table(HEADS, rows, numbers=range(1, 6))]


def _row(title: Any, part: pd.DataFrame) -> list:
    cases = part.groupby("point_quality")["cases"].sum()
    counts = [int(cases.get(quality, 0)) for quality in NAMED]
    rest = int(cases.sum()) - sum(counts)
    return [html.B(title), *map(whole, (*counts, rest, part["unlocated"].sum()))]


def _rate(name: str, frame: pd.DataFrame) -> html.Div:
    row = frame.iloc[0] if len(frame) else {"text": "—", "part": "0/0"}
    return html.Div([html.Span(name), html.B(row["text"]), html.Small(row["part"])])


PANEL = Panel(
    key="location_quality",
    title="落格",
    question="多少事项落不到网格，为什么？",
    asks={
        "located": Numbers("located_rate"),
        "valid": Numbers("valid_point_rate"),
        "unplaced": Listing("unplaced", limit=0),
    },
    draw=draw,
)
