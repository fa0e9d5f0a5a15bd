"""Which departments lag in closing on time, and in what else?"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from dash import html

from data.display import count_text
from layouts.marks import bar, nothing, rate_figure
from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import (
    LONG,
    NONE_RANKED,
    Mark,
    behind,
    in_window,
    known,
    lowest_rows,
    missed,
    overall_mark,
    part_of,
    target_mark,
)


@dataclass(frozen=True)
class Measured:
    """A measure of every department, and of all together."""

    word: str
    rows: pd.DataFrame  # indexed by department
    overall: float | None
    is_good: bool  # the more the better

    def cell(self, code: str) -> html.Div:
        """The figure of a department, bright where it is worse than that of all."""
        if code not in self.rows.index:
            return html.Div([html.B("—"), html.Small(self.word)], className="figure is-fair")
        row: dict[Hashable, Any] = self.rows.loc[code].to_dict()
        kind = "is-worse" if self._is_worse(row) else "is-fair"
        part = part_of(row["numerator"], row["denominator"])
        small = html.Small(f"{self.word} {part}", className="is-long" if len(part) > LONG else "")
        return html.Div([html.B(row["text"]), small], className=f"figure {kind}")

    def _is_worse(self, row: dict[Hashable, Any]) -> bool:
        """Beyond chance, of rates; a median has no interval here."""
        if self.overall is None or not row["is_ranked"]:
            return False
        value = row["value"]
        if self.is_good:
            return bool(row["at_most"] < self.overall)
        least = row["at_least"]
        return bool((value if pd.isna(least) else least) > self.overall)


def draw(
    facts: Facts,
    on_time: pd.DataFrame,
    all_on_time: pd.DataFrame,
    **others: pd.DataFrame,
) -> list | html.Div:
    """The five with the lowest 按时办结率; of each its missed deadlines, and how it does in what
    else is measured of departments."""
    ranked = lowest_rows(on_time, "department")
    if ranked.empty:
        return nothing(NONE_RANKED if len(known(on_time, "department")) else "暂无数据")
    mark = target_mark(facts) or overall_mark(all_on_time)
    late = behind(ranked, facts.closure_target).index
    measures = [_measured(*told, **others) for told in OTHERS]
    rows = zip(ranked.index, ranked.to_dict("records"), missed(ranked), strict=True)
    shown = [_row(row, late_count, mark, at in late, measures) for at, row, late_count in rows]
    return in_window(facts, shown, mark, f"{facts.window} · 亮字明显差于全体")


OTHERS = (
    ("办结", "closure", True),
    ("超期", "overdue", False),
    ("周期", "duration", False),
)


def _measured(word: str, key: str, is_good: bool, **frames: pd.DataFrame) -> Measured:
    overall = overall_mark(frames[f"all_{key}"])
    rows = frames[key].set_index("department")
    return Measured(word, rows, overall.value if overall else None, is_good)


def _row(
    row: dict, late_count: float, mark: Mark | None, is_behind: bool, measures: list[Measured]
) -> html.Div:
    part = part_of(row["numerator"], row["denominator"])
    on_time = [rate_figure(row["text"], is_behind), html.Small(f"按时 {part}")]
    figures = [
        html.Div(on_time, className="figure is-worse"),
        *(each.cell(row["department"]) for each in measures),
    ]
    kind = "behind" if is_behind else "ok"
    missing = ["误期 ", html.B(count_text(late_count, wall=True)), " 件"]
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            html.Span(missing, className="missed"),
            bar(row["value"], mark.value if mark else None, kind),
            html.Div(figures, className="figures"),
        ],
        className="list-row lagging-row",
    )


PANEL = Panel(
    key="lagging_departments",
    title="落后部门",
    question="哪些部门最不守时，还差在哪里？",
    asks={
        "on_time": Numbers("on_time_closure_rate", ("department",)),
        "all_on_time": Numbers("on_time_closure_rate"),
        "closure": Numbers("closure_rate", ("department",)),
        "all_closure": Numbers("closure_rate"),
        "overdue": Numbers("overdue_open_rate", ("department",)),
        "all_overdue": Numbers("overdue_open_rate"),
        "duration": Numbers("handling_hours_median", ("department",)),
        "all_duration": Numbers("handling_hours_median"),
    },
    draw=draw,
)
