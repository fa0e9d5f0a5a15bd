"""Which red matters are open, who has each and for how long, and how long is it overdue?"""

import pandas as pd
from dash import html

from data.codes import UNCLASSIFIED
from layouts.marks import counting, held, nothing, shape
from layouts.panel import Facts, Listing, Numbers, Panel


def draw(facts: Facts, cases: pd.DataFrame, all_open: pd.DataFrame) -> list | html.Div:
    """The longest overdue first, and of how many; the clocks run on in the browser."""
    rows = [_row(row) for row in cases.to_dict("records")]
    total = all_open["text"].iloc[0] if len(all_open) else "0"
    of_how_many = html.Div(f"{len(rows)}/{total} 件，先列超期久的", className="sum")
    return [*rows, of_how_many] if rows else nothing("没有在办的红色事项")


def _row(row: dict) -> html.Div:
    words = [
        html.Span(row["category"] if isinstance(row["category"], str) else UNCLASSIFIED),
        html.Small(f"{row['place']} {row['department']}"),
    ]
    lies = html.Small([f"{row['level']} ", held(row["since"])])
    clocks = html.Div([counting(row["due"]), lies], className="clocks")
    return html.Div(
        [shape("red", "红色"), html.Div(words, className="words"), clocks], className="feed-row"
    )


PANEL = Panel(
    key="red_cases",
    title="红色在办",
    question="红色事项在谁手里、多久了，超期多久？",
    asks={
        "cases": Listing("red_cases"),
        "all_open": Numbers("open", where=(("risk", "red"),)),
    },
    draw=draw,
)
