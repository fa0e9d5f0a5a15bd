"""The cases as a list: what is open, or was accepted, narrowed by place, department and kind."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from dash import dcc, html

from data.codes import codes
from layouts.controls import field
from layouts.marks import shape
from layouts.tables import table

HEADS = ("事项编码", "受理", "类别", "标题", "地点", "部门", "风险", "状态", "时限", "督办灯")
KINDS = {"open": "未办结", "accepted": "已受理", "closed": "期内办结"}  # keys of indicators
MOST = 100  # on a page
LONGEST_TITLE = 40  # characters


class Part(StrEnum):
    """The ids of the page of cases."""

    KIND = "cases-kind"
    SINCE = "cases-since"
    UNTIL = "cases-until"
    REGION = "cases-region"
    DEPARTMENT = "cases-department"
    CATEGORY = "cases-category"
    RISK = "cases-risk"
    TOLD = "cases-told"
    ROWS = "cases-rows"
    EXPORT = "cases-export"


def controls() -> html.Div:
    """What narrows the list; regions, departments and categories are offered by the callback."""
    kinds = [{"value": key, "label": word} for key, word in KINDS.items()]
    risks = [{"value": code, "label": row["label"]} for code, row in codes("risk").items()]
    return html.Div(
        [
            field("事项", dcc.Dropdown(kinds, "open", id=Part.KIND, clearable=False)),
            field("起", _day(Part.SINCE)),
            field("止（不含）", _day(Part.UNTIL)),
            field("区域", dcc.Dropdown(id=Part.REGION, placeholder="全部")),
            field("部门", dcc.Dropdown(id=Part.DEPARTMENT, placeholder="全部")),
            field("类别", dcc.Dropdown(id=Part.CATEGORY, placeholder="全部")),
            field("风险", dcc.Dropdown(risks, id=Part.RISK, placeholder="全部")),
        ],
        className="tools",
    )


def rows(cases: Sequence[dict[str, Any]]) -> html.Table | html.P:
    """One row a case, as callbacks/list_cases.py words them."""
    if not cases:
        return html.P("没有这样的事项")
    return table(HEADS, [_row(case) for case in cases], ())


def exports(query: str) -> list:
    """Where the list can be taken away as a file."""
    return [
        html.A("导出 Excel", href=f"/export/cases.xlsx?{query}", className="button"),
        html.A("导出 CSV", href=f"/export/cases.csv?{query}", className="button"),
    ]


def _row(case: dict[str, Any]) -> list:
    title = case["title"] or ""
    return [
        html.A(case["case_code"], href=f"/case/{case['case_code']}"),
        case["accepted"],
        case["category"],
        title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE]}…",
        case["place"],
        case["department"],
        [shape(case["risk"]), " ", case["risk_word"]],
        case["status"],
        case["due"],
        case["lamp"],
    ]


def _day(part: Part) -> dcc.Input:
    return dcc.Input(id=part, placeholder="2026-11-01", maxLength=16, size="10", debounce=True)
