"""一案一码: one case and all that belongs to it, personal values masked until somebody says why."""

from dash import html, register_page

from access.roles import Power
from data.scope import LONGEST_VALUE, Scope
from layouts.case_view import empty
from layouts.shell import page

register_page(
    __name__,
    path_template="/case/<code>",
    name="事项",
    title="智脑 事项",
    order=3,
    powers=(Power.CASES,),
)

POLL_MS = 5000


def layout(code: str = "", **_: str) -> html.Main:
    parts = empty(str(code)[:LONGEST_VALUE])
    return page([html.Div(parts, className="sheet")], Scope().to_json(), POLL_MS, "desk")
