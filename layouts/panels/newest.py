"""What is new: alerts that are in force, then the newest matters, without any personal detail."""

from datetime import date

import pandas as pd
from dash import html

from data.codes import label
from layouts.marks import nothing, shape
from layouts.panel import ROWS_OF_A_LIST, Facts, Listing, Panel

ALERTS_AT_MOST = 2


def draw(facts: Facts, alerts: pd.DataFrame, cases: pd.DataFrame) -> list | html.Div:
    """At most two alerts, then cases, five rows together."""
    today = facts.data_time.date()
    rows = [_alert(row, today) for row in alerts.head(ALERTS_AT_MOST).to_dict("records")]
    room = ROWS_OF_A_LIST - len(rows)
    rows += [_case(row, today) for row in cases.head(room).to_dict("records")]
    return rows or nothing("暂无预警和新事项")


def _alert(row: dict, today: date) -> html.Div:
    words = [html.Span(f"预警 {row['event'] or row['headline'] or ''}"), html.Small(row["place"])]
    return _row(row["signal"], label("signal", row["signal"]), words, moment(row["sent_at"], today))


def _case(row: dict, today: date) -> html.Div:
    words = [html.Span(row["category"]), html.Small(f"{row['place']} · {row['department']}")]
    return _row(row["risk"], label("risk", row["risk"]), words, moment(row["accepted_at"], today))


def _row(risk: str | None, word: str, words: list, at: str) -> html.Div:
    return html.Div(
        [shape(risk, word), html.Div(words, className="words"), html.Time(at)],
        className="feed-row",
    )


def moment(at: pd.Timestamp, today: date) -> str:
    """The time of what happened today, else the day."""
    if pd.isna(at):
        return ""
    return f"{at:%H:%M}" if at.date() == today else f"{at.month}月{at.day}日"


PANEL = Panel(
    key="newest",
    title="最新预警与事项",
    question="刚刚发生了什么？",
    asks={"alerts": Listing("alerts"), "cases": Listing("newest_cases")},
    draw=draw,
)
