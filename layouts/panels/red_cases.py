"""Which red matters are open, who holds each, and how long is it overdue?"""

import pandas as pd
from dash import html

from data.codes import UNCLASSIFIED
from layouts.marks import counting, nothing, shape
from layouts.panel import Facts, Listing, Panel


def draw(facts: Facts, cases: pd.DataFrame) -> list | html.Div:
    """The longest overdue first; the clocks run on in the browser."""
    rows = [_row(row) for row in cases.to_dict("records")]
    return rows or nothing("没有在办的红色事项")


def _row(row: dict) -> html.Div:
    words = [
        html.Span(row["category"] if isinstance(row["category"], str) else UNCLASSIFIED),
        html.Small(f"{row['place']} · {row['department']}"),
    ]
    parts = [shape("red", "红色"), html.Div(words, className="words"), counting(row["due"])]
    return html.Div(parts, className="feed-row")


PANEL = Panel(
    key="red_cases",
    title="红色在办",
    note="按超期时长",
    question="红色事项在谁手里，超期多久？",
    asks={"cases": Listing("red_cases")},
    draw=draw,
)
