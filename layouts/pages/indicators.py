"""指标口径: what every number means and how it is computed, built from the declarations."""

from dash import html, register_page

from access.roles import Power
from data.indicators import INDICATORS, Count, Indicator
from data.scope import Scope
from layouts.shell import page

register_page(
    __name__,
    path="/indicators",
    name="指标口径",
    title="智脑 指标口径",
    order=5,
    powers=(Power.FIGURES, Power.CASES),
)

POLL_MS = 5000
KINDS = {"count": "计数", "rate": "比率", "quantile": "分布", "per_population": "人均"}
TABLES = {"cases": "事项", "steps": "流转", "follow_ups": "回访", "evaluations": "评价"}
CLOCKS = {
    "accepted_at": "受理时间",
    "reported_at": "登记时间",
    "closed_at": "办结时间",
    "due_at": "办理期限",
    "responded_at": "首次响应时间",
    "step_at": "流转时间",
    "watched_until": "化解满 90 日",
    "follow_up_due_at": "应回访时间",
    "evaluated_at": "评价时间",
    "stock(as_of)": "截止时点的存量",
    "stock(since)": "期初的存量",
}
HEADS = ("编号", "指标", "单位", "类型", "含义", "归期", "键", "算例")


def layout(**_: str) -> html.Main:
    head = html.Thead(html.Tr([html.Th(name) for name in HEADS]))
    rows = [_row(indicator) for indicator in INDICATORS.values()]
    parts = [
        html.H2("指标口径"),
        html.P(
            "每个指标只定义一次；大屏、报告和命令行的数都由这些定义算出。率由分子合计除以分母合计，不取平均。"
        ),
        html.Table([head, html.Tbody(rows)], className="table"),
    ]
    return page([html.Div(parts, className="sheet")], Scope().to_json(), POLL_MS, "desk")


def _row(indicator: Indicator) -> html.Tr:
    return html.Tr(
        [
            html.Td(indicator.id),
            html.Td(html.B(indicator.name), className="short"),
            html.Td(indicator.unit),
            html.Td(KINDS[indicator.kind]),
            html.Td([indicator.meaning, _formula(indicator)], className="wide"),
            html.Td(_clock(indicator.numerator), className="short"),
            html.Td(html.Code(indicator.key)),
            html.Td(_example(indicator), className="short"),
        ],
        id=f"indicator-{indicator.key}",
    )


def _formula(indicator: Indicator) -> html.Details:
    """The declared conditions, for whoever wants to check them."""
    lines = [html.Div(["分子 ", html.Code(_condition(indicator.numerator))])]
    for count in indicator.denominator:
        lines.append(html.Div(["分母 ", html.Code(_condition(count))]))
    return html.Details([html.Summary("算法"), *lines])


def _condition(count: Count) -> str:
    return f"{TABLES[count.table]} · {_clock(count)} · {count.where}"


def _clock(count: Count) -> str:
    return CLOCKS.get(count.at, count.at)


def _example(indicator: Indicator) -> str:
    """What the worked example gives; the tests compute it from its rows."""
    rows, answer = indicator.example
    if answer is None:
        return "—"
    shown = f"{100 * answer:.1f}%" if indicator.kind == "rate" else f"{answer:g}"
    return f"{len(rows)} 件 → {shown}"
