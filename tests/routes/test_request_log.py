"""One line a request, under an id, and no secret in any of them."""

import http.client
import io
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from flask import Flask, g
from flask.testing import FlaskClient

import app as screen
from access.devices import COOKIE, Device, Devices
from access.operations import Operations
from access.policy import opened
from access.viewers import of_device
from data import logs
from data.editions.store import EditionStore
from routes import request_log
from routes.server import server_on
from tests.layouts.small import store_with

SECRET = "Geheim19900001234"
NOW = datetime(2026, 11, 5, tzinfo=UTC)
EMPTY = {"method", "rule", "status", "ms", "actor", "request_id", "event", "level", "timestamp"}


@pytest.fixture(params=["json", "plain"])
def form(request, monkeypatch) -> str:
    monkeypatch.setenv(logs.VARIABLE, request.param)
    return request.param


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    store_with(tmp_path, 20).close()
    yield tmp_path
    structlog.reset_defaults()


def lines(said: str) -> list[dict]:
    return [json.loads(line) for line in said.splitlines()]


def filled(rule) -> str:
    """An address that the rule fits, with secrets for its parts."""
    numbers = re.sub(r"<int:\w+>", "7", rule.rule)
    return re.sub(r"<[^>]+>", SECRET, numbers)


@pytest.fixture
def device(home: Path) -> str:
    operations = Operations(home)
    token = Devices(operations).add("wall", f"{SECRET}厅", NOW)
    operations.close()
    return token


@pytest.mark.parametrize("is_known", [False, True], ids=["stranger", "wall"])
def test_no_route_tells_a_secret(home: Path, device: str, form: str, is_known: bool, caplog):
    """Address, query, body, header, cookie, user agent, referrer, device: through every route and
    method, known or made up, and through what Flask does where a route fails."""
    said = io.StringIO()
    with redirect_stderr(said), caplog.at_level(logging.DEBUG):
        store = EditionStore(home)
        server = screen.build(store).server
        server.view_functions["answer_alive"] = opened(fails)  # one that is open to everybody
        viewer = server.test_client()
        token = device if is_known else SECRET
        asked = 0
        for rule in list(server.url_map.iter_rules()):
            for method in (*sorted(rule.methods or ()), SECRET.upper()):
                ask(viewer, method, filled(rule), token)
                asked += 1
        store.close()
    told = said.getvalue()
    assert asked > 40
    assert told.count("request_id") > asked / 2
    for text in (told, caplog.text):
        assert SECRET.lower() not in text.lower()
        assert device not in text
    assert "KeyError" in told and "in fails" in told  # what failed is told, without what it said
    if form == "json":
        requests = [each for each in lines(told) if each["event"] == "request"]
        assert all(set(each) == EMPTY for each in requests)
        assert {each["actor"] for each in requests} <= {"wall", "-"}


def fails() -> str:
    raise KeyError(SECRET)


def ask(viewer: FlaskClient, method: str, path: str, token: str) -> None:
    headers = {
        "Authorization": f"Bearer {token}",
        "Cookie": f"{COOKIE}={token}; other={SECRET}",
        "User-Agent": SECRET,
        "Referer": f"http://127.0.0.1/{SECRET}",
        "X-Request-Id": f"{SECRET} not an id",
        "X-Forwarded-For": SECRET,
        "If-None-Match": SECRET,
    }
    body = {"output": SECRET, "token": SECRET, "id": SECRET, SECRET: SECRET}
    query = {"q": SECRET, SECRET: "1", "edition": SECRET}
    with viewer.open(path, method=method, headers=headers, query_string=query, json=body) as reply:
        assert re.fullmatch(r"[0-9a-f]{16}", reply.headers["X-Request-Id"])


def test_what_waitress_complains_of_names_no_address(home: Path, monkeypatch):
    """A visitor who goes away, one who sends nonsense, an answer that fails half way."""
    monkeypatch.setenv(logs.VARIABLE, "json")
    said = io.StringIO()
    with redirect_stderr(said):
        store = EditionStore(home)
        app = screen.build(store)
        inner = app.server.wsgi_app

        def torn(environ, start_response):
            if "torn" not in environ["PATH_INFO"]:
                return inner(environ, start_response)
            start_response("200 OK", [("Content-Length", "10")])
            return half()

        app.server.wsgi_app = torn  # type: ignore[method-assign]
        server = server_on(app.server, "127.0.0.1", 0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        port = server.effective_port
        raw(port, f"GET /torn/{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n")
        raw(port, f"GET /{SECRET} HTTP/9.9\r\n{SECRET}\r\n\r\n")
        raw(port, f"GET /{SECRET}\x00 HTTP/1.1\r\nContent-Length: {SECRET}\r\n\r\n")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", f"/sign-in/{SECRET}?q={SECRET}")
        assert connection.getresponse().status == 401
        connection.close()
        server.close()
        thread.join(20)
        store.close()
    told = lines(said.getvalue())
    assert SECRET not in said.getvalue()
    assert {"library", "request"} <= {each["event"] for each in told}
    assert any(each.get("reason") == "KeyError" for each in told)


def half() -> Iterator[bytes]:
    yield b"12345"
    raise KeyError(SECRET)


def raw(port: int, text: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        stream.sendall(text.encode())
        stream.settimeout(20)
        while stream.recv(4096):
            pass


def served(**routes) -> FlaskClient:
    server = Flask("log")
    request_log.register(server)
    for name, view in routes.items():
        server.add_url_rule(f"/{name}", name, view)
    return server.test_client()


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("abcdefgh", True),
        ("0123-ABCD", True),
        ("a" * 64, True),
        ("abcdefg", False),
        ("a" * 65, False),
        ("abcdefgh!", False),
        ("abc defgh", False),
        ("编号编号编号编号", False),
    ],
)
def test_an_id_that_fits_is_taken_over_and_another_made(given: str, is_taken: bool):
    viewer = served(there=lambda: "there")
    reply = viewer.get("/there", headers={"X-Request-Id": given.encode().decode("latin-1")})
    assert (reply.headers["X-Request-Id"] == given) is is_taken
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", reply.headers["X-Request-Id"])


def test_all_that_is_logged_meanwhile_bears_the_id_and_nothing_afterwards(capsys, monkeypatch):
    monkeypatch.setenv(logs.VARIABLE, "json")
    request_log.configure()

    def view() -> str:
        structlog.get_logger().warning("deep inside")
        g.viewer = of_device(Device(1, "大厅", "wall", NOW, None, None))
        return "there"

    viewer = served(there=view)
    viewer.get("/there", headers={"X-Request-Id": "first-request"})
    viewer.get("/there", headers={"X-Request-Id": "second-request"})
    told = lines(capsys.readouterr().err)
    ids = [each["request_id"] for each in told]
    assert ids == ["first-request"] * 2 + ["second-request"] * 2
    assert told[1]["actor"] == "wall" and told[1]["status"] == 200 and told[1]["ms"] >= 0
    structlog.reset_defaults()


def test_where_it_is_to_be_quiet_only_what_is_wrong_is_told(capsys, monkeypatch):
    monkeypatch.setenv(logs.VARIABLE, "quiet")
    request_log.configure()
    viewer = served(there=lambda: "there", fails=fails)
    viewer.get("/there")
    assert viewer.get("/fails").status_code == 500
    told = capsys.readouterr().err
    assert "request failed" in told and "/there" not in told
    structlog.reset_defaults()


def test_what_every_page_asks_all_the_time_is_told_only_where_it_is_not_well(capsys, monkeypatch):
    monkeypatch.setenv(logs.VARIABLE, "json")
    request_log.configure()
    answers = iter((304, 200, 503))
    viewer = served(
        heartbeat=lambda: ("", next(answers)), readyz=lambda: "", healthz=lambda: ("", 500)
    )
    for path in ("/heartbeat", "/heartbeat", "/heartbeat", "/readyz", "/healthz", "/assets/none"):
        viewer.get(path)
    told = [(each["rule"], each["status"]) for each in lines(capsys.readouterr().err)]
    assert told == [("/heartbeat", 200), ("/heartbeat", 503), ("/healthz", 500), ("-", 404)]
    structlog.reset_defaults()
