"""Which departments fall behind?"""

import pandas as pd
from dash import html

from data.display import count_text
from layouts.panel import Facts, Numbers
from layouts.rankings import behind, known, missed, target_mark
from layouts.scene import Scene
from layouts.sentence import Words, also, figure, least


def answer(facts: Facts, on_time: pd.DataFrame, by_department: pd.DataFrame) -> Words:
    """How many departments are behind the target of 按时办结率 beyond chance, the lowest, and who
    missed most deadlines; the rate itself where none is or there is no target."""
    said = ["按时办结率 ", html.B(figure(on_time))]
    lowest = least(by_department, "department")
    mark = target_mark(facts)
    if mark is None:
        return [*said, *also(lowest, "；最低 ")]
    late = behind(known(by_department, "department"), mark.value)
    if late.empty:
        return [*said, f"，没有部门低于目标 {mark.text}"]
    counted = [html.B(str(len(late))), f" 个部门按时办结率低于目标 {mark.text}"]
    return [*counted, *also(lowest, "，最低 "), *_most_missed(late)]


def _most_missed(late: pd.DataFrame) -> Words:
    counts = missed(late)
    worst = late.iloc[int(counts.to_numpy().argmax())]["name"]
    return ["，误期最多 ", html.B(worst), " ", html.B(count_text(counts.max(), wall=True)), " 件"]


SCENE = Scene(
    key="departments",
    name="部门办结",
    question="哪些部门落后，差在哪里？",
    asks={
        "on_time": Numbers("on_time_closure_rate"),
        "by_department": Numbers("on_time_closure_rate", ("department",)),
    },
    answer=answer,
    columns=(
        ("department_totals", "missed_by_department"),
        ("overdue_share_by_department", "slowest_by_department"),
        ("lagging_departments",),
    ),
    has_map=False,
)
