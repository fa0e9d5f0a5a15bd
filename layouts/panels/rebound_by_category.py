"""Which kinds of disputes rise again after they were resolved?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import highest_rates, in_window


def draw(facts: Facts, again: pd.DataFrame) -> list:
    """The five highest rates among categories with ten or more resolved."""
    return in_window(facts, highest_rates(again, "category"))


PANEL = Panel(
    key="rebound_by_category",
    title="反弹率最高",
    question="哪类事项化解后又起？",
    asks={"again": Numbers("rebound_rate", ("category",))},
    draw=draw,
)
