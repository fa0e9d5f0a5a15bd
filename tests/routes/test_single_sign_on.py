"""Whoever another house vouches for comes in; whatever is forged of it stays outside."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

import app as screen
from access.accounts import Accounts
from access.audit import Audit
from access.identity_provider import CLIENT, ISSUER, NAME, SECRET, Registration
from access.operations import Operations, OperationsError
from access.policy import OPEN, policy_of
from access.sessions import Sessions
from layouts.account_list import Part
from routes.bodies import PATH as CALLBACKS
from routes.gate import SESSION
from routes.single_sign_on import BACK, COOKIE, PATH
from tests import identity_provider
from tests.identity_provider import House, serving
from tests.layouts.small import store_with
from tests.people import person_at
from tests.routes.test_bodies import sound

SUBJECT = "u-001"


class Office:
    """A server that knows the provider, with an account that is bound and one that is not."""

    def __init__(self, home, house: House) -> None:
        self.house = house
        self.store = store_with(home, 50)
        self.app = screen.build(self.store)
        self.server = self.app.server
        self.operations = Operations(home)
        self.accounts, self.audit = Accounts(self.operations), Audit(self.operations)
        self.sessions = Sessions(self.operations)
        self.accounts.add("wang", "值班岗", "dispatcher", now())
        bound = f"{house.issuer} {SUBJECT}"
        self.accounts.change("wang", now(), "console", oidc_subject=bound)

    def away(self, client: FlaskClient, there: str = "/cases") -> str:
        """Begin; where the provider sends the browser back to, with its code."""
        begun = client.get(PATH, query_string={"next": there})
        assert begun.status_code == 303
        back = requests.get(begun.headers["Location"], allow_redirects=False, timeout=30)
        assert back.status_code == 302
        return back.headers["Location"].removeprefix("http://localhost")

    def sign_in(self, client: FlaskClient, there: str = "/cases") -> TestResponse:
        return client.get(self.away(client, there))

    def count(self) -> int:
        return len(self.sessions.all(now()))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def _office(tmp_path_factory) -> Iterator[Office]:
    with serving(House()) as house, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ISSUER, house.issuer)
        patch.setenv(CLIENT, identity_provider.CLIENT)
        patch.setenv(SECRET, identity_provider.SECRET)
        patch.setenv(NAME, "用县统一身份登录")
        office = Office(tmp_path_factory.mktemp("home"), house)
        yield office
        office.operations.close()
        office.store.close()


@pytest.fixture
def office(_office: Office) -> Office:
    _office.house.reset()
    return _office


@pytest.fixture
def client(office: Office) -> FlaskClient:
    return office.server.test_client()


def test_whoever_the_provider_vouches_for_comes_where_they_wanted(office: Office, client):
    text = client.get("/sign-in?next=/cases").text
    assert "用县统一身份登录" in text and "/sign-in/single?next=/cases" in text
    reply = office.sign_in(client)
    assert reply.status_code == 200  # no redirect: it would go on as sent by the other site
    assert re.search(r'http-equiv="refresh" content="0;url=/cases"', reply.text)
    kept = next(each for each in reply.headers.getlist("Set-Cookie") if each.startswith(SESSION))
    assert "HttpOnly" in kept and "SameSite=Strict" in kept
    assert client.get("/cases").status_code == 200  # though the first password was never changed
    newest = office.audit.entries(limit=1)[0].entry
    assert (newest.actor, newest.action, newest.result) == ("wang", "sign_in", "done")
    assert json.loads(newest.detail)["way"] == "oidc"


def test_what_is_remembered_of_the_way_is_sealed_short_lived_and_holds_no_secret(office, client):
    begun = client.get(PATH)
    kept = begun.headers["Set-Cookie"]
    assert kept.startswith(f"{COOKIE}=") and "HttpOnly" in kept and "SameSite=Lax" in kept
    assert "Max-Age=600" in kept and f"Path={PATH}" in kept
    asked = {name: each[0] for name, each in parse_qs(urlsplit(begun.location).query).items()}
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert asked["nonce"] not in kept and len({asked["nonce"], asked["state"]}) == 2
    again = parse_qs(urlsplit(client.get(PATH).location).query)
    assert all(again[name][0] != asked[name] for name in ("state", "nonce", "code_challenge"))


def test_over_https_what_is_kept_stays_there(client):
    begun = client.get(PATH, base_url="https://localhost")
    assert "Secure" in begun.headers["Set-Cookie"]
    assert "redirect_uri=https%3A%2F%2Flocalhost%2Fsign-in%2Fsingle%2Freturn" in begun.location


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example/", "/\\evil", "/a\nb"])
def test_nobody_is_led_elsewhere(office: Office, client, there: str):
    reply = office.sign_in(client, there)
    assert reply.status_code == 200 and "evil" not in reply.text
    assert 'content="0;url=/"' in reply.text


def test_the_page_that_leads_on_takes_no_markup(office: Office, client):
    reply = office.sign_in(client, '/"><script>alert(1)</script>')
    assert reply.status_code == 200 and "<script" not in reply.text


# Forged


def refused(office: Office, client: FlaskClient, address: str) -> None:
    before = office.count()
    reply = client.get(address)
    assert (reply.status_code, reply.mimetype) == (401, "text/html")
    assert "单点登录没有完成" in reply.text and "返回登录页" in reply.text
    assert SESSION not in "".join(reply.headers.getlist("Set-Cookie"))
    assert office.count() == before and client.get("/cases").status_code == 303


CLAIMS: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "audience": {"aud": "another"},
    "audiences": {"aud": ["another", "third"]},
    "no audience": {"aud": None},
    "for another party": {"aud": [identity_provider.CLIENT, "x"], "azp": "x"},
    "two audiences and no party": {"aud": [identity_provider.CLIENT, "x"]},
    "issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": 1_600_000_000},
    "no expiry": {"exp": None},
    "not yet": {"nbf": 4_000_000_000},
    "of the future": {"iat": 4_000_000_000},
    "no subject": {"sub": None},
    "subject of no text": {"sub": {"a": 1}},
    "empty subject": {"sub": ""},
    "long subject": {"sub": "x" * 256},
    "expiry of no number": {"exp": "soon"},
    "another access token": {"at_hash": "AAAA"},
}


@pytest.mark.parametrize("told", CLAIMS.values(), ids=CLAIMS)
def test_a_token_that_says_something_else_is_refused(office: Office, client, told: dict):
    office.house.told = told
    refused(office, client, office.away(client))


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def by_another_key(house: House) -> Callable[[dict], str]:
    other = RSAKey.generate_key(2048)
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, other, ["RS256"])


def by_an_unknown_key(house: House) -> Callable[[dict], str]:
    other = RSAKey.generate_key(2048)
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "other"}, claims, other, ["RS256"])


def by_its_own_key(house: House) -> Callable[[dict], str]:
    other = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "jwk": other.as_dict(private=False)}
    return lambda claims: jwt.encode(header, claims, other, ["RS256"])


def by_the_public_key_as_a_secret(house: House) -> Callable[[dict], str]:
    return with_secret(house.keys[0].as_pem(private=False), {"alg": "HS256", "kid": "first"})


def by_the_clients_secret(_house: House) -> Callable[[dict], str]:
    return with_secret(identity_provider.SECRET.encode(), {"alg": "HS256"})


def with_secret(secret: bytes, header: dict) -> Callable[[dict], str]:
    """Written out, for libraries refuse to sign so."""

    def made(claims: dict) -> str:
        told = f"{part(header)}.{part(claims)}"
        digest = hmac.digest(secret, told.encode(), hashlib.sha256)
        return f"{told}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    return made


def by_nobody(alg: str) -> Callable[[House], Callable[[dict], str]]:
    return lambda _: lambda claims: f"{part({'alg': alg})}.{part(claims)}."


def tampered(house: House) -> Callable[[dict], str]:
    def made(claims: dict) -> str:
        head, _, signature = house.signed(claims).split(".")
        return f"{head}.{part(claims | {'sub': 'u-002'})}.{signature}"

    return made


SIGNATURES: dict[str, Callable[[House], Callable[[dict], str]]] = {
    "another key": by_another_key,
    "a key nobody knows": by_an_unknown_key,
    "its own key": by_its_own_key,
    "the public key as a secret": by_the_public_key_as_a_secret,
    "the client's secret": by_the_clients_secret,
    "none": by_nobody("none"),
    "None": by_nobody("None"),
    "no algorithm": by_nobody(""),
    "tampered": tampered,
    "no token": lambda _: lambda claims: "",
    "no text": lambda _: lambda claims: 7,  # type: ignore[return-value]
    "two parts": lambda _: lambda claims: f"{part(claims)}.{part(claims)}",
    "no JSON": lambda _: lambda claims: "a.b.c",
    "a list": lambda house: (
        lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "first"}, {"x": [claims]}, house.keys[0], ["RS256"]
        )
    ),
}


@pytest.mark.parametrize("signs", SIGNATURES.values(), ids=SIGNATURES)
def test_a_token_that_the_issuer_did_not_sign_is_refused(office: Office, client, signs):
    office.house.signs = signs(office.house)
    refused(office, client, office.away(client))


def test_another_state_is_refused(office: Office, client):
    address = re.sub(r"state=[^&]+", "state=another", office.away(client))
    refused(office, client, address)


@pytest.mark.parametrize("state", ["", "%E4%BD%A0", "%00", "x" * 5000])
def test_a_state_of_any_kind_is_refused(office: Office, client, state: str):
    office.away(client)
    refused(office, client, f"{BACK}?code=x&state={state}")


def test_a_return_without_a_beginning_is_refused(office: Office, client):
    address = office.away(client)
    client.delete_cookie(COOKIE, path=PATH)
    refused(office, client, address)


def test_a_way_that_another_browser_began_is_refused(office: Office, client):
    """Who lures somebody to the end of a way of their own would sign them in as themselves."""
    attacker = office.server.test_client()
    address = office.away(attacker)
    refused(office, client, address)
    office.away(client)
    refused(office, client, address)
    assert attacker.get(address).status_code == 200


def test_a_code_that_somebody_else_got_is_refused(office: Office, client):
    """PKCE: a code is good for the way alone on which it was given."""
    stolen = parse_qs(urlsplit(office.away(office.server.test_client())).query)["code"][0]
    refused(office, client, re.sub(r"code=[^&]+", f"code={stolen}", office.away(client)))


def test_a_return_that_is_asked_a_second_time_is_refused(office: Office, client):
    address = office.away(client)
    kept = client.get_cookie(COOKIE, path=PATH)
    assert client.get(address).status_code == 200
    other = office.server.test_client()
    refused(office, other, address)
    other.set_cookie(COOKIE, kept.value, path=PATH)  # who saw the cookie as well
    refused(office, other, address)


@pytest.mark.parametrize("kept", ["", "x", "WyJhIiwiLyJd.aaaa.bbbb", "é", "." * 4000])
def test_what_we_did_not_seal_is_refused(office: Office, client, kept: str):
    address = office.away(client)
    client.set_cookie(COOKIE, kept, path=PATH)
    refused(office, client, address)


def test_a_way_that_took_too_long_is_refused(office: Office, client, monkeypatch):
    address, begun = office.away(client), time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: begun + 660)
    refused(office, client, address)


@pytest.mark.parametrize("change", ["error=access_denied", "code=", "code=a%00b", "iss=https://x"])
def test_an_answer_without_proof_is_refused(office: Office, client, change: str):
    name = change.split("=")[0]
    address = re.sub(rf"&?{name}=[^&]+", "", office.away(client))
    if name == "error":
        address = re.sub(r"code=[^&]+", "", address)
    refused(office, client, f"{address}&{change}")


def test_who_is_nobody_here_is_refused_and_on_record(office: Office, client):
    office.house.person = "u-999"
    address = office.away(client)
    before, known = office.count(), len(office.accounts.all())
    reply = client.get(address)
    assert reply.status_code == 401 and "没有可用的账号" in reply.text
    newest = office.audit.entries(limit=1)[0].entry
    told = json.loads(newest.detail)
    assert (newest.action, newest.result) == ("sign_in", "refused")
    assert (told["way"], told["why"]) == ("oidc", "unknown")
    assert office.count() == before and len(office.accounts.all()) == known


def test_who_is_disabled_is_refused(office: Office, client):
    office.accounts.add("li", "停用岗", "analyst", now())
    office.accounts.change("li", now(), "console", oidc_subject=f"{office.house.issuer} u-002")
    office.accounts.disable("li", now())
    office.house.person = "u-002"
    assert office.sign_in(client).status_code == 401
    told = json.loads(office.audit.entries(limit=1)[0].entry.detail)
    assert told["why"] == "disabled"


# The provider


def test_new_keys_of_the_issuer_are_found(office: Office, client, monkeypatch):
    assert office.sign_in(client).status_code == 200
    monkeypatch.setattr("access.identity_provider.KEYS_AGAIN", 0)
    new = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
    for keys in ([new], office.house.keys):
        monkeypatch.setattr(office.house, "keys", keys)
        assert office.sign_in(client).status_code == 200


def test_what_is_published_is_asked_once(office: Office, client):
    office.sign_in(client)
    office.house.reset()
    for _ in range(3):
        assert office.sign_in(client).status_code == 200
    assert {*office.house.asked} == {"/authorize", "/token"}


def test_unknown_keys_are_not_looked_for_again_and_again(office: Office, client):
    office.sign_in(client)
    office.house.signs = by_an_unknown_key(office.house)
    for _ in range(3):
        assert office.sign_in(client).status_code == 401
    assert office.house.asked.count("/keys") <= 1


@pytest.fixture
def fresh(office: Office, tmp_path) -> Iterator[FlaskClient]:
    """A server that has not asked the provider yet."""
    store = store_with(tmp_path, 10)
    yield screen.build(store).server.test_client()
    store.close()


BROKEN: dict[str, Callable[[], Any]] = {
    "fails": lambda: ("", 500),
    "is gone": lambda: ("", 404),
    "leads elsewhere": lambda: ("", 302, {"Location": "http://127.0.0.1:1/"}),
    "is no JSON": lambda: "<html>",
    "is a list": lambda: [1],
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_answers_nonsense_is_away(office: Office, fresh, broken):
    office.house.broken = {"/.well-known/openid-configuration": broken}
    reply = fresh.get(PATH)
    assert (reply.status_code, reply.mimetype) == (503, "text/html")
    assert "暂时联系不上" in reply.text


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://127.0.0.1:1/token"},
        {"jwks_uri": "https://evil.example/keys"},
        {"authorization_endpoint": "https://evil.example/authorize"},
        {"token_endpoint": 7},
        {"jwks_uri": None},
    ],
)
def test_no_other_host_than_the_issuers_is_asked(office: Office, fresh, published: dict):
    office.house.published = published
    assert fresh.get(PATH).status_code == 503
    assert office.house.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("path", ["/token", "/keys"])
@pytest.mark.parametrize("broken", [BROKEN["fails"], BROKEN["leads elsewhere"]])
def test_a_provider_that_fails_on_the_way_back_is_away(office: Office, fresh, path, broken):
    address = office.away(fresh)
    office.house.broken = {path: broken}
    reply = fresh.get(address)
    assert reply.status_code == 503 and "返回登录页" in reply.text
    assert SESSION not in "".join(reply.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("said", ["", "<html>", "[1]", "{}", '{"id_token": null}', "null"])
def test_an_answer_without_a_token_lets_nobody_in(office: Office, client, said: str):
    address = office.away(client)
    office.house.broken = {"/token": lambda: said}
    before = office.count()
    reply = client.get(address)
    assert reply.status_code in (401, 503) and reply.mimetype == "text/html"
    assert office.count() == before


def test_a_provider_that_is_not_there_is_away(monkeypatch, tmp_path):
    monkeypatch.setenv(ISSUER, "http://127.0.0.1:1")
    monkeypatch.setenv(CLIENT, "x")
    store = store_with(tmp_path, 10)
    assert screen.build(store).server.test_client().get(PATH).status_code == 503
    store.close()


def test_the_page_of_accounts_says_whose_identity_is_bound(office: Office):
    client = person_at(office.server, office.store.home, "administrator")
    known = office.app.callback_map
    (body,) = (each for each in sound(known) if f"{Part.ACCOUNTS}.children" in each["output"])
    rows = json.loads(client.post(CALLBACKS, json=body).data)["response"][Part.ACCOUNTS]["children"]
    told = [json.dumps(row, ensure_ascii=False) for row in rows_of(rows)]
    bound = {
        name: "已绑定" in row for row in told for name in ("wang", "administrator") if name in row
    }
    assert bound == {"wang": True, "administrator": False}


def rows_of(node: Any) -> Iterator[dict]:
    """The table rows of a component's JSON."""
    if isinstance(node, dict):
        if node.get("type") == "Tr":
            yield node
        node = list(node.values())
    for each in node if isinstance(node, list) else ():
        yield from rows_of(each)


# The registration


def test_without_a_registration_there_is_no_such_way(tmp_path, monkeypatch):
    monkeypatch.delenv(ISSUER, raising=False)
    monkeypatch.delenv(CLIENT, raising=False)
    store = store_with(tmp_path, 10)
    server = screen.build(store).server
    assert PATH not in {rule.rule for rule in server.url_map.iter_rules()}
    assert "/sign-in/single" not in server.test_client().get("/sign-in").text
    store.close()


def test_both_ends_of_the_way_are_open_and_nothing_else_is_new(office: Office):
    views = office.server.view_functions
    new = [rule for rule in office.server.url_map.iter_rules() if rule.rule.startswith(PATH)]
    assert {rule.rule for rule in new} == {PATH, BACK}
    assert all(policy_of(views[rule.endpoint]) == OPEN for rule in new)


@pytest.mark.parametrize(
    "given",
    [
        {ISSUER: "https://sso.example.cn"},
        {CLIENT: "x"},
        {ISSUER: "http://sso.example.cn", CLIENT: "x"},
        {ISSUER: "sso.example.cn", CLIENT: "x"},
        {ISSUER: "https://", CLIENT: "x"},
        {ISSUER: "https://sso.example.cn/?a=1", CLIENT: "x"},
    ],
)
def test_a_registration_that_cannot_be_is_told(given: dict):
    with pytest.raises(OperationsError, match=ISSUER):
        Registration.of_environment(given)


def test_a_registration_shows_no_secret():
    given = {ISSUER: "https://sso.example.cn", CLIENT: "x", SECRET: "y-secret"}
    found = Registration.of_environment(given)
    assert found is not None and found.client_secret == "y-secret"
    assert "y-secret" not in repr(found)
    assert Registration.of_environment({}) is None
