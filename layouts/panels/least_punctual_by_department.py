"""Which departments miss most of their deadlines?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, on_time: pd.DataFrame) -> list:
    """The five lowest rates of closing on time, with the site's target."""
    return in_window(facts, lowest_rates(on_time, "department", facts.closure_target))


PANEL = Panel(
    key="least_punctual_by_department",
    title="按时办结率最低",
    question="哪个部门最不守时？",
    asks={"on_time": Numbers("on_time_closure_rate", ("department",))},
    draw=draw,
)
