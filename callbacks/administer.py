"""Administer accounts and devices: each act is done and written into the audit as one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import ALL, Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from access.account import Account
from access.devices import KINDS, Device
from access.operations import OperationsError
from access.policy import needs
from access.roles import ROLES, Power
from access.sessions import Session
from callbacks.services import Services
from layouts import account_list
from layouts.account_list import AccountLine, DeviceLine, Part, SessionLine, secret
from layouts.controls import Act

ACTS = (Act.DISABLE, Act.ENABLE, Act.RESET, Act.UNLOCK, Act.DROP_TOTP, Act.END, Act.REVOKE)
OF_ACCOUNT = (Part.NAME, Part.SHOWN, Part.ROLE, Part.REGIONS, Part.DEPARTMENTS, Part.SUBJECT)
OF_DEVICE = (Part.DEVICE, Part.KIND, Part.PLACES, Part.SENDERS)
NOT_LOADED = "请先在下面的清单里点这个账号的“修改”，再保存"
EVERYWHERE = "全域"
DEPARTMENT = "department"

Words = Mapping[tuple[str, str], str]  # dimension, code -> name


def register(app: Dash, services: Services) -> None:
    may = needs(Power.ACCOUNTS, is_act=True)
    app.callback(
        Output(Part.ACCOUNTS, "children"),
        Output(Part.SESSIONS, "children"),
        Output(Part.DEVICES, "children"),
        Input(Part.CHANGED, "data"),
    )(needs(Power.ACCOUNTS)(lister(services)))
    app.callback(
        Output(Part.REGIONS, "options"),
        Output(Part.PLACES, "options"),
        Output(Part.DEPARTMENTS, "options"),
        Input(Part.ADD, "id"),
    )(needs(Power.ACCOUNTS)(offerer(services)))
    app.callback(
        Output(Part.TOLD, "children"),
        Output(Part.CHANGED, "data"),
        Input(Part.ADD, "n_clicks"),
        Input(Part.REGISTER, "n_clicks"),
        Input(Part.SAVE, "n_clicks"),
        *(Input({"type": act.value, "index": ALL}, "submit_n_clicks") for act in ACTS),
        State(Part.CHANGED, "data"),
        State(Part.LOADED, "data"),
        *(State(part, "value") for part in (*OF_ACCOUNT, *OF_DEVICE)),
        prevent_initial_call=True,
    )(may(administrator(services)))
    app.callback(
        *(Output(part, "value") for part in OF_ACCOUNT),
        Output(Part.LOADED, "data"),
        Input({"type": Act.EDIT.value, "index": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )(may(filler(services)))


def administrator(services: Services) -> Callable:
    """The callback: does what was asked, says what became of it, and lets the lists be renewed."""
    acts = _acts(services)

    def administer(*values: Any) -> tuple:
        asked: Any = ctx.triggered_id
        if not ctx.triggered or not ctx.triggered[0]["value"]:
            raise PreventUpdate  # a button has just come on the page
        changed, loaded, *fields = values[3 + len(ACTS) :]
        account, device = fields[: len(OF_ACCOUNT)], fields[len(OF_ACCOUNT) :]
        by, now = services.viewer().actor, datetime.now(UTC)
        try:
            match asked:
                case Part.ADD:
                    told = _add_account(services, account, by, now)
                case Part.SAVE:
                    told = _change_account(services, account, loaded, by, now)
                case Part.REGISTER:
                    told = _add_device(services, device, by, now)
                case {"type": kind, "index": name} if kind in acts:
                    told = acts[Act(kind)](str(name), now, by)
                case _:
                    raise PreventUpdate  # no button of this page
        except OperationsError as refused:
            return [str(refused)], no_update
        return told, (changed if isinstance(changed, int) else 0) + 1

    return administer


def _acts(services: Services) -> Mapping[Act, Callable[[str, datetime, str], list]]:
    accounts, sessions, devices = services.accounts, services.sessions, services.devices

    def done(act: Callable[[str, datetime, str], Any], word: str):
        def do(name: str, now: datetime, by: str) -> list:
            act(name, now, by)
            return [f"已{word} {name}"]

        return do

    def reset(name: str, now: datetime, by: str) -> list:
        return secret(f"{name} 的新口令", accounts.reset_password(name, now, by))

    return {
        Act.DISABLE: done(accounts.disable, "停用"),
        Act.ENABLE: done(accounts.enable, "启用"),
        Act.UNLOCK: done(services.sign_in.unlock, "解锁"),
        Act.DROP_TOTP: done(accounts.drop_totp, "停用两步登录："),
        Act.END: done(sessions.end_all, "退出"),
        Act.REVOKE: done(devices.revoke, "吊销"),
        Act.RESET: reset,
    }


def filler(services: Services) -> Callable:
    """The callback: the form as the account that is to be changed is now."""

    def fill(_clicks: Any) -> tuple:
        asked: Any = ctx.triggered_id
        if not isinstance(asked, dict) or not ctx.triggered or not ctx.triggered[0]["value"]:
            raise PreventUpdate  # a button has just come on the page
        account = services.accounts.of(str(asked.get("index")))
        if account is None:
            raise PreventUpdate
        regions = [f"{level}:{code}" for level, code in account.regions]
        limits = regions, [*account.departments]
        fields = account.name, account.shown, account.role, *limits, account.oidc_subject or ""
        return *fields, {"name": account.name, "seen": account.changed_at.isoformat()}

    return fill


def _add_account(services: Services, fields: list, by: str, now: datetime) -> list:
    name, shown, role, regions, departments, subject = _of_account(services, fields)
    limits = regions, departments
    first = services.accounts.add(name, shown, role, now, *limits, by=by, oidc_subject=subject)
    return secret(f"已建立账号 {name}，初始口令", first)


def _change_account(services: Services, fields: list, loaded: Any, by: str, now: datetime) -> list:
    name, shown, role, regions, departments, subject = _of_account(services, fields)
    services.accounts.change(
        name,
        now,
        by,
        shown=shown,
        role=role,
        regions=regions,
        departments=departments,
        oidc_subject=subject,
        seen=_seen(loaded, name),
    )
    return [f"已保存 {name}；岗位、范围或统一身份有变时，该账号要重新登录。再改请重新点“修改”"]


def _seen(loaded: Any, name: str) -> datetime:
    """As of when the form shows this account: a name typed over it has limits of another's."""
    told = loaded if isinstance(loaded, dict) else {}
    try:
        if told.get("name") == name:
            return datetime.fromisoformat(str(told.get("seen"))).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise OperationsError(NOT_LOADED)


def _of_account(services: Services, fields: list) -> tuple[str, str, str, list, list, str]:
    """What the form says, in the order of OF_ACCOUNT."""
    name, shown, role, subject = (_text(fields[at]) for at in (0, 1, 2, 5))
    regions, departments = _texts(fields[3]), _texts(fields[4])
    _refuse_unknown(services, [*regions, *(f"{DEPARTMENT}:{code}" for code in departments)])
    return name, shown, role, regions, departments, subject


def _refuse_unknown(services: Services, pairs: list[str]) -> None:
    """A region or a department that the site has not would leave an account without anything."""
    known = services.answers.names()
    for pair in pairs:
        dimension, _, code = pair.partition(":")
        if (dimension, code) not in known:
            raise OperationsError(f"没有这个区域或部门：{pair[:60]}")


def _add_device(services: Services, fields: list, by: str, now: datetime) -> list:
    name, kind = (_text(value) for value in fields[:2])
    regions, senders = _texts(fields[2]), _text(fields[3]).split()
    _refuse_unknown(services, regions)
    token = services.devices.add(kind, name, now, senders, regions, by)
    return secret(f"已登记设备 {name}，令牌", token)


def lister(services: Services) -> Callable:
    """The callback: accounts, sessions and devices as they are now."""

    def list_all(_changed: Any) -> tuple:
        now, zone = datetime.now(UTC), services.answers.zone()
        known, words = services.accounts.all(), services.answers.names()
        locked = services.sign_in.locked([each.name for each in known], now)
        accounts = [_account_line(each, words, each.name in locked) for each in known]
        running = _session_lines(services.sessions.all(now), zone)
        devices = [_device_line(each, words, zone) for each in services.devices.all()]
        return (
            account_list.accounts(accounts),
            account_list.sessions(running),
            account_list.devices(devices),
        )

    return list_all


def offerer(services: Services) -> Callable:
    """The callback: the regions and departments that a new account or device may be limited to."""

    def offer(_asked: Any) -> tuple:
        offered: dict[bool, list] = {True: [], False: []}
        for (dimension, code), name in services.answers.names().items():
            is_department = dimension == DEPARTMENT
            value = code if is_department else f"{dimension}:{code}"
            offered[is_department].append({"value": value, "label": name})
        return offered[False], offered[False], offered[True]

    return offer


def _account_line(account: Account, words: Words, is_locked: bool) -> AccountLine:
    regions = [_called(words, level, code) for level, code in account.regions]
    departments = [_called(words, DEPARTMENT, code) for code in account.departments]
    return AccountLine(
        account.name,
        account.shown,
        ROLES[account.role].name if account.role in ROLES else account.role,
        "、".join([*regions, *departments]) or EVERYWHERE,
        account.has_totp,
        account.disabled_at is not None,
        is_locked,
        account.is_demo,
        account.oidc_subject is not None,
    )


def _session_lines(sessions: Sequence[Session], zone: ZoneInfo) -> list[SessionLine]:
    """A line an account: who signs out is signed out everywhere."""
    of_accounts: dict[str, list[Session]] = {}
    for each in sessions:  # the newest first
        of_accounts.setdefault(each.account, []).append(each)
    return [
        SessionLine(
            account,
            _moment(them[0].begun_at, zone),
            _moment(max(each.seen_at for each in them), zone),
            "、".join(dict.fromkeys(each.address for each in them)),
            them[0].way,
            len(them),
        )
        for account, them in of_accounts.items()
    ]


def _device_line(device: Device, words: Words, zone: ZoneInfo) -> DeviceLine:
    regions = [_called(words, level, code) for level, code in device.regions]
    return DeviceLine(
        device.name,
        next((word for kind, word in KINDS.items() if kind == device.kind), device.kind),
        "、".join([*regions, *device.senders]) or "—",
        _moment(device.added_at, zone),
        _moment(device.last_seen, zone),
        device.revoked_at is not None,
    )


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "—"


def _called(words: Words, dimension: str, code: str) -> str:
    return words.get((dimension, code), code)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
