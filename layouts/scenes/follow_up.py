"""Are people content, were they asked, and did it rise again?"""

import pandas as pd
from dash import html

from layouts.panel import Facts, Numbers
from layouts.rankings import missed, total_text
from layouts.scene import Scene
from layouts.sentence import Words, also, figure, least


def answer(
    facts: Facts,
    content: pd.DataFrame,
    judged: pd.DataFrame,
    followed: pd.DataFrame,
    rebounded: pd.DataFrame,
    by_department: pd.DataFrame,
) -> Words:
    """满意率 with 参评率, on which it rests (K12), how many follow-ups were not done in time, how
    many matters rose again, and the department with the lowest 满意率."""
    said = ["满意率 ", html.B(figure(content)), "（参评 ", html.B(figure(judged)), "）"]
    said += ["，", html.B(total_text(missed(followed))), " 件没按时回访"]
    said += ["，", html.B(total_text(rebounded["numerator"])), " 件反弹"]
    return [*said, *also(least(by_department, "department", content)[:1], "，群众最不满意 ")]


SCENE = Scene(
    key="follow_up",
    name="回访满意",
    question="群众满意吗，回访了吗，有没有反弹？",
    asks={
        "content": Numbers("satisfaction_rate"),
        "judged": Numbers("evaluation_rate"),
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
