"""Is everybody asked afterwards, are they content, and does what was resolved stay so?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window
from layouts.tiles import rate_tiles


def draw(
    facts: Facts,
    followed: pd.DataFrame,
    content: pd.DataFrame,
    judged: pd.DataFrame,
    rebounded: pd.DataFrame,
) -> list:
    """Four rates; 满意率 never without 参评率, which says on how many it rests (K12)."""
    rates = [
        ("满意率", "有效评价", content),
        ("参评率", "办结", judged),
        ("回访率", "应回访", followed),
        ("反弹率", "化解满90日", rebounded),
    ]
    return in_window(facts, rate_tiles(rates))


PANEL = Panel(
    key="follow_up_totals",
    title="回访满意总体",
    question="该回访的都回访了吗，群众满意吗，有没有反弹？",
    asks={
        "followed": Numbers("follow_up_rate"),
        "content": Numbers("satisfaction_rate"),
        "judged": Numbers("evaluation_rate"),
        "rebounded": Numbers("rebound_rate"),
    },
    draw=draw,
)
