"""审计: who signed in, saw personal data, exported or changed something; is the record whole?"""

from dash import html, register_page

from access.roles import Power
from data.scope import Scope
from layouts import audit_list
from layouts.shell import page

register_page(
    __name__, path="/audit", name="审计", title="智脑 审计", order=7, powers=(Power.AUDIT,)
)

POLL_MS = 5000
SAID = "每条记录都带前一条的校验值，改动、缺失、截去都查得出；保存不少于 180 天，任何人不能删改。"


def layout(**_: str) -> html.Main:
    parts = [
        html.H2("审计"),
        html.P(SAID),
        audit_list.controls(),
        html.Div(id=audit_list.Part.ROWS),
    ]
    return page([html.Div(parts, className="sheet")], Scope().to_json(), POLL_MS, "desk")
