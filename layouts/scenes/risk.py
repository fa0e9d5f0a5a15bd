"""Where are red matters and alerts, who holds them, and how late are they?"""

import pandas as pd
from dash import html

from data.codes import NONE, label
from data.display import count_text
from layouts.marks import NO_LEVEL, held, shape
from layouts.panel import PLACE, Facts, Listing, Numbers, number_of
from layouts.scene import Scene
from layouts.sentence import Words, also, most


def answer(facts: Facts, now: pd.DataFrame, held_by: pd.DataFrame, oldest: pd.DataFrame) -> Words:
    """How many matters of the gravest risk there are, where most, and the level of handling that
    has had one of them longest, with how long."""
    if not facts.risks:
        return ["本中心没有给事项定级"]
    gravest = facts.risks[0]
    there = now[now["risk"] == gravest]
    count, word = number_of(there["numerator"].sum()), f"{label('risk', gravest)}色"
    if not count:
        return [f"没有{word}在办"]
    counted = [shape(gravest, word), f"{word}在办 ", html.B(count_text(count, wall=True)), " 件"]
    longest = _longest(gravest, held_by, oldest)
    return [*counted, *also(most(there, PLACE)), *also(longest)]


def _longest(risk: str, held_by: pd.DataFrame, oldest: pd.DataFrame) -> Words:
    found = oldest[oldest["risk"] == risk].nsmallest(1, "since")
    if found.empty:
        return []
    level, since = found["handling_level"].iloc[0], found["since"].iloc[0]
    names = dict(zip(held_by["handling_level"], held_by["name"], strict=True))
    name = NO_LEVEL if level == NONE else names.get(level, level)
    return [html.B(name), "手里最久的已 ", html.B(held(since))]


SCENE = Scene(
    key="risk",
    name="风险预警",
    question="哪里有红色风险和预警，谁在处置，等了多久？",
    asks={
        "now": Numbers("open", ("risk", PLACE)),
        "held_by": Numbers("open", ("risk", "handling_level")),
        "oldest": Listing("longest_held"),
    },
    answer=answer,
    columns=(
        ("standing_alerts", "red_cases"),
        ("held_by_level", "deadline_board", "risk_by_place"),
    ),
    measure="risk",
)
