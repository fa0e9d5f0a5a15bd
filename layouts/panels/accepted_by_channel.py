"""By which ways do matters come in?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, largest_counts


def draw(facts: Facts, accepted: pd.DataFrame) -> list:
    """The five channels with most accepted matters of the window."""
    return in_window(facts, largest_counts(accepted, "channel"))


PANEL = Panel(
    key="accepted_by_channel",
    title="来源渠道",
    question="事项从哪里来？",
    asks={"accepted": Numbers("accepted", ("channel",))},
    draw=draw,
)
