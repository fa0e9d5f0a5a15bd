"""How do all departments together close: how much, how punctually, and how much is overdue?"""

import pandas as pd
from dash import html

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import rate_tiles


def draw(facts: Facts, closure: pd.DataFrame, on_time: pd.DataFrame, overdue: pd.DataFrame) -> list:
    """Three rates with their parts; the target is that of closing on time."""
    rates = [
        ("按时办结率", "到期", on_time),
        ("办结率", "受理", closure),
        ("超期率", "当前在办", overdue),
    ]
    return [rate_tiles(rates, (facts.closure_target,)), html.Div(facts.window, className="sum")]


PANEL = Panel(
    key="department_totals",
    title="办结总体",
    question="所有部门合起来办得怎样？",
    asks={
        "closure": Numbers("closure_rate"),
        "on_time": Numbers("on_time_closure_rate"),
        "overdue": Numbers("overdue_open_rate"),
    },
    draw=draw,
)
