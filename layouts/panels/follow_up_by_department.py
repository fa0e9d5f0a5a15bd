"""Which departments do not ask afterwards?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, followed: pd.DataFrame) -> list:
    """The five lowest rates among departments with ten or more due."""
    return in_window(facts, lowest_rates(followed, "department"))


PANEL = Panel(
    key="follow_up_by_department",
    title="部门回访率最低",
    question="哪个部门没有回访？",
    asks={"followed": Numbers("follow_up_rate", ("department",))},
    draw=draw,
)
