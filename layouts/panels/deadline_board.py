"""Which departments have overdue matters, and what falls due today and within two hours?"""

import pandas as pd
from dash import html

from data.display import count_text
from layouts.marks import deadline, nothing, on_day, short_day
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel, number_of
from layouts.rankings import known

HOURS = 2


def draw(
    facts: Facts, overdue: pd.DataFrame, today: pd.DataFrame, soon: pd.DataFrame
) -> list | html.Div:
    """The five departments with most overdue matters, then most due today."""
    board = _board(overdue, today, soon)
    if board.empty:
        return nothing("没有超期和今日到期的事项")
    order = ["overdue", "today", "soon"]
    worst = board.sort_values(order, ascending=False, kind="stable").head(ROWS_OF_A_LIST)
    rows = [
        _row(row["name"], row["overdue"], row["today"], row["soon"])
        for row in worst.to_dict("records")
    ]
    return [_heading(facts), *rows]


def _board(overdue: pd.DataFrame, today: pd.DataFrame, soon: pd.DataFrame) -> pd.DataFrame:
    parts = {"overdue": overdue, "today": today, "soon": soon}
    counts = {name: _counts(frame) for name, frame in parts.items()}
    names = pd.concat([frame[["department", "name"]] for frame in parts.values()])
    board = pd.DataFrame(counts).fillna(0)
    board = board[board.sum(axis=1) > 0]
    return board.assign(name=names.drop_duplicates("department").set_index("department")["name"])


def _counts(frame: pd.DataFrame) -> pd.Series:
    return known(frame, "department").set_index("department")["numerator"].astype(float)


def _heading(facts: Facts) -> html.Div:
    day = facts.data_time.date()
    words = [
        html.Span("部门"),
        html.Span([deadline(), " 超期"]),
        on_day(day, "今日到期", f"{short_day(day)} 到期"),
    ]
    return html.Div([*words, html.Span(f"{HOURS} 小时内")], className="board-row board-head")


def _row(name: str, *counts: float) -> html.Div:
    late, *others = (count_text(number_of(count), wall=True) for count in counts)
    figures = [html.B(late, className="late" if counts[0] else ""), *map(html.B, others)]
    return html.Div([html.Span(name, className="name"), *figures], className="board-row")


PANEL = Panel(
    key="deadline_board",
    title="期限看板",
    note="件，按超期数",
    question="哪些部门有事项超期，今天还有什么到期？",
    asks={
        "overdue": Numbers("overdue_open", ("department",)),
        "today": Numbers("due_open", ("department",), days=1),
        "soon": Numbers("due_open", ("department",), hours_ahead=HOURS),
    },
    draw=draw,
)
