"""Which level of handling has how many open matters now, and for how long has it had the oldest?"""

import pandas as pd
from dash import html

from data.codes import NONE
from data.display import count_text
from layouts.marks import NO_LEVEL, held, nothing, risk_word, shape
from layouts.panel import ROWS_OF_A_LIST, Facts, Listing, Numbers, Panel, number_of
from layouts.theme import RISK

GRAVITY = {risk: rank for rank, risk in enumerate(RISK)}


def draw(facts: Facts, now: pd.DataFrame, oldest: pd.DataFrame) -> list | html.Div:
    """A row for each risk and the level it goes to, the gravest first; the browser lets the time
    of the oldest run."""
    since = {
        (row["risk"], row["handling_level"]): row["since"] for row in oldest.to_dict("records")
    }
    rows = [row for row in now.to_dict("records") if number_of(row["numerator"])]
    if not rows:
        return nothing("没有在办事项")
    rows.sort(key=lambda row: (GRAVITY.get(row["risk"], len(GRAVITY)), -row["numerator"]))
    shown = [_row(row, since[row["risk"], row["handling_level"]]) for row in rows]
    return [_heading(), *shown[:ROWS_OF_A_LIST]]


def _heading() -> html.Div:
    words = [html.Span("风险 → 处置层级"), html.Span("在办"), html.Span("最久一件")]
    return html.Div(words, className="board-row board-head")


def _row(row: dict, since: int) -> html.Div:
    level = row["name"] if row["handling_level"] != NONE else NO_LEVEL
    word, count = risk_word(row["risk"]), count_text(number_of(row["numerator"]), wall=True)
    name = html.Span([shape(row["risk"]), f" {word} → {level}"], className="name")
    return html.Div([name, html.B(count), held(since)], className="board-row")


PANEL = Panel(
    key="held_by_level",
    title="分级处置",
    note="最久：到该级以来",
    question="各级手里有多少在办，最久的一件在手多久？",
    asks={"now": Numbers("open", ("risk", "handling_level")), "oldest": Listing("longest_held")},
    draw=draw,
)
