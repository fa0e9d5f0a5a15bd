"""Is everybody asked afterwards, and are they content?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, rate_tiles


def draw(facts: Facts, followed: pd.DataFrame, content: pd.DataFrame, judged: pd.DataFrame) -> list:
    """Three rates; 满意率 never without 参评率, which says on how many it rests (K12)."""
    rates = [("满意率", content), ("参评率", judged), ("回访率", followed)]
    return in_window(facts, rate_tiles(rates))


PANEL = Panel(
    key="follow_up_totals",
    title="回访满意总体",
    question="该回访的都回访了吗，群众满意吗？",
    asks={
        "followed": Numbers("follow_up_rate"),
        "content": Numbers("satisfaction_rate"),
        "judged": Numbers("evaluation_rate"),
    },
    draw=draw,
)
