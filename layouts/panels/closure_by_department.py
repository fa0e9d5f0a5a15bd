"""Which department is falling behind, in closing and in closing on time?"""

import pandas as pd
from dash import html

from layouts.marks import bar, nothing
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel


def draw(facts: Facts, closure: pd.DataFrame, on_time: pd.DataFrame) -> list | html.Div:
    """The departments with the lowest closure rate; small ones are left out of the ranking."""
    known = closure[closure["department"].notna() & (closure["department"] != "-")]
    worst = known[known["is_ranked"]].nsmallest(ROWS_OF_A_LIST, "value", keep="first")
    if worst.empty:
        return nothing()
    in_time = on_time.set_index("department")
    rows = [_row(row, in_time, facts.closure_target) for row in worst.to_dict("records")]
    return [_heading(), *rows]


def _heading() -> html.Div:
    words = [html.Span("部门"), html.Span("办结率"), html.Span("按时办结率")]
    return html.Div(words, className="dep-row dep-head")


def _row(row: dict, in_time: pd.DataFrame, target: float | None) -> html.Div:
    code = row["department"]
    other = in_time.loc[code].to_dict() if code in in_time.index else {}
    is_behind = target is not None and row["value"] < target
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            html.Div(_rate(row), className="rate behind" if is_behind else "rate"),
            html.Div(_rate(other), className="rate"),
            bar(row["value"], target, "warn" if is_behind else "ok"),
        ],
        className="dep-row",
    )


def _rate(row: dict) -> list:
    return [html.B(row.get("text", "—")), html.Small(row.get("part", "0/0"))]


PANEL = Panel(
    key="closure_by_department",
    title="部门办结",
    note="办结率末五位",
    question="哪个部门办得慢、办得晚？",
    asks={
        "closure": Numbers("closure_rate", ("department",)),
        "on_time": Numbers("on_time_closure_rate", ("department",)),
    },
    draw=draw,
)
