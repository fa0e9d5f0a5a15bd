"""At which level of handling are disputes resolved least?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, resolution: pd.DataFrame) -> list:
    """The five lowest rates."""
    return in_window(facts, lowest_rates(resolution, "handling_level"))


PANEL = Panel(
    key="resolution_by_level",
    title="各级化解率",
    question="纠纷在哪一级化解得少？",
    asks={"resolution": Numbers("resolution_rate", ("handling_level",))},
    draw=draw,
)
