"""Which departments take longest from accepting to closing?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import highest_rates, in_window


def draw(facts: Facts, hours: pd.DataFrame) -> list:
    """The five longest medians among departments that closed ten or more."""
    return in_window(facts, highest_rates(hours, "department"))


PANEL = Panel(
    key="slowest_by_department",
    title="办理周期最长",
    question="哪个部门办得最慢？",
    asks={"hours": Numbers("handling_hours_median", ("department",))},
    draw=draw,
)
