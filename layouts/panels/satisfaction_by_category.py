"""With which kinds of matters are people least content?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, content: pd.DataFrame) -> list:
    """The five lowest rates among categories with ten or more judgements."""
    return in_window(facts, lowest_rates(content, "category"))


PANEL = Panel(
    key="satisfaction_by_category",
    title="类别满意率最低",
    question="哪类事项办得最不让人满意？",
    asks={"content": Numbers("satisfaction_rate", ("category",))},
    draw=draw,
)
