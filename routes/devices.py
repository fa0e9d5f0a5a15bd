"""Devices over plain HTTP: who asks, and how a wall or a remote control signs in, once."""

import threading
import time
from datetime import UTC, datetime

from flask import Flask, Response, g, request

from access.devices import COOKIE, Device, Devices
from access.operations import FAILURES
from routes.alerts import bearer

DAYS = 400  # as long as browsers keep a cookie; every page that is opened renews it
FRESH = 0.5  # seconds for which a token's answer holds: a revoked one is refused within a second
MOST = 2000  # tokens whose answers are kept
OPENS = {"wall": "/", "remote": "/remote"}  # what a device sees once it has signed in
UNLOCKED = ("/assets/", "/_dash-component-suites/", "/sign-in", "/healthz")  # no data behind them
REVOKED = "本设备已停用"


class Visitors:
    """Which device asks; looked up at most every FRESH seconds. Safe for threads."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._known: dict[str, tuple[float, Device | None]] = {}
        self._lock = threading.Lock()

    def of_request(self) -> Device | None:
        """The device that asks, by its header or its cookie; None without a valid token."""
        return self.of(token_of_request())

    def of(self, token: str | None) -> Device | None:
        """The device in use that has this token."""
        if not token:
            return None
        with self._lock:
            at, device = self._known.get(token, (float("-inf"), None))
        if time.monotonic() - at <= FRESH:
            return device
        device = self._devices.of(token, datetime.now(UTC))
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[token] = (time.monotonic(), device)
        return device


def token_of_request() -> str | None:
    """The token that the request brings, in its header or its cookie."""
    return bearer() or request.cookies.get(COOKIE)


def register(server: Flask, visitors: Visitors) -> None:
    """Refuse revoked devices everything that shows data; let new ones sign in."""

    @server.before_request
    def refuse_revoked() -> Response | None:
        g.device = None
        if request.cookies.get(COOKIE) is None or request.path.startswith(UNLOCKED):
            return None
        try:
            g.device = visitors.of(request.cookies.get(COOKIE))
        except FAILURES:
            return None  # a wall goes on showing while the operations store is away
        is_page = request.method == "GET" and request.accept_mimetypes.best == "text/html"
        if g.device is not None or is_page or request.path.startswith("/_dash-layout"):
            return None
        return Response(REVOKED, status=401, mimetype="text/plain")

    @server.get("/sign-in/<token>")
    def sign_in_once(token: str) -> Response:
        """A wall is started with this address once; from then on it is known by its cookie."""
        device = visitors.of(token)
        if device is None or device.kind not in OPENS:
            return Response("令牌无效或已吊销", status=401, mimetype="text/plain")
        there = Response(status=303, headers={"Location": OPENS[device.kind]})
        return _known_from_now_on(there, token)

    @server.post("/sign-in")
    def sign_in() -> Response:
        """The same for a person who types a remote control's token."""
        body = request.get_json(silent=True)
        token = body.get("token") if isinstance(body, dict) else None
        device = visitors.of(token) if isinstance(token, str) else None
        if device is None or device.kind not in OPENS:
            return Response("令牌无效或已吊销", status=401, mimetype="text/plain")
        return _known_from_now_on(Response(status=204), str(token))

    @server.after_request
    def renew(response: Response) -> Response:
        """A screen that is used never runs out."""
        token = request.cookies.get(COOKIE)
        if token and g.get("device") is not None and response.mimetype == "text/html":
            _known_from_now_on(response, token)
        return response


def _known_from_now_on(response: Response, token: str) -> Response:
    response.set_cookie(
        COOKIE,
        token,
        max_age=DAYS * 86_400,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    return response
