"""The identity provider of another house, by OpenID Connect: where it is asked, and whom its token
names (OpenID Connect Core 1.0; PKCE, RFC 7636; advice of RFC 9700).

Nothing is asked of any host but the issuer's, and nothing that arrives is believed before the
issuer's own key has signed it."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from requests import RequestException, Response

from access.operations import OperationsError

ISSUER, CLIENT = "ZHINAO_OIDC_ISSUER", "ZHINAO_OIDC_CLIENT_ID"  # environment variables
SECRET, NAME = "ZHINAO_OIDC_CLIENT_SECRET", "ZHINAO_OIDC_NAME"
AUTHORITIES = "REQUESTS_CA_BUNDLE"  # a file of certificates, where the house signs its own
BUTTON = "用单位统一身份登录"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
WELL_KNOWN = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE = (3, 5)  # seconds: to be connected, and between two parts of an answer
MOST = 4  # at once: a provider that hangs must not hold every thread of the server
KEPT = 3600  # seconds for which what the provider publishes is believed
KEYS_AGAIN = 60  # seconds after which a key that nobody knows may be looked for once more
LEEWAY = 30  # seconds by which two clocks may differ
LONGEST = 255  # characters of a subject (Core 2)
MALFORMED = (JoseError, ValueError, TypeError, KeyError, AttributeError)


class Forged(Exception):
    """What came back proves nothing; its text is a word for the log."""


class Away(Exception):
    """The provider does not answer as it should; its text is a word for the log."""


@dataclass(frozen=True)
class Registration:
    """As what this centre is known to an identity provider; `name` is what the button says."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    name: str = BUTTON

    @classmethod
    def of_environment(cls, given: Mapping[str, str] = os.environ) -> Self | None:
        """The registration that is set; None where there is none, OperationsError where it cannot
        be one."""
        issuer, client = (given.get(key, "").strip() for key in (ISSUER, CLIENT))
        if not issuer and not client:
            return None
        if not issuer or not client:
            raise OperationsError(f"{ISSUER} 和 {CLIENT} 要一起设置")
        parts = urlsplit(issuer)
        is_safe = parts.scheme == "https" or parts.hostname in LOOPBACK
        if not is_safe or not parts.hostname or parts.query or parts.fragment:
            raise OperationsError(f"{ISSUER} 应是签发方的 https 地址，不带参数")
        return cls(issuer, client, given.get(SECRET) or None, given.get(NAME) or BUTTON)


class IdentityProvider:
    """One provider, as one process knows it. Safe for threads."""

    def __init__(
        self, registration: Registration, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` tells seconds, for how old what is kept has become."""
        self.registration = registration
        self._clock = clock
        self._room = threading.BoundedSemaphore(MOST)
        self._asking = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def address(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to sign in, from where it comes `back`; Away."""
        with self._session(back) as session:
            at = self._published(session)["authorization_endpoint"]
            told = {"state": state, "nonce": nonce, "code_verifier": verifier}
            return session.create_authorization_url(at, **told)[0]

    def subject(self, code: str, back: str, nonce: str, verifier: str) -> str:
        """Whom the provider names for a code that it gave out for `nonce` and `verifier`; Forged
        where that is not proved, Away."""
        with self._session(back) as session:
            at = self._published(session)["token_endpoint"]
            told = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
            try:
                answer = session.fetch_token(at, redirect_uri=back, **told, allow_redirects=False)
            except OAuthError as refused:
                raise Forged(f"refused: {_word(refused.error)}") from None
            except MALFORMED:
                raise Away("the token's answer cannot be read") from None
            return self._proved(session, answer, nonce)

    def _proved(self, session: OAuth2Session, answer: Mapping[str, Any], nonce: str) -> str:
        try:
            token = self._signed(session, answer.get("id_token"))
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.registration.issuer},
                    "aud": {"essential": True, "value": self.registration.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self.registration.client_id,
                    "access_token": answer.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY)
            subject = claims["sub"]
        except MALFORMED as fault:
            raise Forged(f"token: {type(fault).__name__}") from None
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST:
            raise Forged("token: subject")
        return subject

    def _signed(self, session: OAuth2Session, text: Any) -> jwt.Token:
        """What the token says, once one of the issuer's keys fits its signature."""
        if not isinstance(text, str):
            raise Forged("token: none")
        at = self._published(session)["jwks_uri"]
        try:
            return jwt.decode(text, self._keys(session, at, KEPT), [*ALGORITHMS])
        except InvalidKeyIdError:  # the issuer changes its keys now and then
            return jwt.decode(text, self._keys(session, at, KEYS_AGAIN), [*ALGORITHMS])

    def _keys(self, session: OAuth2Session, at: str, age: float) -> KeySet:
        found = self._document(session, at, age)
        try:
            return KeySet.import_key_set(found)  # type: ignore[arg-type]
        except MALFORMED:
            raise Away("the keys cannot be read") from None

    def _published(self, session: OAuth2Session) -> dict[str, Any]:
        """What the issuer says of itself, with every endpoint on its own host."""
        issuer = self.registration.issuer
        found = self._document(session, issuer.rstrip("/") + WELL_KNOWN, KEPT)
        if found.get("issuer") != issuer:
            raise Away("another issuer")
        for name in ENDPOINTS:
            if not isinstance(found.get(name), str) or not _is_same_host(found[name], issuer):
                raise Away(f"{name} on another host")
        return found

    def _document(self, session: OAuth2Session, at: str, age: float) -> dict[str, Any]:
        """A JSON object that the provider publishes, at most `age` seconds old. Whoever comes
        while it is fetched waits for the same."""
        with self._asking:
            known = self._kept.get(at)
            if known and self._clock() - known[0] < age:
                return known[1]
            asked: Any = session  # of requests, which says no types
            reply = asked.get(at, withhold_token=True, allow_redirects=False)
            try:
                found = _answered(reply).json()
            except ValueError:
                found = None
            if reply.status_code != 200 or not isinstance(found, dict):
                raise Away("what it publishes cannot be read")
            self._kept[at] = (self._clock(), found)
            return found

    @contextmanager
    def _session(self, back: str) -> Iterator[OAuth2Session]:
        if not self._room.acquire(blocking=False):
            raise Away("too many at once")
        own = self.registration
        try:
            made: Any = OAuth2Session(
                own.client_id,
                own.client_secret,
                scope="openid",
                redirect_uri=back,
                code_challenge_method="S256",
                default_timeout=PATIENCE,
            )
            with made as session:
                session.trust_env = False  # neither proxies nor passwords of this machine
                session.verify = os.environ.get(AUTHORITIES) or True
                session.register_compliance_hook("access_token_response", _answered)
                yield session
        except RequestException as fault:
            raise Away(type(fault).__name__) from None
        finally:
            self._room.release()


def _answered(reply: Response) -> Response:
    if 300 <= reply.status_code < 400 or reply.status_code >= 500:
        raise Away(f"status {reply.status_code}")
    return reply


def _is_same_host(address: str, issuer: str) -> bool:
    return urlsplit(address)[:2] == urlsplit(issuer)[:2]


def _word(error: Any) -> str:
    """The provider's code for what was wrong, as far as it may stand in a log."""
    text = str(error)[:40]
    return text if text.isascii() and text.replace("_", "").isalnum() else "?"
