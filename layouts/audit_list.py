"""The audit as a table: who did what to what, when, and whether it was let."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from dash import dcc, html

from access.roles import ROLES
from data.codes import codes, label
from layouts.controls import field
from layouts.tables import table

HEADS = ("序号", "时间", "谁", "做了什么", "对象", "结果", "说明")
WORDS = {  # of ways to sign in, of reasons not to, of browsers, of devices
    **{"password": "口令", "oidc": "单点登录", "code": "验证码", "unknown": "没有这个账号"},
    **{"disabled": "账号停用", "locked": "账号锁定", "address": "同一地址过于频繁"},
    **{"known": "登录过的", "strange": "没有登录过的"},
    **{"wall": "大屏", "remote": "遥控", "alerts": "报送预警"},
}
RESULTS = {"done": "成功", "refused": "被拒绝"}
MOST = 100  # entries on a page


class Part(StrEnum):
    """The ids of the audit page."""

    ACTOR = "audit-actor"
    ACTION = "audit-action"
    SUBJECT = "audit-subject"
    ROWS = "audit-rows"
    OLDER = "audit-older"
    NEWEST = "audit-newest"
    REACHED = "audit-reached"  # the lowest number on screen
    CHECK = "audit-check"
    VERDICT = "audit-verdict"


class Line(NamedTuple):
    """An entry as it is shown; `at` in words of the site's zone, `detail` is JSON."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    result: str
    detail: str


def controls() -> html.Div:
    """What narrows the list, and the two ways through it."""
    actions = [
        {"value": code, "label": row["label"]} for code, row in codes("audit_action").items()
    ]
    return html.Div(
        [
            field("谁", dcc.Input(id=Part.ACTOR, debounce=True, maxLength=80)),
            field("做了什么", dcc.Dropdown(actions, id=Part.ACTION, placeholder="全部")),
            field("对象", dcc.Input(id=Part.SUBJECT, debounce=True, maxLength=200)),
            html.Button("最新", id=Part.NEWEST),
            html.Button("更早", id=Part.OLDER),
            html.Button("检查记录是否完整", id=Part.CHECK),
            html.Span(id=Part.VERDICT, role="status"),
            dcc.Store(id=Part.REACHED),
        ],
        className="tools",
    )


def rows(lines: Sequence[Line]) -> html.Table | html.P:
    """The entries, the newest first; what was refused stands out."""
    if not lines:
        return html.P("没有这样的记录")
    return table(HEADS, [_row(line) for line in lines], numbers=(0,))


def verdict(count: int, problems: Sequence[str]) -> list:
    """What the check of the whole chain found."""
    if not problems:
        return [html.B("完整", className="fine"), f"：{count:,} 条，没有改动、缺失或截去"]
    return [html.B(f"有 {len(problems)} 处问题", className="bad"), f"：{'；'.join(problems[:3])}"]


def _row(line: Line) -> list:
    result = RESULTS.get(line.result, line.result)
    return [
        line.number,
        line.at,
        line.actor,
        label("audit_action", line.action),
        line.subject,
        html.B(result, className="bad") if line.result == "refused" else result,
        _told(line.detail),
    ]


def _told(detail: str) -> str:
    """What else an entry says, in words."""
    said = json.loads(detail)
    return "，".join(
        f"{label('audit_detail', key)} {_word(key, value)}" for key, value in said.items()
    )


def _word(key: str, value: Any) -> Any:
    if key == "role":
        return ROLES[value].name if value in ROLES else value
    return WORDS.get(value, value) if key in ("way", "why", "kind", "browser") else value
