"""Which departments missed most deadlines?"""

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel
from layouts.rankings import count_row, in_window, known, missed, total_text


def draw(facts: Facts, on_time: pd.DataFrame, overall: pd.DataFrame) -> list | html.Div:
    """The five with most, however large they are, and how many all together missed."""
    rows = known(on_time, "department")
    late = rows.assign(missed=missed(rows))
    late = late[late["missed"] > 0].sort_values("missed", ascending=False, kind="stable")
    if late.empty:
        return nothing("没有误期的" if len(rows) else "暂无数据")
    most = int(late["missed"].max())
    shown = late.head(ROWS_OF_A_LIST).to_dict("records")
    drawn = [count_row(row["name"], row["missed"], most, kind="warn") for row in shown]
    note = f"{facts.window}，共 {total_text(missed(overall))} 件"
    return in_window(facts, drawn, note=note)


PANEL = Panel(
    key="missed_by_department",
    title="误期最多",
    question="到期没有按时办结的，多在哪些部门？",
    asks={
        "on_time": Numbers("on_time_closure_rate", ("department",)),
        "overall": Numbers("on_time_closure_rate"),
    },
    draw=draw,
)
