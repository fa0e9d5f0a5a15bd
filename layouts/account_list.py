"""Accounts, who is signed in, and devices, as an administrator sees and changes them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from dash import dcc, html

from access.roles import ROLES, WORDS
from layouts.controls import Act, field
from layouts.tables import table

ACCOUNT_HEADS = ("账号", "称呼", "岗位", "范围", "两步登录", "单点登录", "状态", "操作")
SESSION_HEADS = ("账号", "登录", "最近操作", "地址", "方式", "处数", "操作")
DEVICE_HEADS = ("名称", "种类", "限于", "登记", "最近使用", "状态", "操作")
WAYS = {"password": "口令", "oidc": "单点登录"}


class Part(StrEnum):
    """The ids of the page of accounts."""

    TOLD = "accounts-told"
    CHANGED = "accounts-changed"  # a number that grows with every change
    ACCOUNTS = "accounts-list"
    SESSIONS = "accounts-sessions"
    DEVICES = "accounts-devices"
    NAME = "account-name"
    SHOWN = "account-shown"
    ROLE = "account-role"
    REGIONS = "account-regions"
    DEPARTMENTS = "account-departments"
    SUBJECT = "account-subject"
    LOADED = "account-loaded"  # whose fields these are, and as of when
    ADD = "account-add"
    SAVE = "account-save"
    KIND = "device-kind"
    DEVICE = "device-name"
    PLACES = "device-regions"
    SENDERS = "device-senders"
    REGISTER = "device-add"


class AccountLine(NamedTuple):
    """An account as it is shown."""

    name: str
    shown: str
    role: str
    within: str
    has_totp: bool
    is_disabled: bool
    is_locked: bool
    is_demo: bool
    is_bound: bool


class SessionLine(NamedTuple):
    """Where an account is signed in: the newest session, and how many there are; times in words."""

    account: str
    begun: str
    seen: str
    address: str
    way: str
    count: int


class DeviceLine(NamedTuple):
    """A device, revoked ones too; times in words."""

    name: str
    kind: str
    limits: str
    added: str
    seen: str
    is_revoked: bool


def account_form() -> html.Div:
    """What an account is made of, a new one or one that is changed; regions and departments are
    offered by the callback."""
    roles = [{"value": role.key, "label": role.name} for role in ROLES.values()]
    return html.Div(
        [
            field("账号", dcc.Input(id=Part.NAME, maxLength=40, placeholder="小写字母开头")),
            field("称呼", dcc.Input(id=Part.SHOWN, maxLength=40)),
            field("岗位", dcc.Dropdown(roles, id=Part.ROLE)),
            field("只看区域", dcc.Dropdown(id=Part.REGIONS, multi=True, placeholder="不限")),
            field("只看部门", dcc.Dropdown(id=Part.DEPARTMENTS, multi=True, placeholder="不限")),
            field("统一身份", dcc.Input(id=Part.SUBJECT, placeholder="签发方地址 用户标识")),
            html.Button("建立账号", id=Part.ADD, className="is-main"),
            html.Button("保存修改", id=Part.SAVE),
            dcc.Store(id=Part.LOADED),
        ],
        className="tools",
    )


def new_device(kinds: dict[str, str]) -> html.Div:
    """What a new device needs; `kinds` are those there are, with their words."""
    offered = [{"value": kind, "label": word} for kind, word in kinds.items()]
    return html.Div(
        [
            field("名称", dcc.Input(id=Part.DEVICE, maxLength=40, placeholder="不写人名")),
            field("种类", dcc.Dropdown(offered, id=Part.KIND)),
            field("大屏只看", dcc.Dropdown(id=Part.PLACES, multi=True, placeholder="不限")),
            field("只代表 sender", dcc.Input(id=Part.SENDERS, placeholder="不限；空格分开")),
            html.Button("登记设备", id=Part.REGISTER, className="is-main"),
        ],
        className="tools",
    )


def roles() -> html.Details:
    """What each role may do."""
    lines = [
        [role.name, "、".join(WORDS[power] for power in WORDS if power in role.powers), _must(role)]
        for role in ROLES.values()
    ]
    return html.Details(
        [html.Summary("各岗位能做什么"), table(("岗位", "能做的事", "范围"), lines, ())]
    )


def _must(role) -> str:
    return "必须指定区域或部门" if role.is_limited else "不指定即全域"


def accounts(lines: Sequence[AccountLine]) -> html.Table:
    """All accounts, those in use first."""
    ordered = sorted(lines, key=lambda line: (line.is_disabled, line.name))
    return table(ACCOUNT_HEADS, [_account(line) for line in ordered], ())


def sessions(lines: Sequence[SessionLine]) -> html.Table | html.P:
    """Who is signed in."""
    if not lines:
        return html.P("没有人登录")
    rows = [
        [*line[:4], WAYS.get(line.way, line.way), line.count, _act(Act.END, line.account, "退出")]
        for line in lines
    ]
    return table(SESSION_HEADS, rows, ())


def devices(lines: Sequence[DeviceLine]) -> html.Table | html.P:
    """All devices, those in use first."""
    if not lines:
        return html.P("没有登记过设备")
    ordered = sorted(lines, key=lambda line: line.is_revoked)
    return table(DEVICE_HEADS, [_device(line) for line in ordered], ())


def secret(told: str, value: str) -> list:
    """What was made, with the word that is shown this once."""
    once = "只显示这一次，请当面交给本人"
    return [html.Span(told), html.Code(value, className="secret"), html.Span(once)]


def _account(line: AccountLine) -> list:
    state = "停用" if line.is_disabled else "已锁定" if line.is_locked else "在用"
    acts = (
        [_act(Act.ENABLE, line.name, "启用")]
        if line.is_disabled
        else [
            html.Button("修改", id={"type": Act.EDIT.value, "index": line.name}, n_clicks=0),
            *([_act(Act.UNLOCK, line.name, "解锁")] if line.is_locked else []),
            _act(Act.RESET, line.name, "重置口令", f"重置 {line.name} 的口令？原口令立即失效。"),
            *([_act(Act.DROP_TOTP, line.name, "停两步")] if line.has_totp else []),
            _act(Act.DISABLE, line.name, "停用", f"停用 {line.name}？该账号立即退出。"),
        ]
    )
    name = [line.name, html.Small("　演示")] if line.is_demo else line.name
    two = "已开通" if line.has_totp else "—"
    single = "已绑定" if line.is_bound else "—"
    shown = html.B(state, className="bad") if state != "在用" else state
    return [
        name,
        line.shown,
        line.role,
        line.within,
        two,
        single,
        shown,
        html.Div(acts, className="acts"),
    ]


def _device(line: DeviceLine) -> list:
    sure = f"吊销 {line.name}？它的令牌立即失效。"
    state = html.B("已吊销", className="bad") if line.is_revoked else "在用"
    acts = [] if line.is_revoked else [_act(Act.REVOKE, line.name, "吊销", sure)]
    return [*line[:5], state, html.Div(acts, className="acts")]


def _act(act: Act, name: str, word: str, sure: str | None = None) -> dcc.ConfirmDialogProvider:
    """A button that asks once more; every act here changes what somebody may do."""
    return dcc.ConfirmDialogProvider(
        html.Button(word),
        id={"type": act.value, "index": name},
        message=sure or f"{word} {name}？",
    )
