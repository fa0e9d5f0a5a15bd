"""Where are the open matters stuck, and how many came in and went out today?"""

import pandas as pd
from dash import html

from data.codes import UNCLASSIFIED
from data.display import count_text
from layouts.marks import bar, nothing, on_day, short_day
from layouts.panel import Facts, Numbers, Panel, number_of

# What a case that lies at a stage (codes/stage.csv) waits for; the others hold no open case.
STAGES = {
    "registered": "待受理",
    "accepted": "待派遣",
    "dispatched": "待签收",
    "handling": "办理中",
    "verifying": "待核查",
}

LONG, LONGEST = 1000, 100_000  # sums that leave no room for spaces, or for larger figures


def draw(
    facts: Facts, stock: pd.DataFrame, now: pd.DataFrame, came: pd.DataFrame, went: pd.DataFrame
) -> list:
    """Five stations with what lies in each, and their sum; what came in and went out today."""
    if stock.empty:
        return [nothing(), _today(facts, came, went)]
    counts = stage_counts(stock)
    most = max([*counts.values(), 1])
    rows = [_row(stage, count, most) for stage, count in counts.items()]
    return [
        html.Div(
            [*rows, _sum(sum(counts.values()), number_of(now["numerator"].sum()))], className="rows"
        ),
        _today(facts, came, went),
    ]


def stage_counts(stock: pd.DataFrame) -> dict[str, int]:
    """Open cases a stage; what lies at none of them is shown as 未分类, so that the sum closes."""
    held = {row["stage"]: number_of(row["numerator"]) for row in stock.to_dict("records")}
    counts = {words: held.pop(stage, 0) for stage, words in STAGES.items()}
    rest = sum(held.values())
    return {**counts, UNCLASSIFIED: rest} if rest else counts


def _row(stage: str, count: int, most: int) -> html.Div:
    shown = html.B(count_text(count, wall=True))
    parts = [html.Span(stage, className="name"), bar(count / most), shown]
    return html.Div(parts, className="rank-row")


def _sum(total: int, accepted: int) -> html.Div:
    """How the stations add up, and what of it the panel of risks shows."""
    waiting, taken, both = (count_text(n, wall=True) for n in (total - accepted, accepted, total))
    words = f"未受理 {waiting} + 在办 {taken} = 未办结"
    size = "is-longest" if total >= LONGEST else "is-long" if total >= LONG else ""
    parts = [html.Span(words.replace(" ", "") if size else words), html.B(both)]
    return html.Div(parts, className=f"sum-row {size}".strip())


def _today(facts: Facts, came: pd.DataFrame, went: pd.DataFrame) -> html.Div:
    day = facts.data_time.date()
    accepted = on_day(day, "今日受理 ", f"{short_day(day)} 受理 ")
    parts = [
        html.Span([accepted, html.B(_shown(came))]),
        html.Span(["办结 ", html.B(_shown(went))]),
    ]
    return html.Div(parts, className="sum is-parts")


def _shown(frame: pd.DataFrame) -> str:
    return frame["text"].iloc[0] if len(frame) else "0"


PANEL = Panel(
    key="flow_by_stage",
    title="流程环节",
    question="事项卡在哪个环节？",
    asks={
        "stock": Numbers("in_hand", ("stage",)),
        "now": Numbers("open"),
        "came": Numbers("accepted", days=1),
        "went": Numbers("closed", days=1),
    },
    draw=draw,
)
