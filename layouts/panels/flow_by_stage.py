"""Where are the open matters stuck, and how many came in and went out today?"""

import pandas as pd
from dash import html

from layouts.marks import bar, nothing
from layouts.panel import Facts, Numbers, Panel, number_of

# The stations of the canonical loop at which an open case can lie, by status (codes/status.csv).
STAGES = {
    "待受理": ("10", "20"),
    "待派遣": ("30", "40"),
    "待签收": ("50",),
    "办理中": ("60", "61", "62", "63", "71", "88"),
    "待核查": ("70",),
}


def draw(
    facts: Facts, stock: pd.DataFrame, came: pd.DataFrame, went: pd.DataFrame
) -> list | html.Div:
    """Five stations with what lies in each; below, what came in and went out today."""
    if stock.empty:
        return nothing()
    counts = stage_counts(stock)
    most = max([*counts.values(), 1])
    rows = [_row(stage, count, most) for stage, count in counts.items()]
    return [html.Div(rows, className="rows"), _today(came, went)]


def stage_counts(stock: pd.DataFrame) -> dict[str, int]:
    """Open cases a station; statuses that name no station are shown as 未分类."""
    held = {str(row["status"]): number_of(row["numerator"]) for row in stock.to_dict("records")}
    counts = {stage: sum(held.pop(code, 0) for code in codes) for stage, codes in STAGES.items()}
    rest = sum(held.values())
    return {**counts, "未分类": rest} if rest else counts


def _row(stage: str, count: int, most: int) -> html.Div:
    parts = [html.Span(stage, className="name"), bar(count / most), html.B(f"{count:,}")]
    return html.Div(parts, className="rank-row")


def _today(came: pd.DataFrame, went: pd.DataFrame) -> html.Div:
    words = [
        html.Span("今日受理 "),
        html.B(f"{_total(came):,}"),
        html.Span("　今日办结 "),
        html.B(f"{_total(went):,}"),
    ]
    return html.Div(words, className="sum")


def _total(frame: pd.DataFrame) -> int:
    return number_of(frame["numerator"].sum()) if len(frame) else 0


PANEL = Panel(
    key="flow_by_stage",
    title="流程环节",
    note="在办，件",
    question="事项卡在哪个环节？",
    asks={
        "stock": Numbers("open", ("status",)),
        "came": Numbers("accepted", days=1),
        "went": Numbers("closed", days=1),
    },
    draw=draw,
)
