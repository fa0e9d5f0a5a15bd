"""What is new: alerts that are in force, then the newest matters, without any personal detail."""

from datetime import date

import pandas as pd
from dash import html

from layouts.marks import (
    day_words,
    flag,
    nothing,
    on_day,
    risk_word,
    shape,
    short_day,
    signal_word,
    stamp,
)
from layouts.panel import Facts, Listing, Panel

ROWS, ALERTS_AT_MOST = 4, 2  # the ticker steps through more
CLOCKED = ("second", "minute", "hour")  # precisions, codes/precision.csv, that have a time of day


def draw(facts: Facts, alerts: pd.DataFrame, cases: pd.DataFrame) -> list:
    """At most two alerts, then cases, four rows together: wall.css hides the cases for which alerts
    leave no room. The browser puts alerts of now in place of the edition's (assets/live.js)."""
    today = facts.data_time.date()
    known = [_alert(row, today) for row in alerts.head(ALERTS_AT_MOST).to_dict("records")]
    newest = [_case(row, today) for row in cases.head(ROWS).to_dict("records")]
    return [
        html.Div(className="feed-live", **{"data-show": "latest-alerts"}),  # type: ignore[arg-type]
        html.Div(known, className="feed-known", **{"data-rows": str(len(known))}),  # type: ignore[arg-type]
        *(newest or [nothing("暂无预警和新事项")]),
    ]


def _alert(row: dict, today: date) -> html.Div:
    what = f"{row['event'] or row['headline'] or ''} {signal_word(row['signal'])}"
    words = [html.Span([*stamp(row["status"]), what]), html.Small(row["place"])]
    return _row(flag(row["signal"]), words, _time(row["sent_at"], today), "is-alert")


def _case(row: dict, today: date) -> html.Div:
    risk = risk_word(row["risk"])
    what = html.Span(f"{row['category']} · {risk}")
    words = [what, html.Small(f"{row['place']} · {row['department']}")]
    at = _time(row["accepted_at"], today, row["precision"])
    return _row(shape(row["risk"], risk), words, at)


def _row(mark: html.Img, words: list, at: html.Time, kind: str = "") -> html.Div:
    parts = [mark, html.Div(words, className="words"), at]
    return html.Div(parts, className=f"feed-row {kind}".strip())


def _time(at: pd.Timestamp, today: date, precision: str = "second") -> html.Time:
    """The time alone of what happened on the data's day, as long as that is today."""
    if pd.isna(at) or precision not in CLOCKED:
        return html.Time(moment(at, precision))
    dated = f"{short_day(at)} {at:%H:%M}"
    return (
        on_day(today, f"{at:%H:%M}", dated, html.Time) if at.date() == today else html.Time(dated)
    )


def moment(at: pd.Timestamp, precision: str = "second") -> str:
    """The day and, where the source gave one, the time."""
    if pd.isna(at):
        return ""
    return f"{day_words(at)} {at:%H:%M}" if precision in CLOCKED else day_words(at)


PANEL = Panel(
    key="newest",
    title="最新预警与事项",
    question="刚刚发生了什么？",
    asks={"alerts": Listing("alerts"), "cases": Listing("newest_cases")},
    draw=draw,
)
