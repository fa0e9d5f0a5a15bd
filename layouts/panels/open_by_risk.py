"""How many red, orange, yellow and blue matters are open now?"""

import pandas as pd
from dash import html

from data.codes import label
from layouts.marks import shape
from layouts.panel import Facts, Numbers, Panel, number_of
from layouts.theme import INK, RISK

LONG = 3  # figures; a longer number is set smaller


def draw(facts: Facts, now: pd.DataFrame, overdue: pd.DataFrame) -> list:
    """One tile a risk that the site works with, 0 shown, with the overdue among them; and the
    total. What has no risk is said in words, so that the tiles close."""
    counts, late = _by_risk(now), _by_risk(overdue)
    risks = [risk for risk in RISK if risk in facts.risks or counts.get(risk)]
    tiles = [_risk_tile(risk, counts.get(risk, 0), late.get(risk, 0)) for risk in risks]
    total, total_late = sum(counts.values()), sum(late.values())
    if len(tiles) < len(RISK):
        tiles.append(_tile([html.Span("在办合计")], total, total_late, INK))
    unknown = total - sum(counts.get(risk, 0) for risk in risks)
    return [html.Div(tiles, className="tiles"), _rest(total if len(risks) == 4 else 0, unknown)]


def _rest(total: int, unknown: int) -> html.Div:
    """Beside the title: the total where no tile has it, and what has no risk."""
    words = [html.Span("在办 "), html.B(f"{total:,}　")] if total else []
    if unknown:
        words += [html.Span("未定级 "), html.B(f"{unknown:,}")]
    return html.Div(words, className="sum")


def _by_risk(frame: pd.DataFrame) -> dict[str, int]:
    return {row["risk"]: number_of(row["numerator"]) for row in frame.to_dict("records")}


def _risk_tile(risk: str, count: int, late: int) -> html.Div:
    word = f"{label('risk', risk)}色"
    return _tile([shape(risk, word), html.Span(word)], count, late, RISK[risk])


def _tile(words: list, count: int, late: int, colour: str) -> html.Div:
    figure = f"{count:,}"
    return html.Div(
        [
            html.Div(words, className="word"),
            html.Div(figure, className="kpi is-long" if len(figure) > LONG else "kpi"),
            html.Div(f"超期 {late:,}", className="late"),
        ],
        className="tile",
        style={"--mark": colour},
    )


PANEL = Panel(
    key="open_by_risk",
    title="在办风险",
    question="现在有多少红色事项，其中多少超期？",
    asks={
        "now": Numbers("open", ("risk",)),
        "overdue": Numbers("overdue_open", ("risk",)),
    },
    draw=draw,
)
