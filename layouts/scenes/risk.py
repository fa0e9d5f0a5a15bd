"""Where are red matters and alerts, who holds them, and how late are they?"""

import pandas as pd
from dash import html

from data.codes import NONE, label
from data.display import count_text
from layouts.marks import NO_LEVEL, held, shape
from layouts.panel import PLACE, Facts, Listing, Numbers, number_of
from layouts.scene import Scene
from layouts.sentence import Words, also, live, most, spare


def answer(facts: Facts, now: pd.DataFrame, held_by: pd.DataFrame, oldest: pd.DataFrame) -> Words:
    """What alerts stand, which the browser says, for it knows without an edition
    (assets/answers.js); how many matters of the gravest risk there are, where most, and at which
    level of handling one of them has been longest."""
    matters = _matters(facts, now, held_by, oldest)
    return [live("alerts-lead"), *matters, live("alerts-none")]


def _matters(facts: Facts, now: pd.DataFrame, held_by: pd.DataFrame, oldest: pd.DataFrame) -> Words:
    if not facts.risks:
        return ["本中心没有给事项定级"]
    gravest = facts.risks[0]
    there = now[now["risk"] == gravest]
    count, word = number_of(there["numerator"].sum()), f"{label('risk', gravest)}色"
    if not count:
        return [f"没有{word}在办"]
    named = [shape(gravest, word), word, spare(["在办"], 3), " "]
    counted = [html.B(count_text(count, wall=True)), " 件", *also(_most(there), "，")]
    return [*named, *counted, *also(_longest(gravest, held_by, oldest))]


def _most(there: pd.DataFrame) -> Words:
    """望斗街道最多 4 件."""
    found = most(there, PLACE)
    return [found[0], "最多", spare([" ", *found[2:]], 2)] if found else []


def _longest(risk: str, held_by: pd.DataFrame, oldest: pd.DataFrame) -> Words:
    """最久 65 天在县综治中心."""
    found = oldest[oldest["risk"] == risk].nsmallest(1, "since")
    if found.empty:
        return []
    level, since = found["handling_level"].iloc[0], found["since"].iloc[0]
    names = dict(zip(held_by["handling_level"], held_by["name"], strict=True))
    name = NO_LEVEL if level == NONE else names.get(level, level)
    return ["最久 ", html.B(held(since)), spare(["在", html.B(name)], 4)]


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
