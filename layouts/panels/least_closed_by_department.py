"""Which departments close the smallest share of what they accept?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, closure: pd.DataFrame) -> list:
    """The five lowest cohort closure rates."""
    return in_window(facts, lowest_rates(closure, "department"))


PANEL = Panel(
    key="least_closed_by_department",
    title="办结率最低",
    question="哪个部门受理多、办结少？",
    asks={"closure": Numbers("closure_rate", ("department",))},
    draw=draw,
)
