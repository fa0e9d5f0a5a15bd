"""Where are disputes resolved least?"""

import pandas as pd

from layouts.panel import PLACE, Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, resolution: pd.DataFrame) -> list:
    """The five lowest rates."""
    return in_window(facts, lowest_rates(resolution, PLACE))


PANEL = Panel(
    key="resolution_by_place",
    title="区域化解率最低",
    question="哪里的纠纷化解得少？",
    asks={"resolution": Numbers("resolution_rate", (PLACE,))},
    draw=draw,
)
