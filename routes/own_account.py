"""一个人自己的账号: who one is here, the password, and the codes of a second step."""

import io
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import segno
from flask import Flask, Response, redirect, request

from access.account import Account
from access.audit import CONSOLE
from access.last_here import Deed, SignedIn
from access.operations import OperationsError
from access.password_life import SOON, days_left, days_used, most_days
from access.policy import needs
from access.roles import ROLES, WORDS
from access.sessions import OIDC, PASSWORD
from data.editions.edition import EditionError
from routes.gate import OWN, SESSION, forgery_token, viewer_of_request
from routes.sign_in import Doors, at_home, frame, page, within

WAYS = {PASSWORD: "口令登录", OIDC: "单点登录"}
DEEDS = {"account.reset": "重置了口令", "account.totp.drop": "停用了两步登录"}
BOUND = {True: "绑定了统一身份", False: "解除了统一身份"}
CHANGED = "口令已修改，其他地方的登录都已退出"
CONFIRMED = "两步登录已开通，下次登录时要填动态验证码"


def register(server: Flask, doors: Doors) -> None:
    """Serve OWN to whoever has an account."""

    @server.get(OWN)
    @needs(is_act=True, is_page=True)
    def answer_account() -> Response:
        return _shown(doors)

    @server.post(f"{OWN}/password")
    @needs(is_act=True)
    def take_password() -> Response:
        given = {key: request.form.get(key, "") for key in ("old", "new", "again")}
        if given["new"] != given["again"]:
            return _shown(doors, "两次输入的新口令不一样", status=400)
        try:
            doors.accounts.set_password(
                viewer_of_request().actor,
                given["old"],
                given["new"],
                datetime.now(UTC),
                request.cookies.get(SESSION),
            )
        except OperationsError as refused:
            return _shown(doors, str(refused), status=400)
        return _shown(doors, CHANGED, is_done=True, is_changed=True)

    @server.post(f"{OWN}/totp")
    @needs(is_act=True)
    def start_totp() -> Response:
        try:
            password, name = request.form.get("password", ""), viewer_of_request().actor
            session = request.cookies.get(SESSION)
            uri = doors.accounts.start_totp(name, datetime.now(UTC), password, session)
        except OperationsError as refused:
            return _shown(doors, str(refused), status=400)
        return _shown(doors, uri=uri)

    @server.post(f"{OWN}/totp/confirm")
    @needs(is_act=True)
    def confirm_totp() -> Response:
        code, now = request.form.get("code", ""), datetime.now(UTC)
        try:
            doors.accounts.confirm_totp(viewer_of_request().actor, code, now)
        except OperationsError as refused:
            return _shown(doors, str(refused), status=400)
        return _shown(doors, CONFIRMED, is_done=True)

    @server.post(f"{OWN}/active")
    @needs(is_act=True)
    def stay_awake() -> Response:
        """A page reports that somebody is at it: nothing else that it asks by itself says so."""
        return Response(status=204)


def _shown(
    doors: Doors,
    told: str = "",
    *,
    is_done: bool = False,
    is_changed: bool = False,
    uri: str = "",
    status: int = 200,
) -> Response:
    known = viewer_of_request().account
    account = known and doors.accounts.of(known.name)
    if known is None or account is None:  # a screen or a remote control has none
        return redirect("/", 303)  # type: ignore[return-value]
    token, now = request.cookies.get(SESSION, ""), datetime.now(UTC)
    text = doors.form(
        "account",
        **frame(doors.store),
        **_password(account, now, must_change=known.must_change and not is_changed),
        **_last_here(doors, account, token),
        account=account,
        role=ROLES[account.role].name,
        within=within(doors.store, account),
        powers="、".join(WORDS[power] for power in WORDS if power in account.powers),
        told=told,
        is_done=is_done,
        picture=_picture(uri) if uri else "",
        secret=parse_qs(urlsplit(uri).query)["secret"][0] if uri else "",
        forgery=forgery_token(token),
        home=at_home(account),
    )
    return page(text, status)


def _password(account: Account, now: datetime, must_change: bool) -> dict[str, Any]:
    """What is to be said of the password: `days_left` where that is soon over."""
    is_asked = account.oidc_subject is None or must_change  # who uses none needs no warning
    left = days_left(account, now, most_days()) if is_asked else None
    return {
        "must_change": must_change,
        "is_first": account.must_change,
        "days_used": days_used(account, now),
        "days_left": left if left is not None and left <= SOON else None,
    }


def _last_here(doors: Doors, account: Account, token: str) -> dict[str, Any]:
    """Who was here before, in words."""
    zone = _zone(doors)
    found = doors.accounts.last_here(account, token)
    return {
        "before": _signed_in(found.before, zone) if found.before else "",
        "refused": found.refused,
        "deeds": [
            f"{_moment(each.at, zone)}，{_actor(doors, each.actor)}{_deed(each)}"
            for each in found.deeds
        ],
    }


def _signed_in(before: SignedIn, zone: ZoneInfo) -> str:
    way = WAYS.get(before.way, before.way)
    return f"{_moment(before.at, zone)}，{way}，来自 {before.address}"


def _deed(deed: Deed) -> str:
    return DEEDS[deed.action] if deed.is_bound is None else BOUND[deed.is_bound]


def _actor(doors: Doors, name: str) -> str:
    if name == CONSOLE:
        return "服务器命令行"
    account = doors.accounts.of(name)
    return f" {name}（{account.shown}）" if account else f" {name} "


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _zone(doors: Doors) -> ZoneInfo:
    try:
        with doors.store.reading() as edition:
            return edition.site.tzinfo
    except EditionError:
        return ZoneInfo("Asia/Shanghai")


def _picture(uri: str) -> str:
    """The QR code of a secret as SVG, made here: nothing of it goes anywhere else."""
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=2)
    return drawn.getvalue().decode()
