"""Which department is falling behind its deadlines, and how much does it close at all?"""

import pandas as pd
from dash import html

from data.display import part_text
from layouts.marks import bar, nothing, rate_figure
from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import LONG, behind, in_window, known, lowest_rows, target_mark


def draw(facts: Facts, on_time: pd.DataFrame, closure: pd.DataFrame) -> list | html.Div:
    """The departments furthest behind in closing on time, the lowest rate first."""
    departments = known(on_time, "department")
    worst = lowest_rows(on_time, "department")
    if worst.empty:
        return nothing("没有应结满 10 件的部门" if len(departments) else "暂无数据")
    closed = closure.set_index("department")
    late = behind(worst, facts.closure_target).index
    rows = zip(worst.index, worst.to_dict("records"), strict=True)
    shown = [_row(row, closed, facts.closure_target, at in late) for at, row in rows]
    few = len(departments) - departments["is_ranked"].sum()
    note = f"{facts.window}，{few} 个不足 10 件" if few else ""
    return in_window(facts, [_heading(), *shown], None if few else target_mark(facts), note)


def _heading() -> html.Div:
    words = [html.Span("落后五位"), html.Span("按时办结率"), html.Span("办结率")]
    return html.Div(words, className="dep-row dep-head")


def _row(row: dict, closed: pd.DataFrame, target: float | None, is_behind: bool) -> html.Div:
    code = row["department"]
    other = closed.loc[code].to_dict() if code in closed.index else {}
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            html.Div(_rate(row, is_behind), className="rate"),
            html.Div(_rate(other), className="rate other"),
            bar(row["value"], target, "behind" if is_behind else "ok"),
        ],
        className="dep-row",
    )


def _rate(row: dict, is_behind: bool = False) -> list:
    part = part_text(row.get("numerator", 0), row.get("denominator", 0), wall=True)
    size = "is-long" if len(part) > LONG else ""
    return [rate_figure(row.get("text", "—"), is_behind), html.Small(part, className=size)]


PANEL = Panel(
    key="closure_by_department",
    title="部门办结",
    question="哪个部门办得晚？",
    asks={
        "on_time": Numbers("on_time_closure_rate", ("department",)),
        "closure": Numbers("closure_rate", ("department",)),
    },
    draw=draw,
)
