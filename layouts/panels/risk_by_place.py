"""Which places hold most open red and yellow matters?"""

import pandas as pd
from dash import html

from data.codes import label
from data.display import count_text
from layouts.marks import nothing, shape
from layouts.panel import PLACE, ROWS_OF_A_LIST, Facts, Numbers, Panel, number_of
from layouts.rankings import known


def draw(facts: Facts, now: pd.DataFrame) -> list | html.Div:
    """Five places, those with most of the gravest risk first; the lowest risk is left out."""
    risks = list(facts.risks[:-1] or facts.risks)
    rows = known(now[now["risk"].isin(risks)], PLACE)
    if rows.empty:
        return nothing("没有" + "、".join(f"{label('risk', risk)}色" for risk in risks) + "在办")
    counts = rows.pivot_table(
        index=PLACE, columns="risk", values="numerator", aggfunc="sum", fill_value=0
    )
    counts = counts.reindex(columns=risks, fill_value=0).sort_values(
        risks, ascending=False, kind="stable"
    )
    names = _names(rows)
    shown = [_row(names[code], counts.loc[code], risks) for code in counts.index[:ROWS_OF_A_LIST]]
    return [_heading(risks), *shown, _note(now, risks[0])]


def _note(all_open: pd.DataFrame, gravest: str) -> html.Div:
    """What is counted, and how much of the gravest risk lies in none of the places."""
    there = all_open[all_open["risk"] == gravest]
    count = number_of(there.drop(known(there, PLACE).index)["numerator"].sum())
    nowhere = f" · 未落格{label('risk', gravest)} {count_text(count, wall=True)}" if count else ""
    return html.Div(f"在办，件{nowhere}", className="sum")


def _names(rows: pd.DataFrame) -> dict[str, str]:
    return dict(zip(rows[PLACE], rows["name"], strict=True))


def _heading(risks: list[str]) -> html.Div:
    words = [
        html.Span([shape(risk, label("risk", risk)), f" {label('risk', risk)}"]) for risk in risks
    ]
    return html.Div([html.Span("区域"), *words], className="board-row board-head")


def _row(name: str, counts: pd.Series, risks: list[str]) -> html.Div:
    figures = [html.B(count_text(number_of(counts[risk]), wall=True)) for risk in risks]
    return html.Div([html.Span(name, className="name"), *figures], className="board-row")


PANEL = Panel(
    key="risk_by_place",
    title="风险区域",
    question="红色、黄色事项集中在哪里？",
    asks={"now": Numbers("open", ("risk", PLACE))},
    draw=draw,
)
