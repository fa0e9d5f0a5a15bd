"""Which departments hold most open matters?"""

import pandas as pd
from dash import html

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import largest_counts


def draw(facts: Facts, now: pd.DataFrame) -> list | html.Div:
    """The five with most in hand."""
    return largest_counts(now, "department")


PANEL = Panel(
    key="backlog_by_department",
    title="在办最多",
    question="事项压在哪些部门？",
    asks={"now": Numbers("open", ("department",))},
    draw=draw,
)
