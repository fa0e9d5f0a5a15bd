"""In which departments is the largest share of what they hold overdue?"""

import pandas as pd
from dash import html

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import highest_rates


def draw(facts: Facts, overdue: pd.DataFrame) -> list | html.Div:
    """The five highest shares among departments that hold ten or more."""
    return highest_rates(overdue, "department")


PANEL = Panel(
    key="overdue_share_by_department",
    title="超期率最高",
    note="超期在办／在办",
    question="哪个部门手里超期的占比最大？",
    asks={"overdue": Numbers("overdue_open_rate", ("department",))},
    draw=draw,
)
