"""One case on one page 一案一码: what it is, who is concerned, what was done, and until when."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from dash import dcc, html

from data.codes import label
from layouts.controls import Act
from layouts.marks import shape
from layouts.tables import table

PEOPLE = {"name": "姓名", "phone": "联系电话", "id_number": "证件号码", "address": "住址"}
LONG = ("title", "summary", "place_text", "extra")  # told below the facts
PARTY_HEADS = ("序号", "身份", *PEOPLE.values(), "其他事项")
STEP_HEADS = ("序号", "时间", "环节", "部门", "说明")
LEAST_REASON = 4  # characters
NOT_THERE = "没有这个事项，或不在您能看的范围内"


class Part(StrEnum):
    """The ids of the page of a case."""

    CODE = "case-code"
    SHOWN = "case-shown"
    REASON = "case-reason"
    CLEAR = "case-clear"
    UNMASK = "case-unmask"


def empty(code: str) -> list:
    """The page before its case has come."""
    reason = html.Label(
        [
            html.Span("看明文的理由：先写在这里，再点“明文”；谁看了什么、为什么，都记入审计"),
            dcc.Input(id=Part.REASON, maxLength=200, autoComplete="off"),
        ]
    )
    told = html.Div(id=Part.CLEAR, role="status", className="answer-line")
    return [
        dcc.Store(id=Part.CODE, data=code),
        html.Div([reason, told], id=Part.UNMASK, hidden=True, className="tools unmask"),
        html.Div(id=Part.SHOWN, className="case"),
    ]


def case_view(found: Any, labels: dict[str, str], may_unmask: bool) -> list:
    """The page of a data.case_file.CaseFile; `labels` are what its fields are called. Beside what
    is masked stands a button for whoever may see it."""
    button = _button if may_unmask else (lambda _: "")
    covered = found.covered
    return [
        _head(found),
        html.Div(
            [
                _texts(found, labels, button),
                *_section("当事人", _parties(found.parties, covered, button)),
                *_section("流转", _steps(found.steps, covered, button)),
                *_section("回访与评价", _aftercare(found)),
            ],
            className="case-told",
        ),
        html.Aside(_section("登记情况", _facts(found, labels))),
    ]


def clear(name: str, value: str | None) -> list:
    """A value that was asked for, with what it is."""
    return [html.Span(f"{name}："), html.Code(value if value else "没有内容", className="secret")]


def _head(found: Any) -> html.Div:
    case = found.case
    lamp = label("lamp", found.lamp) if found.lamp != "-" else None
    return html.Div(
        [
            html.H2(f"{case['category'] or '未分类'}　{found.case_code}"),
            html.Span([shape(found.values["risk"]), case["risk"] or "未定级"]),
            html.Span(case["status"] or ""),
            html.Span(_deadline(found, lamp)),
            html.Small(f"截至 {found.as_of:%Y-%m-%d %H:%M}"),
        ],
        className="case-head",
    )


def _deadline(found: Any, lamp: str | None) -> str:
    due = found.case["due_at"]
    if due is None:
        return "没有办结时限"
    return f"时限 {due}{f'（{lamp}）' if lamp else ''}"


def _facts(found: Any, labels: dict[str, str]) -> html.Dl:
    """What is known of it, without the long texts; what is not known is left out."""
    known = [
        (labels[key], value)
        for key, value in found.case.items()
        if key in labels and key not in LONG and value is not None
    ]
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in known])


def _texts(found: Any, labels: dict[str, str], button: Any) -> html.Div:
    parts = []
    for key in LONG:
        if (value := found.case.get(key)) is not None:
            covered = [button(key)] if key in found.covered else []
            parts.append(html.H3([labels[key], *covered]))
            parts.append(html.P(value, className="text"))
    return html.Div(parts or html.P("没有文字记录"), className="texts")


def _parties(parties: Sequence[Any], covered: frozenset[str], button: Any) -> Any:
    if not parties:
        return html.P("没有登记当事人")
    rows = [
        [
            party.number,
            [party.role, html.B("（未成年人）") if party.is_minor else ""],
            *(
                [
                    getattr(party, name) or "—",
                    button(f"parties.{party.number}.{name}")
                    if f"parties.{party.number}.{name}" in covered
                    else "",
                ]
                for name in PEOPLE
            ),
            [html.A(code, href=f"/case/{code}") for code in party.elsewhere] or "—",
        ]
        for party in parties
    ]
    return table(PARTY_HEADS, rows, (0,))


def _steps(steps: Sequence[Any], covered: frozenset[str], button: Any) -> Any:
    if not steps:
        return html.P("没有流转记录")
    rows = [
        [
            step.seq,
            _moment(step.at),
            step.kind_name,
            step.department or "",
            [step.note or "", button(key) if (key := f"steps.{step.seq}.note") in covered else ""],
        ]
        for step in steps
    ]
    return table(STEP_HEADS, rows, (0,))


def _aftercare(found: Any) -> Any:
    rows = [
        ["回访", _moment(each.done_at or each.due_at), each.result or "未回访", each.way or ""]
        for each in found.follow_ups
    ]
    rows += [["评价", _moment(each.at), each.satisfaction, ""] for each in found.evaluations]
    return table(("", "时间", "结果", "方式"), rows, ()) if rows else html.P("没有回访和评价")


def _section(title: str, content: Any) -> tuple:
    return html.H3(title), content


def _moment(at: datetime) -> html.Time:
    return html.Time(f"{at:%Y-%m-%d %H:%M}")


def _button(field: str) -> html.Button:
    return html.Button("明文", id={"type": Act.UNMASK.value, "index": field}, className="unmask")
