"""一个人自己的账号: who one is here, the password, and the codes of a second step."""

import io
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import segno
from flask import Flask, Response, redirect, request

from access.operations import OperationsError
from access.policy import needs
from access.roles import ROLES, WORDS
from routes.gate import OWN, SESSION, forgery_token, viewer_of_request
from routes.sign_in import Doors, at_home, frame, page, within

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
        return _shown(doors, CHANGED, is_done=True)

    @server.post(f"{OWN}/totp")
    @needs(is_act=True)
    def start_totp() -> Response:
        try:
            password, name = request.form.get("password", ""), viewer_of_request().actor
            uri = doors.accounts.start_totp(name, datetime.now(UTC), password)
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
    doors: Doors, told: str = "", *, is_done: bool = False, uri: str = "", status: int = 200
) -> Response:
    known = viewer_of_request().account
    account = known and doors.accounts.of(known.name)
    if account is None:  # a screen or a remote control has none
        return redirect("/", 303)  # type: ignore[return-value]
    text = doors.form(
        "account",
        **frame(doors.store),
        account=account,
        role=ROLES[account.role].name,
        within=within(doors.store, account),
        powers="、".join(WORDS[power] for power in WORDS if power in account.powers),
        told=told,
        is_done=is_done,
        picture=_picture(uri) if uri else "",
        secret=parse_qs(urlsplit(uri).query)["secret"][0] if uri else "",
        forgery=forgery_token(request.cookies.get(SESSION, "")),
        home=at_home(account),
    )
    return page(text, status)


def _picture(uri: str) -> str:
    """The QR code of a secret as SVG, made here: nothing of it goes anywhere else."""
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=2)
    return drawn.getvalue().decode()
