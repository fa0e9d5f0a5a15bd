"""Is every source delivering as it promised?"""

import json

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import Facts, Listing, Panel
from layouts.tables import table, whole

STATES = {"ok": "正常", "refused": "被拒收", "failed": "失败", "never": "从未到达"}
HEADS = ("来源", "约定间隔", "最近成功", "最新数据", "行数", "状态")


def draw(facts: Facts, sources: pd.DataFrame) -> html.Table | html.Div:
    """One row a source; a column that its declaration does not know is reported beside it."""
    if sources.empty:
        return nothing("还没有登记数据源")
    rows = [_row(row) for row in sources.to_dict("records")]
    return table(HEADS, rows, numbers=(4,))


def _row(row: dict) -> list:
    return [
        [html.B(row["title"]), *_new_columns(row["new_columns"])],
        _every(row["expected_every"]),
        _moment(row["last_success_at"]),
        _moment(row["last_data_at"]),
        whole(row["rows"]),
        [STATES.get(row["state"], row["state"]), *_because(row["reason"])],
    ]


def _new_columns(names: str | None) -> list:
    """Columns that the source's declaration does not know, reported the day they appear."""
    found = json.loads(names) if isinstance(names, str) and names else []
    return [html.Small(f"　新增列 {'、'.join(found)}")] if found else []


def _because(reason: str | None) -> list:
    return [f"：{reason}"] if isinstance(reason, str) and reason else []


def _every(seconds: float | None) -> str:
    if seconds is None or seconds != seconds:
        return "无约定"
    hours = seconds / 3600
    return f"{hours:g} 小时" if hours < 48 else f"{hours / 24:g} 天"


def _moment(at: pd.Timestamp | None) -> str:
    return "—" if pd.isna(at) else f"{at:%Y-%m-%d %H:%M}"


PANEL = Panel(
    key="source_freshness",
    title="数据源",
    note="发布时的状态；当前的在页眉",
    question="各来源是否按约定送达？",
    asks={"sources": Listing("sources", limit=0)},
    draw=draw,
)
