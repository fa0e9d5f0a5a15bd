"""An identity provider as another house runs one: real keys, real HTTP, and what a test lets it
do wrong."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "zhinao-tests", "a-secret-of-tests"


class House:
    """One provider. `person` is who sits before it; the rest is how it misbehaves: `told` changes
    the token's claims, `signs` makes the token of its claims, `broken` answers instead."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host, self.person = host, "u-001"
        self.keys = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})]
        self.told: dict[str, Any] = {}
        self.published: dict[str, Any] = {}
        self.signs: Callable[[dict], str] = self.signed
        self.broken: Mapping[str, Callable[[], Any]] = {}
        self.asked: list[str] = []
        self.issuer = ""
        self._codes: dict[str, dict[str, str]] = {}

    def signed(self, claims: dict) -> str:
        key = self.keys[0]
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, ["RS256"])

    def reset(self) -> None:
        self.person, self.told, self.published, self.broken = "u-001", {}, {}, {}
        self.signs = self.signed
        self.asked.clear()

    def app(self) -> Flask:
        app = Flask(__name__)

        @app.before_request
        def misbehave() -> Any:
            self.asked.append(request.path)
            return self.broken[request.path]() if request.path in self.broken else None

        @app.get("/.well-known/openid-configuration")
        def publish() -> Response:
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            names |= {"jwks_uri": "keys"}
            found = {name: f"{self.issuer}/{part}" for name, part in names.items()}
            return jsonify({"issuer": self.issuer, **found, **self.published})

        @app.get("/keys")
        def publish_keys() -> Response:
            return jsonify(KeySet([*self.keys]).as_dict(private=False))

        @app.get("/authorize")
        def authorize() -> Any:
            given = request.args
            assert (given["response_type"], given["client_id"]) == ("code", CLIENT)
            assert given["code_challenge_method"] == "S256" and "openid" in given["scope"]
            code = secrets.token_urlsafe(16)
            self._codes[code] = {**given, "person": self.person}
            there = {"code": code, "state": given["state"], "iss": self.issuer}
            return redirect(f"{given['redirect_uri']}?{urlencode(there)}")

        @app.post("/token")
        def give_token() -> Any:
            return self._token()

        return app

    def _token(self) -> Any:
        given, asked = request.form, self._codes.pop(request.form.get("code", ""), None)
        login = request.authorization
        if not login or (login.username, login.password) != (CLIENT, SECRET):
            return {"error": "invalid_client"}, 401
        shown = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(shown).decode().rstrip("=")
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or given.get("redirect_uri") != asked["redirect_uri"]
        ):
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": asked["person"], "iat": now}
        claims |= {"exp": now + 300, "nonce": asked["nonce"], **self.told}
        claims = {name: value for name, value in claims.items() if value is not None}
        token = {"access_token": "not-used", "token_type": "Bearer", "id_token": self.signs(claims)}
        return jsonify(token)


@contextmanager
def serving(house: House) -> Iterator[House]:
    """The provider on a free port of this machine."""
    server = make_server("127.0.0.1", 0, house.app(), threaded=True)
    house.issuer = f"http://{house.host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield house
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
