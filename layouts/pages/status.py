"""运行状态: does everything work, and what is to be done where it does not?"""

from dash import html, register_page

from access.roles import Power
from data.scope import Scope
from layouts.shell import page
from layouts.status_board import Part

register_page(
    __name__, path="/status", name="状态", title="智脑 运行状态", order=8, powers=(Power.STATUS,)
)

POLL_MS = 5000


def layout(**_: str) -> html.Main:
    parts = [
        html.H2(["运行状态　", html.Span(id=Part.TOLD, role="status")]),
        html.Div(id=Part.FACTS),
    ]
    return page([html.Div(parts, className="sheet")], Scope().to_json(), POLL_MS, "desk")
