"""Devices over plain HTTP: who asks, and how a wall or a remote control signs in, once."""

import threading
import time
from datetime import UTC, datetime

from flask import Flask, Response, g, request

from access.devices import COOKIE, LONGEST_TOKEN, Device, Devices
from access.operations import FAILURES
from access.policy import opened
from routes.addresses import local
from routes.bodies import json_of_request

DAYS = 400  # as long as browsers keep a cookie; every page that is opened renews it
FRESH = 0.5  # seconds for which a token's answer holds: a revoked one is refused within a second
MOST = 2000  # tokens that are remembered as nobody's
OPENS = {"wall": "/", "remote": "/remote"}  # what a device sees once it has signed in
REVOKED = "本设备已停用"
UNKNOWN = "令牌无效或已吊销"
AWAY = "业务库暂时用不了，请重试"


class Visitors:
    """Which device asks; looked up at most every FRESH seconds. While the store is away whoever was
    known stays so. Safe for threads."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._known: dict[str, tuple[float, Device | None]] = {}
        self._lock = threading.Lock()

    def of_request(self) -> Device | None:
        """The device that asks, by its header or its cookie; None without a valid token."""
        return self.of(token_of_request())

    def of(self, token: str | None) -> Device | None:
        """The device in use that has this token."""
        if not token or len(token) > LONGEST_TOKEN:
            return None
        with self._lock:
            at, device = self._known.get(token, (float("-inf"), None))
        if time.monotonic() - at <= FRESH:
            return device
        try:
            device = self._devices.of(token, datetime.now(UTC))
        except FAILURES:
            if device is None:
                raise
            return device
        with self._lock:
            if device is None and len(self._known) >= MOST:  # those of devices are few
                self._known = {t: found for t, found in self._known.items() if found[1]}
            self._known[token] = (time.monotonic(), device)
        return device


def token_of_request() -> str | None:
    """The token that the request brings, in its header or its cookie."""
    return bearer() or request.cookies.get(COOKIE)


def bearer() -> str | None:
    """The token in the header of the present request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def register(server: Flask, visitors: Visitors) -> None:
    """Let devices sign in, and keep those that are used."""

    @server.get("/sign-in/<token>")
    @opened
    def sign_in_once(token: str) -> Response:
        """A wall is started with this address once; from then on it is known by its cookie."""
        device = visitors.of(token)
        if device is None or device.kind not in OPENS:
            return _said(401, UNKNOWN)
        path = local(request.args.get("next"))
        path = OPENS[device.kind] if path == "/" else path
        there = Response(status=303, headers={"Location": path})
        return _known_from_now_on(there, token)

    @server.post("/sign-in/device")
    @opened
    def sign_in_device() -> Response:
        """The same for a person who types a remote control's token."""
        body = json_of_request()
        token = body.get("token") if isinstance(body, dict) else None
        device = visitors.of(token) if isinstance(token, str) else None
        if device is None or device.kind not in OPENS:
            return _said(401, UNKNOWN)
        return _known_from_now_on(Response(status=204), str(token))

    @server.after_request
    def renew(response: Response) -> Response:
        """A screen that is used never runs out."""
        token = request.cookies.get(COOKIE)
        is_device = (viewer := g.get("viewer")) is not None and viewer.device is not None
        if token and is_device and response.mimetype == "text/html":
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


def _said(status: int, text: str) -> Response:
    return Response(text, status=status, mimetype="text/plain")
