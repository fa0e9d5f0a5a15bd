"""Which department is falling behind its deadlines, and how much does it close at all?"""

import pandas as pd
from dash import html

from data.display import part_text
from layouts.marks import bar, nothing
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel

LONG = 11  # figures of n/d; longer ones take room from the names


def draw(facts: Facts, on_time: pd.DataFrame, closure: pd.DataFrame) -> list | html.Div:
    """The departments furthest behind in closing on time; those under ten cases are not ranked.

    Chosen by the upper end of the interval, so that bad luck with few cases accuses nobody (12/14
    may still be 96 %), and shown by the rate."""
    known = on_time[on_time["department"].notna() & (on_time["department"] != "-")]
    ranked = known[known["is_ranked"]]
    worst = ranked.nsmallest(ROWS_OF_A_LIST, "at_best", keep="first").sort_values(
        "value", kind="stable"
    )
    if worst.empty:
        return nothing("没有应结满 10 件的部门" if len(known) else "暂无数据")
    closed = closure.set_index("department")
    rows = [_row(row, closed, facts.closure_target) for row in worst.to_dict("records")]
    return [_heading(), *rows, _scope(facts, len(known) - len(ranked))]


def _heading() -> html.Div:
    words = [html.Span("落后五位"), html.Span("按时办结率"), html.Span("办结率")]
    return html.Div(words, className="dep-row dep-head")


def _scope(facts: Facts, unranked: int) -> html.Div:
    """Beside the title: the window, and how many departments are too small for a rank."""
    few = f"{unranked} 个不足 10 件" if unranked else ""
    return html.Div("，".join(filter(None, (facts.window, few))), className="sum")


def _row(row: dict, closed: pd.DataFrame, target: float | None) -> html.Div:
    """Behind is only who is so beyond chance: whose whole interval lies below the target."""
    code = row["department"]
    other = closed.loc[code].to_dict() if code in closed.index else {}
    is_behind = target is not None and row["at_best"] < target
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            html.Div(_rate(row), className="rate behind" if is_behind else "rate"),
            html.Div(_rate(other), className="rate other"),
            bar(row["value"], target, "warn" if is_behind else "ok"),
        ],
        className="dep-row",
    )


def _rate(row: dict) -> list:
    part = part_text(row.get("numerator", 0), row.get("denominator", 0), wall=True)
    size = "is-long" if len(part) > LONG else ""
    return [html.B(row.get("text", "—")), html.Small(part, className=size)]


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
