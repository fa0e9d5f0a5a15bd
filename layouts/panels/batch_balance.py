"""Is every delivered row accounted for?"""

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import Facts, Listing, Panel
from layouts.tables import table, whole

PARTS = ("loaded", "updated", "unchanged", "duplicate", "stale", "quarantined")
HEADS = ("来源", "批次", "读入", "新增", "更新", "未变", "重复", "过时", "隔离", "平衡", "最近一批")


def draw(facts: Facts, balance: pd.DataFrame) -> html.Table | html.Div:
    """Rows in = the six that follow; a source whose balance does not close says by how much."""
    if balance.empty:
        return nothing("还没有装载过数据")
    rows = [_row(row) for row in balance.to_dict("records")]
    return table(HEADS, [*rows, _row(_sum(balance))], numbers=range(1, 9))


def _sum(balance: pd.DataFrame) -> dict:
    counted = balance[["members", "rows_in", *PARTS, "refused"]].sum().to_dict()
    return {**counted, "title": "合计", "read_at": balance["read_at"].max()}


def _row(row: dict) -> list:
    gap = int(row["rows_in"]) - sum(int(row[part]) for part in PARTS)
    closes = html.Span("✓ 相等", className="fine") if not gap else html.B(f"差 {gap:,} 行")
    refused = f"（拒收 {int(row['refused'])}）" if row["refused"] else ""
    return [
        html.B(row["title"]),
        f"{whole(row['members'])}{refused}",
        whole(row["rows_in"]),
        *(whole(row[part]) for part in PARTS),
        closes,
        "—" if pd.isna(row["read_at"]) else f"{row['read_at']:%Y-%m-%d %H:%M}",
    ]


PANEL = Panel(
    key="batch_balance",
    title="批次平衡",
    note="读入 = 新增 + 更新 + 未变 + 重复 + 过时 + 隔离",
    question="送来的每一行都有着落吗？",
    asks={"balance": Listing("balance", limit=0)},
    draw=draw,
)
