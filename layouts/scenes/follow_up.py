"""Are people content, were they asked, and did it rise again?"""

import pandas as pd
from dash import html

from layouts.panel import Facts, Numbers
from layouts.scene import Scene
from layouts.sentence import Words, also, figure, least, since_before


def answer(
    facts: Facts,
    content: pd.DataFrame,
    followed: pd.DataFrame,
    rebounded: pd.DataFrame,
    by_department: pd.DataFrame,
) -> Words:
    """满意率 with its change, 回访率, 反弹率, and the department with the lowest 满意率."""
    said = ["满意率 ", html.B(figure(content)), since_before(content)]
    said += ["；回访率 ", html.B(figure(followed)), "，反弹率 ", html.B(figure(rebounded))]
    return [*said, *also(least(by_department, "department"), "；满意率最低 ")]


SCENE = Scene(
    key="follow_up",
    name="回访满意",
    question="群众满意吗，回访了吗，有没有反弹？",
    asks={
        "content": Numbers("satisfaction_rate", base="previous"),
        "followed": Numbers("follow_up_rate"),
        "rebounded": Numbers("rebound_rate"),
        "by_department": Numbers("satisfaction_rate", ("department",)),
    },
    answer=answer,
    columns=(
        ("follow_up_totals", "follow_up_by_department"),
        ("satisfaction_by_department", "satisfaction_by_category"),
        ("satisfaction_by_place", "rebound_by_category"),
    ),
    has_map=False,
)
