"""How do all departments together close: how much, how punctually, and how much is overdue?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, target_mark
from layouts.tiles import rate_tiles


def draw(facts: Facts, closure: pd.DataFrame, on_time: pd.DataFrame, overdue: pd.DataFrame) -> list:
    """Three rates with their parts; the target is that of closing on time."""
    rates = [
        ("按时办结率", "到期", on_time),
        ("办结率", "受理", closure),
        ("超期率", "当前在办", overdue),
    ]
    return in_window(facts, rate_tiles(rates, (facts.closure_target,)), target_mark(facts))


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
