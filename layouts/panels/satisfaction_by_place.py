"""Where are people least content?"""

import pandas as pd

from layouts.panel import PLACE, Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, content: pd.DataFrame) -> list:
    """The five lowest rates among places with ten or more judgements."""
    return in_window(facts, lowest_rates(content, PLACE))


PANEL = Panel(
    key="satisfaction_by_place",
    title="区域满意率最低",
    question="哪里的群众最不满意？",
    asks={"content": Numbers("satisfaction_rate", (PLACE,))},
    draw=draw,
)
