"""Requests that no page of ours sends: addresses that lead out, bodies without end, other methods,
other hosts, cookies twice, headers in headers."""

import io
import itertools
import re
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from access.sessions import SESSIONS
from routes.bodies import LARGEST
from routes.gate import FORGERY_HEADER, SESSION, forgery_token
from tests.attacks.house import Target, is_sound
from tests.attacks.strings import EVIL, LINES, PATHS
from tests.people import PASSWORD
from tests.screens import TOKEN

CROSS = ({"Sec-Fetch-Site": "cross-site"}, {"Origin": f"https://{EVIL}"}, {"Origin": "null"})
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
ADDRESSES = (f"198.51.100.{number}" for number in itertools.cycle(range(1, 255)))
HOSTS = ("Host", "X-Forwarded-Host", "X-Original-Host", "Forwarded", "X-Forwarded-Prefix")


def test_no_part_of_any_address_leads_out(target: Target, everything: FlaskClient):
    count = 0
    for text in PATHS:
        for path in target.addresses(text):
            reply = everything.get(path)
            assert reply.status_code < 500, path
            assert not any(secret in reply.data for secret in target.secrets()), path
            count += 1
    for start in ("/assets/", "/remote/", "/geometry/", "/case/", "/export/", "/sign-in/"):
        for name in ("app.py", "access/audit.py", "audit.key", "etc/passwd", "demo.password"):
            for climb in ("../", "..%2f", "%2e%2e%2f", "..\\", "./../"):
                reply = everything.get(start + climb * 6 + name)
                assert reply.status_code in (303, 400, 401, 404) or b"<div" in reply.data
                assert not any(secret in reply.data for secret in target.secrets())
                count += 1
    print(f"tried {count} addresses that lead out")


def test_whom_nobody_knows_learns_no_file(target: Target):
    client = target.server.test_client()
    for text in PATHS:
        for path in target.addresses(text):
            reply = client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.9"})
            assert reply.status_code < 500
            assert not any(secret in reply.data for secret in target.secrets()), path


class Endless(io.RawIOBase):
    """A body that goes on; it counts what was taken of it."""

    def __init__(self, most: int) -> None:
        self.taken, self._most = 0, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self._most - self.taken)
        buffer[:count] = b"a" * count
        self.taken += count
        return count


@pytest.mark.parametrize("mimetype", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("says", [True, False])
def test_no_route_takes_a_body_without_end(target: Target, everything, mimetype: str, says: bool):
    """Whether it says how long it is or not; from somebody known as from anybody."""
    huge = 50 * LARGEST
    for client, refusals in ((everything, (413,)), (target.server.test_client(), (401, 303, 413))):
        for method, path in [*target.changing(), ("POST", "/sign-in/device"), ("GET", "/")]:
            if path == "/sign-out":
                continue
            body = Endless(huge)
            given: dict = {"REMOTE_ADDR": next(ADDRESSES)}
            given |= {"CONTENT_LENGTH": str(huge)} if says else {"wsgi.input_terminated": True}
            given |= {"CONTENT_TYPE": mimetype, "wsgi.input": body}
            given |= {"HTTP_TRANSFER_ENCODING": ""} if says else {"CONTENT_LENGTH": ""}
            reply = client.open(path, method=method, environ_overrides=given)
            assert reply.status_code < 500, (method, path, reply.status_code)
            assert body.taken <= 2 * LARGEST, (method, path, body.taken)
            if says:
                is_asked = path == "/_dash-update-component"  # which the gate must read itself
                assert reply.status_code in (*refusals, *((400,) if is_asked else ()))


def test_a_large_body_is_refused_as_such(everything: FlaskClient):
    for path in ("/_dash-update-component", "/live/acknowledge", "/sign-in"):
        large = b'{"output":"' + b"a" * LARGEST + b'"}'
        reply = everything.post(path, data=large, content_type="application/json")
        assert reply.status_code in (400, 401, 413), path


def test_no_header_and_no_field_makes_a_question_an_act(target: Target, everything: FlaskClient):
    for method, path in target.changing():
        for name in OVERRIDES:
            for asked in ("GET", "HEAD"):
                headers = {name: method}
                reply = everything.open(path, method=asked, headers=headers)
                plain = everything.open(path, method=asked)
                assert reply.status_code == plain.status_code, (method, path)
        everything.get(path, query_string={"_method": method})
    assert everything.get("/account").status_code == 200  # nobody was signed out


def test_what_changes_something_is_asked_by_a_page_of_ours_alone(target: Target):
    """CSRF: every route that is no question, with the cookies of somebody who is signed in."""
    token = target.token("dispatcher")
    client = target.server.test_client()
    client.set_cookie(SESSION, token)
    right = {FORGERY_HEADER: forgery_token(token)}
    attacks: list[dict[str, str]] = [
        {},
        {FORGERY_HEADER: ""},
        {FORGERY_HEADER: "你".encode().hex()},
    ]
    count = 0
    for method, path in target.changing():
        tried = [right | told for told in CROSS]
        if path not in ("/sign-in", "/sign-in/device", "/alerts"):  # where nobody is known yet
            tried += attacks
        for headers in tried:
            for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                reply = client.open(
                    path, method=method, headers=headers, content_type=kind, data="{}"
                )
                # A callback that is no callback is refused before it is asked who sends it.
                assert reply.status_code in (403, 400), (method, path, headers, reply.status_code)
                count += 1
    assert client.get("/account").status_code == 200
    print(f"tried {count} forged requests")


def test_a_screen_is_forged_no_more_than_a_person(target: Target):
    client = target.server.test_client()
    client.set_cookie("zhinao_device", TOKEN)
    for body in target.bodies.values():
        reply = client.post("/_dash-update-component", json=body)
        assert reply.status_code == 403


@pytest.mark.parametrize("name", HOSTS)
def test_no_link_and_no_redirect_names_another_host(target: Target, everything, name: str):
    value = f"host={EVIL}" if name == "Forwarded" else EVIL
    for client in (everything, target.server.test_client()):
        for path in [*target.addresses("x"), "/export/cases.csv", "/remote/remote.js"]:
            reply = client.get(path, headers={name: value})
            assert reply.status_code < 500
            told = f"{dict(reply.headers)}"
            assert EVIL not in told and EVIL.encode() not in reply.data, (name, path)


@pytest.mark.parametrize("line", LINES)
def test_no_address_ends_a_header(target: Target, line: str):
    """A redirect that takes up what was asked for is one line."""
    client = target.server.test_client()
    asked = unquote(line)
    replies = [
        client.get("/sign-in", query_string={"next": asked}),
        client.get(line),
        client.get(f"/sign-in/{TOKEN}", query_string={"next": asked}),
        signing_in(target, asked),
    ]
    for reply in replies:
        assert reply.status_code < 500
        assert "planted" not in " ".join(reply.headers.getlist("Set-Cookie"))
        there = reply.headers.get("Location", "/")
        assert re.fullmatch(r"/[\x21-\x7e]*", there) and not there.startswith("//")


def signing_in(target: Target, there: str):
    given = {"name": "analyst", "password": PASSWORD, "next": there}
    client = target.server.test_client()
    return client.post("/sign-in", data=given, environ_base={"REMOTE_ADDR": next(ADDRESSES)})


@pytest.mark.parametrize("there", [f"//{EVIL}", f"https://{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}"])
def test_nobody_who_signs_in_is_led_elsewhere(target: Target, there: str):
    replies = [
        signing_in(target, there),
        target.server.test_client().get(f"/sign-in/{TOKEN}", query_string={"next": there}),
    ]
    assert [reply.status_code for reply in replies] == [303, 303]
    assert [reply.headers["Location"] for reply in replies] == ["/", "/"]


def test_cookies_twice_and_huge_ones_let_nobody_in(target: Target):
    mine, other = target.token("mediator"), target.token("dispatcher")
    client = target.server.test_client(use_cookies=False)  # the header goes as it is written
    assert client.get("/cases", headers={"Cookie": f"{SESSION}={mine}"}).status_code == 200
    for kept in (
        f"{SESSION}=; {SESSION}=",
        f"{SESSION}={'x' * 60_000}",
        f'{SESSION}="{mine[:10]}"',
        f"{SESSION}={mine.upper()}",
        "; ".join(f"c{n}=1" for n in range(2000)),
        f"{SESSION}=%00; zhinao_device=%00",
        "=;=;;;,,",
    ):
        assert client.get("/cases", headers={"Cookie": kept}).status_code == 303
    # Of two, one counts for everything: who it is, and what a change must show.
    for first, second in ((mine, other), (other, mine)):
        kept = {"Cookie": f"{SESSION}={first}; {SESSION}={second}"}
        shown = [
            client.post("/account/active", headers={**kept, FORGERY_HEADER: forgery_token(each)})
            for each in (first, second)
        ]
        assert sorted(reply.status_code for reply in shown) == [204, 403]


def test_who_signs_out_is_out_however_often_the_cookie_comes(target: Target):
    token = target.token("analyst")
    client = target.server.test_client()
    client.set_cookie(SESSION, token)
    shown = {FORGERY_HEADER: forgery_token(token)}
    assert client.post("/sign-out", headers=shown).status_code == 303
    kept = {"Cookie": f"{SESSION}={token}; {SESSION}={token}"}
    other = target.server.test_client(use_cookies=False)
    assert other.get("/cases", headers=kept).status_code == 303
    with target.operations.reading() as connection:
        kept_digests = connection.execute(SESSIONS.select()).scalars().all()
    assert token not in kept_digests


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DEBUG", "PUT", "DELETE"])
def test_methods_that_nobody_declared_are_refused(target: Target, everything, method: str):
    for path in target.addresses("x"):
        assert is_sound(everything, method, path) in (400, 401, 403, 404, 405), (method, path)
