"""What could not be accepted, and why?"""

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import Facts, Listing, Panel
from layouts.tables import table, whole

KINDS = {"row": "整行", "value": "单值"}
HEADS = ("来源", "范围", "列", "原因", "行数", "最早出现在")
MOST = 12


def draw(facts: Facts, reasons: pd.DataFrame) -> html.Table | html.Div:
    """Every reason with the number of rows and where it was first seen; the most frequent first."""
    if reasons.empty:
        return nothing("没有被隔离的数据")
    rows = [
        [
            row["title"],
            KINDS.get(row["kind"], row["kind"]),
            row["column_name"] or "—",
            row["reason"],
            whole(row["rows"]),
            row["first_at"],
        ]
        for row in reasons.to_dict("records")
    ]
    return table(HEADS, rows, numbers=(4,))


PANEL = Panel(
    key="quarantine_reasons",
    title="隔离原因",
    note="未装载的行和值；原文保留在版本中",
    question="哪些数据没有采纳，为什么？",
    asks={"reasons": Listing("quarantine", limit=MOST)},
    draw=draw,
)
