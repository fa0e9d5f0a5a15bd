"""What arrived last, and what became of each of its rows?"""

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import Facts, Listing, Panel
from layouts.panels.batch_balance import PARTS
from layouts.tables import table, whole

HEADS = ("时间", "来源", "文件", "读入", "新增", "更新", "未变", "重复", "过时", "隔离", "结果")
MOST = 12


def draw(facts: Facts, batches: pd.DataFrame) -> html.Table | html.Div:
    """One row a batch, newest first; a refused one with its reason."""
    if batches.empty:
        return nothing("还没有装载过数据")
    return table(HEADS, [_row(row) for row in batches.to_dict("records")], numbers=range(3, 10))


def _row(row: dict) -> list:
    reason = row["reason"] if isinstance(row["reason"], str) else ""
    return [
        f"{row['read_at']:%m-%d %H:%M}",
        row["title"],
        row["member"],
        whole(row["rows_in"]),
        *(whole(row[part]) for part in PARTS),
        html.B(f"拒收：{reason}") if row["state"] == "refused" else "已装载",
    ]


PANEL = Panel(
    key="recent_batches",
    title="最近批次",
    note="每批：读入 = 其后六项之和",
    question="最近送来了什么，去了哪里？",
    asks={"batches": Listing("batches", limit=MOST)},
    draw=draw,
)
