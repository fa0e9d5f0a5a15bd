"""How many red, orange, yellow and blue matters are open now, and how many are late?"""

import pandas as pd
from dash import html

from data.codes import label
from data.display import count_text
from layouts.marks import deadline, on_day, shape, short_day
from layouts.panel import Facts, Numbers, Panel, number_of
from layouts.theme import INK, RISK, WARN

LONG, LONGEST = 3, 5  # figures; a longer number is set smaller


def draw(facts: Facts, now: pd.DataFrame, overdue: pd.DataFrame, due: pd.DataFrame) -> list:
    """One tile a risk that the site works with, 0 shown, with the overdue among them; one for all
    that is overdue or due today. The total, and what has no risk, are said beside the title, or in
    a tile where the site gives no risk."""
    counts, late = _by_risk(now), _by_risk(overdue)
    risks = [risk for risk in RISK if risk in facts.risks or counts.get(risk)]
    tiles = [_risk_tile(risk, counts.get(risk, 0), late.get(risk, 0)) for risk in risks]
    late_tile = _late_tile(facts, sum(late.values()), number_of(due["numerator"].sum()))
    total = sum(counts.values())
    if not risks:
        open_tile = _tile([html.Span("在办合计")], total, html.Div(className="none"), INK)
        return [html.Div([open_tile, late_tile], className="tiles")]
    unknown = total - sum(counts.get(risk, 0) for risk in risks)
    late_unknown = sum(late.values()) - sum(late.get(risk, 0) for risk in risks)
    shown = html.Div([*tiles, late_tile], className="tiles")
    return [shown, _total(total, unknown, late_unknown)]


def _total(total: int, unknown: int, late: int) -> html.Div:
    """What the tiles add up to, with what has no risk and how much of it is late."""
    parts = [html.Span(["在办 ", _figure(total)])]
    if unknown:
        overdue = ["·超期 ", _figure(late)] if late else []
        parts.append(html.Span(["未定级 ", _figure(unknown), *overdue]))
    is_long = max(map(_length, (unknown, late)), key=len)
    return html.Div(parts, className=f"sum is-parts {is_long}".strip())


def _by_risk(frame: pd.DataFrame) -> dict[str, int]:
    return {row["risk"]: number_of(row["numerator"]) for row in frame.to_dict("records")}


def _risk_tile(risk: str, count: int, late: int) -> html.Div:
    word = f"{label('risk', risk)}色"
    below = html.Div([html.Span("超期 "), _figure(late)], className="late" if late else "none")
    return _tile([shape(risk, word), html.Span(word)], count, below, RISK[risk])


def _late_tile(facts: Facts, late: int, due: int) -> html.Div:
    """What somebody must act on now."""
    day = facts.data_time.date()
    words = on_day(day, "今日到期 ", f"{short_day(day)} 到期 ")
    below = html.Div([words, _figure(due)], className="due")
    return _tile([deadline(), html.Span("超期在办")], late, below, WARN)


def _tile(words: list, count: int, below: html.Div, colour: str) -> html.Div:
    figure = _figure(count)
    return html.Div(
        [
            html.Div(words, className="word"),
            html.Div(figure.children, className=f"kpi {_length(count)}".strip()),
            below,
        ],
        className="tile",
        style={"--mark": colour},
    )


def _figure(count: int) -> html.B:
    return html.B(count_text(count, wall=True), className=_length(count))


def _length(count: int) -> str:
    figures = len(count_text(count, wall=True))
    return "is-longest" if figures > LONGEST else "is-long" if figures > LONG else ""


PANEL = Panel(
    key="open_by_risk",
    title="在办风险",
    question="现在有多少红色事项，多少超期，今天又有多少到期？",
    asks={
        "now": Numbers("open", ("risk",)),
        "overdue": Numbers("overdue_open", ("risk",)),
        "due": Numbers("due_open", days=1),
    },
    draw=draw,
)
