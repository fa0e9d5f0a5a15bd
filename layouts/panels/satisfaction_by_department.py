"""With which departments are people least content?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, lowest_rates


def draw(facts: Facts, content: pd.DataFrame) -> list:
    """The five lowest rates among departments with ten or more judgements."""
    return in_window(facts, lowest_rates(content, "department"))


PANEL = Panel(
    key="satisfaction_by_department",
    title="部门满意率最低",
    question="群众对哪个部门最不满意？",
    asks={"content": Numbers("satisfaction_rate", ("department",))},
    draw=draw,
)
