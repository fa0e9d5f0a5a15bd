"""账号与设备: who may do what here, who is signed in, and which devices are let in."""

from dash import dcc, html, register_page

from access.roles import Power
from data.scope import Scope
from layouts import account_list
from layouts.account_list import Part
from layouts.shell import page

register_page(
    __name__, path="/accounts", name="账号", title="智脑 账号", order=6, powers=(Power.ACCOUNTS,)
)

POLL_MS = 5000
KINDS = {"wall": "大屏（只读）", "remote": "遥控大屏、确认预警", "alerts": "报送预警"}


def layout(**_: str) -> html.Main:
    parts = [
        html.Div(id=Part.TOLD, role="status", className="answer-line"),
        dcc.Store(id=Part.CHANGED, data=0),
        html.H2("账号"),
        account_list.account_form(),
        html.Div(id=Part.ACCOUNTS),
        account_list.roles(),
        html.H2("正在登录"),
        html.Div(id=Part.SESSIONS),
        html.H2("设备"),
        account_list.new_device(KINDS),
        html.Div(id=Part.DEVICES),
    ]
    return page([html.Div(parts, className="sheet")], Scope().to_json(), POLL_MS, "desk")
