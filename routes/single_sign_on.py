"""Single sign-on: to the identity provider of another house and back, with nothing kept here.

What must be remembered of the way lies with the browser, sealed; what only we may know is made of
it with our key. A return that did not begin in the same browser is worth nothing."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import structlog
from flask import Flask, Response, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from access.identity_provider import Away, Forged, IdentityProvider
from access.keys import derived_key
from access.policy import opened
from access.sign_in import Signed, SignInRefused
from routes.addresses import local
from routes.gate import SESSION
from routes.sign_in import Doors, at_home, frame, page, who_asks, with_session

PATH = "/sign-in/single"
BACK = f"{PATH}/return"
COOKIE = "zhinao_single"  # Lax: it must come back from the provider's page
SECONDS = 600  # for which a way that was begun is good
LONGEST = 2000  # characters of a code, and of the page that was asked for
PURPOSE = "single sign-on"
FAILED = "单点登录没有完成"
UNPROVED = "没有收到可信的身份证明，可能是等待太久或重复打开。请重新登录。"
CANCELLED = "统一身份平台没有同意这次登录。请重新登录，或改用账号口令。"
UNREACHABLE = "统一身份平台暂时联系不上。请稍后再试，或改用账号口令登录。"

log = structlog.get_logger()


def register(server: Flask, doors: Doors, provider: IdentityProvider) -> None:
    """Serve PATH, which leads to the provider, and BACK, to which it leads back."""

    @server.get(PATH)
    @opened
    def begin_single() -> Response:
        way = _Way.begun(doors, request.args.get("next"))
        try:
            there = provider.address(_back(), way.state, way.nonce, way.verifier)
        except Away as fault:
            return _away(doors, fault)
        response: Any = redirect(there, 303)
        response.set_cookie(COOKIE, way.sealed(), max_age=SECONDS, **_kept())
        return response

    @server.get(BACK)
    @opened
    def end_single() -> Response:
        response = _answer(doors, provider)
        response.delete_cookie(COOKIE, **_kept())  # good for one return
        return response


@dataclass(frozen=True)
class _Way:
    """One way to the provider and back; `state` is also what the provider is told."""

    state: str
    there: str
    key: bytes

    @classmethod
    def begun(cls, doors: Doors, there: str | None) -> Self:
        asked = local(there)
        asked = asked if len(asked) <= LONGEST else "/"
        return cls(secrets.token_urlsafe(32), asked, _key(doors))

    @classmethod
    def remembered(cls, doors: Doors) -> Self:
        """The way on which this browser is; Forged where it is on none."""
        key = _key(doors)
        try:
            kept = _seal(key).loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
        except BadSignature:
            raise Forged("no way begun") from None
        state, there = kept
        way = cls(state, there, key)
        if not hmac.compare_digest(way.state.encode(), request.args.get("state", "").encode()):
            raise Forged("state")
        return way

    def sealed(self) -> str:
        return str(_seal(self.key).dumps([self.state, self.there]))

    @property
    def nonce(self) -> str:
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        return self._made("verifier")

    def _made(self, purpose: str) -> str:
        told = f"{purpose} {self.state}".encode()
        return hmac.new(self.key, told, hashlib.sha256).hexdigest()


def _answer(doors: Doors, provider: IdentityProvider) -> Response:
    try:
        way = _Way.remembered(doors)
        signed = _signed(doors, provider, way)
    except Forged as fault:
        log.warning("single sign-on refused", reason=str(fault))
        return _said(doors, 401, CANCELLED if "error" in request.args else UNPROVED)
    except Away as fault:
        return _away(doors, fault)
    except SignInRefused as refused:
        return _said(doors, 401, str(refused))
    return _led_on(doors, signed, way.there)


def _signed(doors: Doors, provider: IdentityProvider, way: _Way) -> Signed:
    issuer, code = provider.registration.issuer, request.args.get("code", "")
    if request.args.get("iss", issuer) != issuer:  # RFC 9207
        raise Forged("issuer")
    if not 0 < len(code) <= LONGEST or not code.isprintable():
        raise Forged("code")
    subject = provider.subject(code, _back(), way.nonce, way.verifier)
    now, before = datetime.now(UTC), request.cookies.get(SESSION)
    return doors.sign_in.by_subject(issuer, subject, now, *who_asks(), before=before)


def _led_on(doors: Doors, signed: Signed, there: str) -> Response:
    """A page of ours that leads on: the session's cookie goes to nobody whom another site sent."""
    path = at_home(signed.account, there)
    shown = page(doors.form("led_on", **frame(doors.store), path=path))
    return with_session(shown, signed)


def _away(doors: Doors, fault: Away) -> Response:
    log.error("identity provider away", reason=str(fault))
    return _said(doors, 503, UNREACHABLE)


def _said(doors: Doors, status: int, reason: str) -> Response:
    return page(doors.form("not_single", **frame(doors.store), told=FAILED, reason=reason), status)


def _back() -> str:
    return f"{request.host_url.rstrip('/')}{BACK}"


def _kept() -> dict[str, Any]:
    return {"path": PATH, "httponly": True, "samesite": "Lax", "secure": request.is_secure}


def _key(doors: Doors) -> bytes:
    return derived_key(doors.store.home, PURPOSE)


def _seal(key: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt=COOKIE, signer_kwargs={"digest_method": hashlib.sha256})
