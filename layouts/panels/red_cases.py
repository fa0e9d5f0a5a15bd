"""Which red matters are open, who works on each, who directs it and since when, how late is it?"""

import pandas as pd
from dash import html

from data.codes import UNCLASSIFIED
from layouts.marks import counting, held, nothing, shape
from layouts.panel import Facts, Listing, Numbers, Panel


def draw(facts: Facts, cases: pd.DataFrame, all_open: pd.DataFrame) -> list | html.Div:
    """Those due first, the longest overdue first, and how many there are; the clocks run on in the
    browser."""
    rows = [_row(row) for row in cases.to_dict("records")]
    total = all_open["text"].iloc[0] if len(all_open) else "0"
    said = f"共 {total} 件" if total == str(len(rows)) else f"共 {total} 件，列最急 {len(rows)} 件"
    return [*rows, html.Div(said, className="sum")] if rows else nothing("没有在办的红色事项")


def _row(row: dict) -> html.Div:
    what = row["category"] if isinstance(row["category"], str) else UNCLASSIFIED
    words = [html.Span(what), html.Span(row["place"], className="place")]
    held_by = html.Small([*_handled(row), held(row["since"])], className="held")
    return html.Div(
        [shape("red", "红色"), html.Div(words, className="words"), counting(row["due"]), held_by],
        className="feed-row",
    )


def _handled(row: dict) -> list:
    """Who does the work, or why nobody does yet, and which level directs it: 红→区指挥中心调度
    (DOMAIN 2.4)."""
    return [
        html.Span(["承办 ", html.B(row["department"])], className="works"),
        html.Span(["调度 ", html.B(row["level"]), " "], className="directs"),
    ]


PANEL = Panel(
    key="red_cases",
    title="红色在办",
    question="红色事项谁承办、谁调度、多久了，超期多久？",
    asks={
        "cases": Listing("red_cases"),
        "all_open": Numbers("open", where=(("risk", "red"),)),
    },
    draw=draw,
)
