"""The gate: who asks, and whether they may. What says nothing of itself is refused to everybody.

A person comes with the cookie of a session, a device with that of its token or with the token in a
header. What comes by a cookie and changes something must also bring the token against forged
requests, which only a page of ours can read, and must not come from a page of another site."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from dash._pages import _path_to_page
from flask import Flask, Response, g, has_request_context, redirect, request
from sqlalchemy.exc import SQLAlchemyError

from access.operations import FAILURES
from access.policy import KNOWN, OPEN, Policy, policy_of
from access.roles import Power
from access.sessions import Sessions
from access.viewers import Viewer, of_account, of_device
from data.scope import Grant
from routes.addresses import local
from routes.bodies import PATH as CALLBACKS
from routes.bodies import json_of_request
from routes.devices import AWAY, REVOKED, Visitors, bearer, token_of_request

SESSION = "zhinao_session"  # the cookie of a person's session
FORGERY, FORGERY_HEADER = "_csrf_token", "X-CSRFToken"  # as Dash names cookie and header
SAME = ("same-origin", "none", "")  # Sec-Fetch-Site of who may change something; "" = no browser
READING = ("GET", "HEAD", "OPTIONS")
PAGE = Policy(KNOWN.powers, is_act=True, is_page=True)
PARTS = Policy(KNOWN.powers, is_page=True)  # of a page: a screen that is refused needs them too
OWN = "/account"  # where a first password is changed
AT_FIRST = (OWN, f"{OWN}/password", "/sign-out")  # who made the account knows that password too
DASHS: dict[str, Policy] = {  # the routes that Dash makes; of pages and callbacks see below
    "/": PAGE,
    "/<path:path>": PAGE,
    "/_dash-layout": PARTS,
    "/_dash-dependencies": PARTS,
    CALLBACKS: KNOWN,
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": OPEN,
    "/_favicon.ico": OPEN,
    "_dash_assets.static": OPEN,
}
PAGES = ("/", "/<path:path>")
ROUTER = ".._pages_content.children"  # the callback that brings a page's content
CHANGE_FIRST = "请先修改口令"
NO_POWER = "您的账号不能看这一页"
NO_POWER_WHY = "这一页不在您岗位的权限里。需要时请找管理员调整。"

log = structlog.get_logger()


class Gate:
    """Who asks, of one app."""

    def __init__(self, visitors: Visitors, sessions: Sessions) -> None:
        self._visitors = visitors
        self._sessions = sessions

    def viewer(self, is_act: bool) -> Viewer | None:
        """Whoever asks now; None where nobody known does. FAILURES while the store is away."""
        token = request.cookies.get(SESSION)
        if token and not bearer():
            account = self._sessions.of(token, datetime.now(UTC), is_act)
            if account is not None:
                return of_account(account)
        device = self._visitors.of_request()
        return None if device is None else of_device(device)


def grant() -> Grant:
    """What whoever asks may see; nothing where nobody known asks."""
    viewer = viewer_or_none()
    return viewer.grant if viewer else Grant()


def actor() -> str:
    """Whoever asks, by the name that the audit has; "" where nobody known does."""
    viewer = viewer_or_none()
    return viewer.actor if viewer else ""


def viewer_of_request() -> Viewer:
    """Whoever passed the gate with the present request; LookupError where nobody had to."""
    viewer = viewer_or_none()
    if viewer is None:
        raise LookupError("nobody known asks")
    return viewer


def viewer_or_none() -> Viewer | None:
    """The same, also where nobody had to be known."""
    return g.get("viewer") if has_request_context() else None


def register(
    server: Flask,
    gate: Gate,
    callbacks: Mapping[str, dict],
    refused: Callable[[str, str], str] = lambda title, _: title,
) -> None:
    """Let nobody through who may not; the first of all that looks at a request. `callbacks` are
    those of Dash, by output; `refused(title, reason)` makes the page for whom may not see one."""

    @server.before_request
    def guard() -> Response | None:
        g.viewer = None
        policy = _policy_of_request(server, callbacks)
        if policy is None:
            return _said(403, "没有为这个地址定下谁可以用")
        if policy.is_open:
            return _refusal_of_forged(None)
        try:
            g.viewer = gate.viewer(policy.is_act)
        except FAILURES as fault:  # what it may see is not known
            log.error("viewer not known", reason=type(fault).__name__)
            return None if policy.is_page and _is_device() else _said(503, AWAY)
        found = _refusal(policy, g.viewer)
        if found is not None and found.status_code == 403 and policy.is_page and policy.is_act:
            return Response(refused(NO_POWER, NO_POWER_WHY), 403, mimetype="text/html")
        return found

    @server.errorhandler(SQLAlchemyError)
    def answer_away(fault: SQLAlchemyError) -> Response:
        # Not the path: that of /sign-in holds the token.
        log.error("operations store failed", asked=request.endpoint, reason=type(fault).__name__)
        return _said(503, AWAY)

    @server.after_request
    def give_token(response: Response) -> Response:
        """The browser of whoever is known has what its own requests must show."""
        token, is_kept = _cookie_token(), "max-age" in response.headers.get("Cache-Control", "")
        shown = forgery_token(token) if token else None
        if shown and not is_kept and request.cookies.get(FORGERY) != shown:
            response.set_cookie(FORGERY, shown, samesite="Strict", secure=request.is_secure)
        return response


def forgery_token(token: str) -> str:
    """What a request that changes something must bring, made of the secret by which its browser is
    known, and telling nothing of it."""
    return hmac.new(token.encode(), b"forged requests", hashlib.sha256).hexdigest()


def page_powers(path: str) -> frozenset[Power] | None:
    """The powers of which a page wants one, by its address; None where there is no page. A page
    that names none is nobody's."""
    # Dash's own search: for another that knew fewer spellings a page would be anybody's.
    page, _ = _path_to_page(path.strip("/"))
    return frozenset(Power(each) for each in page.get("powers", ())) if page else None


def _policy_of_request(server: Flask, callbacks: Mapping[str, dict]) -> Policy | None:
    """None = nobody may. An address that is none of ours is left to the server, which says so."""
    if request.endpoint is None:
        return OPEN
    if request.endpoint == CALLBACKS:
        return policy_of_callback(json_of_request(), callbacks)
    if request.endpoint in PAGES:
        powers = page_powers(request.path)
        return PAGE if powers is None else replace(PAGE, powers=powers)
    return DASHS.get(request.endpoint) or policy_of(server.view_functions[request.endpoint])


def policy_of_callback(body: Any, callbacks: Mapping[str, dict]) -> Policy | None:
    """Who may ask a callback; a body that names none is left to routes/bodies.py."""
    output = body.get("output") if isinstance(body, dict) else None
    if not isinstance(output, str) or "callback" not in callbacks.get(output, {}):
        return KNOWN
    if output.startswith(ROUTER):
        powers = page_powers(_asked_page(body))
        return KNOWN if powers is None else Policy(powers)
    return policy_of(callbacks[output]["callback"])


def _asked_page(body: dict) -> str:
    inputs = body.get("inputs")
    for each in inputs if isinstance(inputs, list) else ():
        if isinstance(each, dict) and each.get("property") == "pathname":
            return str(each.get("value"))
    return ""


def _refusal(policy: Policy, viewer: Viewer | None) -> Response | None:
    if viewer is None:
        return _unknown(policy)
    if policy.powers.isdisjoint(viewer.powers):
        return _said(403, NO_POWER if policy.is_page else "您的账号不能这样做")
    if viewer.account and viewer.account.must_change and request.path not in AT_FIRST:
        return _to(OWN) if request.endpoint in PAGES else _said(403, CHANGE_FIRST)
    return _refusal_of_forged(_cookie_token())


def _unknown(policy: Policy) -> Response | None:
    """A person signs in; a screen in a hall is never thrown to a form, and says it is refused."""
    if policy.is_page and _is_device():
        return None
    if policy.is_page and policy.is_act and request.method in READING:
        there = local(request.full_path.rstrip("?"))
        return _to(f"/sign-in?next={quote(there, safe='/')}")
    return _said(401, REVOKED if _is_device() else "请先登录")


def _to(path: str) -> Response:
    return redirect(path, 303)  # type: ignore[return-value]


def _is_device() -> bool:
    return bool(token_of_request()) and not request.cookies.get(SESSION)


def _refusal_of_forged(token: str | None) -> Response | None:
    """`token` is the secret that a cookie brought, by which the viewer is known; None = none."""
    if request.method in READING:
        return None
    origin = request.headers.get("Origin")
    is_elsewhere = request.headers.get("Sec-Fetch-Site", "") not in SAME
    if is_elsewhere or (origin and _host(origin) != request.host):
        return _said(403, "只能从本站的页面操作")
    if token is None or hmac.compare_digest(_shown_token(), forgery_token(token)):
        return None
    return _said(403, "这个页面已过期，请刷新后再操作")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # no address
        return None


def _shown_token() -> str:
    shown = request.headers.get(FORGERY_HEADER) or ""
    if not shown and request.mimetype == "application/x-www-form-urlencoded":
        shown = request.form.get(FORGERY, "")
    return shown if shown.isascii() else ""


def _cookie_token() -> str | None:
    """The secret of the cookie by which the viewer is known; None where a header brought it."""
    viewer = viewer_or_none()
    if viewer is None or bearer():
        return None
    return request.cookies.get(SESSION) if viewer.account else token_of_request()


def _said(status: int, text: str) -> Response:
    return Response(text, status=status, mimetype="text/plain")
