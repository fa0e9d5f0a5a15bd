"""How many red, orange, yellow and blue matters are open now?"""

import pandas as pd
from dash import html

from data.codes import label
from layouts.marks import shape
from layouts.panel import Facts, Numbers, Panel, number_of
from layouts.theme import RISK


def draw(facts: Facts, now: pd.DataFrame, overdue: pd.DataFrame) -> list:
    """One tile a risk, 0 shown; the overdue among them below; unknown risk is said, not hidden."""
    counts = _by_risk(now)
    late = _by_risk(overdue)
    tiles = [_tile(risk, counts.get(risk, 0), late.get(risk, 0)) for risk in RISK]
    known = sum(counts.get(risk, 0) for risk in RISK)
    unknown = sum(counts.values()) - known
    words = [html.Span("在办合计 "), html.B(f"{known + unknown:,}"), html.Span(" 件")]
    if unknown:
        words.append(html.Span(f"，其中未定级 {unknown:,} 件"))
    return [html.Div(tiles, className="tiles"), html.Div(words, className="sum")]


def _by_risk(frame: pd.DataFrame) -> dict[str, int]:
    return {row["risk"]: number_of(row["numerator"]) for row in frame.to_dict("records")}


def _tile(risk: str, count: int, late: int) -> html.Div:
    word = label("risk", risk)
    return html.Div(
        [
            html.Div([shape(risk, word), html.Span(word)], className="word"),
            html.Div(f"{count:,}", className="kpi"),
            html.Div(f"超期 {late:,}", className="late"),
        ],
        className=f"tile risk-{risk}",
        style={"--mark": RISK[risk]},
    )


PANEL = Panel(
    key="open_by_risk",
    title="在办风险",
    note="件",
    question="现在有多少红色事项，其中多少超期？",
    asks={
        "now": Numbers("open", ("risk",)),
        "overdue": Numbers("overdue_open_rate", ("risk",)),
    },
    draw=draw,
)
