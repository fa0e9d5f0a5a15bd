"""事项: which cases stand behind a number, and how is each of them?"""

from dash import html, register_page

from access.roles import Power
from data.scope import Scope
from layouts import case_list
from layouts.case_list import Part
from layouts.shell import page

register_page(
    __name__, path="/cases", name="事项", title="智脑 事项", order=2, powers=(Power.CASES,)
)

POLL_MS = 5000


def layout(**_: str) -> html.Main:
    parts = [
        html.H2("事项"),
        case_list.controls(),
        html.Div(
            [html.Span(id=Part.TOLD, role="status"), html.Span(id=Part.EXPORT)], className="tools"
        ),
        html.Div(id=Part.ROWS),
    ]
    return page([html.Div(parts, className="sheet")], Scope().to_json(), POLL_MS, "desk")
