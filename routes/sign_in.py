"""People sign in and out: a form without script, a session's cookie, and never a word on which of
name, password and code was wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request

from access.account import Account
from access.accounts import Accounts
from access.known_browsers import KEPT
from access.policy import needs, opened
from access.roles import ROLES, Power
from access.sessions import Sessions
from access.sign_in import Signed, SignIn, SignInRefused
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.names import named
from routes.addresses import local
from routes.gate import OWN, SESSION
from routes.metrics import FORWARDED

DEMO_PASSWORD = "demo.password"  # a file in the home, written with the demo's accounts
LOOPBACK = ("127.0.0.1", "::1")
HERE = (*LOOPBACK, "localhost")  # names under which a browser at this machine finds it
PASSED_ON = (*FORWARDED, "Via")
NAME = "智脑"
PATH = "/sign-in"
KNOWN = "zhinao_known"  # the cookie that says who signed in with this browser before
HOMES = (  # the first of these that one may see is where one begins
    ("/", {Power.FIGURES}),
    ("/cases", {Power.CASES}),
    ("/accounts", {Power.ACCOUNTS}),
    ("/audit", {Power.AUDIT}),
    ("/status", {Power.STATUS}),
)

Form = Callable[..., str]


@dataclass(frozen=True)
class Doors:
    """What signing in needs; `form(name, **values)` makes a page, `style` is its CSS file, `single`
    is what the button to another house's sign-in says (None = there is none)."""

    store: EditionStore
    accounts: Accounts
    sessions: Sessions
    sign_in: SignIn
    form: Form
    style: Path
    single: str | None = None


def register(server: Flask, doors: Doors) -> None:
    """Serve /sign-in and /sign-out."""

    @server.get(PATH)
    @opened
    def answer_sign_in() -> Response:
        name = request.args.get("name", "")[:40]
        return page(_asked(doors, name, request.args.get("next")))

    @server.get(f"{PATH}/forms.css")
    @opened
    def answer_style() -> Response:
        return Response(doors.style.read_bytes(), mimetype="text/css")

    @server.post(PATH)
    @opened
    def take_sign_in() -> Response:
        given = {key: request.form.get(key, "") for key in ("name", "password", "code", "next")}
        try:
            signed = doors.sign_in.by_password(
                given["name"],
                given["password"],
                given["code"] or None,
                datetime.now(UTC),
                *who_asks(),
                before=request.cookies.get(SESSION),
                known=request.cookies.get(KNOWN),
            )
        except SignInRefused as refused:
            told = _asked(doors, given["name"][:40], given["next"], str(refused))
            return page(told, 429 if refused.wait_seconds else 401)
        return welcome(signed, given["next"])

    @server.post("/sign-out")
    @needs(is_act=True)
    def take_sign_out() -> Response:
        doors.sessions.end(request.cookies.get(SESSION), datetime.now(UTC))
        there: Any = redirect("/sign-in", 303)
        there.delete_cookie(SESSION, samesite="Strict", httponly=True)
        return there


def welcome(signed: Signed, there: str | None) -> Response:
    """The page that was asked for, with the new session's cookie."""
    path = OWN if signed.account.must_change else at_home(signed.account, there)
    return with_session(redirect(path, 303), signed)


def with_session(response: Any, signed: Signed) -> Response:
    """The answer, with which the browser is known from now on."""
    safe: Any = {"httponly": True, "samesite": "Strict", "secure": request.is_secure}
    response.set_cookie(SESSION, signed.token, **safe)
    if signed.known:
        response.set_cookie(KNOWN, signed.known, max_age=KEPT, path=PATH, **safe)
    return response


def at_home(account: Account, there: str | None = None) -> str:
    """Where somebody begins who asked for no page, or for the wall that the role may not see."""
    asked = local(there)
    if asked != "/":
        return asked
    return next((path for path, powers in HOMES if not account.powers.isdisjoint(powers)), OWN)


def who_asks() -> tuple[str, str]:
    """The address and the program that ask, for the session's record."""
    return request.remote_addr or "", request.headers.get("User-Agent", "")


def page(text: str, status: int = 200) -> Response:
    """A form as an answer."""
    return Response(text, status=status, mimetype="text/html")


def frame(store: EditionStore) -> dict[str, Any]:
    """What every form says of the centre."""
    try:
        with store.reading() as edition:
            return {"centre": edition.site.title, "is_demo": edition.site.is_demo}
    except EditionError:
        return {"centre": NAME, "is_demo": False}


def within(store: EditionStore, account: Account) -> str:
    """For which regions and departments an account works, by their names."""
    try:
        with store.reading() as edition:
            names = [_named(edition, level, code) for level, code in account.regions]
            names += [_named(edition, "department", code) for code in account.departments]
    except EditionError:
        names = [code for _, code in account.regions] + [*account.departments]
    return "、".join(names) or "全域"


def _named(edition: Edition, dimension: str, code: str) -> str:
    return named(edition, dimension).get(code, code)


def _asked(doors: Doors, name: str, there: str | None, told: str = "") -> str:
    is_near = _is_of_this_machine()
    said = frame(doors.store)
    demo = _demo(doors) if said["is_demo"] else []
    password = doors.store.home / DEMO_PASSWORD
    return doors.form(
        "sign_in",
        **said,
        name=name,
        next=local(there),
        told=told,
        single=doors.single,
        demo=demo,
        demo_file=DEMO_PASSWORD,
        demo_password=password.read_text().strip() if is_near and password.is_file() else "",
    )


def _is_of_this_machine() -> bool:
    """Whether somebody at this machine asks, and no proxy on somebody's behalf."""
    is_passed_on = any(name in request.headers for name in PASSED_ON)
    host = urlsplit(f"//{request.host}").hostname
    return request.remote_addr in LOOPBACK and host in HERE and not is_passed_on


def _demo(doors: Doors) -> list[dict[str, str]]:
    accounts = (each for each in doors.accounts.all() if each.is_demo and not each.disabled_at)
    order = [*ROLES]
    return [
        {"name": each.name, "role": ROLES[each.role].name, "within": within(doors.store, each)}
        for each in sorted(accounts, key=lambda each: order.index(each.role))
    ]
