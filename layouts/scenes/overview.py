"""Is the county calm now, and where not?"""

import pandas as pd
from dash import html

from data.codes import label
from data.display import count_text
from layouts.marks import shape
from layouts.panel import PLACE, Facts, Numbers, number_of
from layouts.scene import Scene
from layouts.sentence import Words, also, figure, live, most, spare


def answer(facts: Facts, now: pd.DataFrame, overdue: pd.DataFrame, total: pd.DataFrame) -> Words:
    """What alerts stand, which the browser says; 平稳 without an open matter of the gravest risk
    that the site gives, 需关注 with one, 不平稳 when one of them is overdue; how many there are,
    and where most. Without risks: what is open."""
    return [live("alerts-lead"), *_matters(facts, now, overdue, total)]


def _matters(facts: Facts, now: pd.DataFrame, overdue: pd.DataFrame, total: pd.DataFrame) -> Words:
    if not facts.risks:
        late = ["，超期 ", html.B(count_text(_sum(overdue), wall=True)), " 件"]
        return ["在办 ", html.B(figure(total)), " 件", *late, *also(most(now, PLACE))]
    gravest = facts.risks[0]
    open_now, late = _of(now, gravest), _sum(_of(overdue, gravest))
    word = f"{label('risk', gravest)}色"
    if not _sum(open_now):
        calm = html.Span([html.B("平稳"), "："], className="calm")  # not beside a red alert
        return [calm, f"没有{word}在办，全部在办 ", html.B(figure(total)), " 件"]
    verdict = html.B("不平稳" if late else "需关注")
    how_late = ["其中 ", html.B(count_text(late)), " 件超期"] if late else ["都未超期"]
    count = html.B(count_text(_sum(open_now), wall=True))
    counted = [f"：{word}在办 ", count, " 件，", *how_late]
    where = spare(also(most(open_now, PLACE)), 3)
    return [shape(gravest, word), verdict, *counted, where]


def _of(frame: pd.DataFrame, risk: str) -> pd.DataFrame:
    return frame[frame["risk"] == risk]


def _sum(frame: pd.DataFrame) -> int:
    return number_of(frame["numerator"].sum())


SCENE = Scene(
    key="overview",
    name="全域总览",
    question="现在平稳吗，哪里不稳？",
    asks={
        "now": Numbers("open", ("risk", PLACE)),
        "overdue": Numbers("overdue_open", ("risk",)),
        "total": Numbers("open"),
    },
    answer=answer,
    columns=(
        ("open_by_risk", "flow_by_stage", "accepted_by_category"),
        ("closure_by_department", "daily_trend", "newest"),
    ),
    measure="risk",
)
