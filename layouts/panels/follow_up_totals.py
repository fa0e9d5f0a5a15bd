"""Is everybody asked afterwards, are they content, and does what was resolved stay so?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window, missed, total_text
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
        ("回访率", "应回访", _with_missed(followed)),
        ("反弹率", "化解满90日", rebounded),
    ]
    return in_window(facts, rate_tiles(rates))


def _with_missed(followed: pd.DataFrame) -> pd.DataFrame:
    """In place of n/d how many there were and how many of them were not asked in time, of which
    the answer of the scene speaks; n/d where a wall is not told."""
    if missed(followed).isna().any():
        return followed
    due = total_text(followed["denominator"])
    return followed.assign(part=f"{due}，缺 {total_text(missed(followed))}")


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
