"""Which kinds of disputes are resolved least?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, resolution: pd.DataFrame) -> list:
    """The five lowest rates."""
    return in_window(facts, lowest_rates(resolution, "category"))


PANEL = Panel(
    key="resolution_by_category",
    title="类别化解率最低",
    question="哪类纠纷最难化解？",
    asks={"resolution": Numbers("resolution_rate", ("category",))},
    draw=draw,
)
