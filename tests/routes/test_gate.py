"""Nobody passes who may not: every route, page and callback is walked, none is named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dash
import pytest
from dash import Dash
from flask import Flask
from flask.testing import FlaskClient

import app as screen
from access.accounts import Accounts
from access.audit import Audit
from access.devices import Devices
from access.operations import Operations
from access.policy import Policy, needs, opened, policy_of
from access.roles import ROLES, Power
from access.sessions import IDLE, Sessions
from access.viewers import DEVICE_POWERS
from routes import gate
from routes.addresses import local
from routes.gate import DASHS, FORGERY, FORGERY_HEADER, SESSION, forgery_token
from tests.layouts.small import store_with
from tests.routes.test_bodies import PATH, sound
from tests.screens import BEARER, admit

PASSWORD = "Kept-by-tests-only-7"
LIMITS = {"grid_worker": ["grid:T0V0G0"], "mediator": ["town:T1"]}


class House:
    """An app over a small county with an account of each role."""

    def __init__(self, home) -> None:
        self.store = store_with(home, 200)
        self.app: Dash = screen.build(self.store)
        self.server: Flask = self.app.server
        self.operations = Operations(home)
        self.accounts, self.sessions = Accounts(self.operations), Sessions(self.operations)
        for role in ROLES.values():
            departments = ["rsj"] if role.key == "department" else []
            given = (role.key, role.name, role.key, now(), LIMITS.get(role.key, ()), departments)
            self.accounts.add(*given, PASSWORD)
        admit(home)
        self.server.test_client().get("/", headers=BEARER)  # Dash makes its last routes now
        self.bodies = {body["output"]: body for body in sound(self.app.callback_map)}

    def token(self, role: str) -> str:
        account = self.accounts.of(role)
        assert account is not None
        return self.sessions.begin(account, now(), "127.0.0.1", "test", "password")

    def signed(self, role: str) -> FlaskClient:
        client = self.server.test_client()
        client.set_cookie(SESSION, self.token(role))
        return client

    def close(self) -> None:
        self.operations.close()
        self.store.close()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("home"))
    yield house
    house.close()


def shown(client: FlaskClient) -> dict[str, str]:
    """The header that a page of ours would send."""
    token = client.get_cookie(SESSION)
    assert token is not None
    return {FORGERY_HEADER: forgery_token(token.value)}


# Nothing is open by an oversight


def test_every_route_says_who_may_ask(house: House):
    unsaid = [
        rule.endpoint
        for rule in house.server.url_map.iter_rules()
        if rule.endpoint not in DASHS
        and policy_of(house.server.view_functions[rule.endpoint]) is None
    ]
    # Dash's own, for developers; and Flask's folder, which we have not. Both are nobody's.
    assert sorted(unsaid) == ["/_reload-hash", "static"]


def test_what_is_open_to_anybody_is_this_and_no_more(house: House):
    rules = house.server.url_map.iter_rules()
    views = house.server.view_functions
    opened = {
        rule.rule
        for rule in rules
        if (DASHS.get(rule.endpoint) or policy_of(views[rule.endpoint]) or Policy()).is_open
    }
    assert opened == {
        *("/sign-in", "/sign-in/<token>", "/sign-in/device", "/sign-in/forms.css"),
        *("/remote", "/remote/<part>", "/alerts", "/healthz", "/readyz", "/metrics"),
        *("/assets/<path:filename>", "/_favicon.ico"),
        "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    }


def test_every_callback_says_who_may_ask(house: House):
    known = house.app.callback_map
    unsaid = [
        output
        for output, each in known.items()
        if "callback" in each and policy_of(each["callback"]) is None
    ]
    assert [output for output in unsaid if not output.startswith(gate.ROUTER)] == []


def test_every_page_says_who_may_open_it():
    assert all(page.get("powers") for page in dash.page_registry.values())


def addresses(house: House) -> list[tuple[str, str]]:
    """A request of every route that is not open: method and address."""
    found = []
    for rule in house.server.url_map.iter_rules():
        policy = DASHS.get(rule.endpoint) or policy_of(house.server.view_functions[rule.endpoint])
        if policy is None or not policy.is_open:
            values = {name: 1 if rule.rule.count("int:") else "x" for name in rule.arguments}
            path = rule.build(values, append_unknown=False)
            found += [(method, path[1]) for method in rule.methods - {"OPTIONS"} if path]
    return found


def test_nobody_known_is_refused_everything_that_is_not_open(house: House):
    for method, path in addresses(house):
        reply = house.server.test_client().open(path, method=method, json={})
        is_page = reply.status_code == 303 and reply.headers["Location"].startswith(
            "/sign-in?next="
        )
        assert is_page or reply.status_code in (401, 403), (method, path, reply.status_code)
        assert b"hotline" not in reply.data and "小县".encode() not in reply.data


def test_a_route_without_a_word_is_nobodys(tmp_path):
    house = House(tmp_path)
    house.server._got_first_request = False
    house.server.add_url_rule("/forgotten", "forgotten", lambda: "data")
    assert house.signed("dispatcher").get("/forgotten").status_code == 403
    assert house.server.test_client().get("/forgotten", headers=BEARER).status_code == 403
    house.close()


# Each sees what the role may


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_other(house: House, role: str):
    client = house.signed(role)
    for page in dash.page_registry.values():
        if page["path_template"]:
            continue
        may = not ROLES[role].powers.isdisjoint(page["powers"])
        assert client.get(page["path"]).status_code == (200 if may else 403), page["path"]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_asks_its_callbacks_and_no_other(house: House, role: str):
    client = house.signed(role)
    for output, body in house.bodies.items():
        if output.startswith(gate.ROUTER):
            continue
        policy = policy_of(house.app.callback_map[output]["callback"])
        assert policy is not None
        reply = client.post(PATH, json=body, headers=shown(client))
        if policy.powers.isdisjoint(ROLES[role].powers):
            assert (reply.status_code, output) == (403, output)
        else:
            assert reply.status_code in (200, 204), output


@pytest.mark.parametrize("role", ROLES)
def test_the_router_brings_nobody_a_page_that_is_not_theirs(house: House, role: str):
    client = house.signed(role)
    body = next(body for output, body in house.bodies.items() if output.startswith(gate.ROUTER))
    for page in dash.page_registry.values():
        path = page["path"] if not page["path_template"] else "/case/x"
        for part in body["inputs"]:
            if part["property"] == "pathname":
                part["value"] = path
        reply = client.post(PATH, json=body, headers=shown(client))
        may = not ROLES[role].powers.isdisjoint(page["powers"])
        assert reply.status_code == (200 if may else 403), path


@pytest.mark.parametrize("role", ["administrator", "auditor", "analyst"])
@pytest.mark.parametrize("spelling", ["/{}/", "/{}//", "//{}", "//{}///"])
def test_no_other_spelling_of_an_address_brings_a_page(house: House, role: str, spelling: str):
    """Dash finds a page under more addresses than its own."""
    client = house.signed(role)
    body = next(body for output, body in house.bodies.items() if output.startswith(gate.ROUTER))
    for page in dash.page_registry.values():
        path = (page["path"] if not page["path_template"] else "/case/x/y").strip("/")
        may = not ROLES[role].powers.isdisjoint(page["powers"])
        for part in body["inputs"]:
            if part["property"] == "pathname":
                part["value"] = spelling.format(path)
        reply = client.post(PATH, json=body, headers=shown(client))
        assert reply.status_code == (200 if may else 403), path
        if path:
            assert client.get(f"/{path}/").status_code in ((200, 404) if may else (403,)), path


@pytest.mark.parametrize("kind", DEVICE_POWERS)
def test_a_device_opens_what_its_kind_may(house: House, kind: str):
    token = Devices(house.operations).add(kind, f"{kind} 1", now())
    client = house.server.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    for page in dash.page_registry.values():
        if not page["path_template"]:
            may = not DEVICE_POWERS[kind].isdisjoint(page["powers"])
            assert client.get(page["path"], headers=headers).status_code == (200 if may else 403)


# Forged requests


def test_what_changes_something_must_show_that_a_page_of_ours_asks(house: House):
    client = house.signed("dispatcher")
    assert client.get("/").status_code == 200
    kept = client.get_cookie(FORGERY)
    assert kept is not None and {FORGERY_HEADER: kept.value} == shown(client)
    body = next(body for output, body in house.bodies.items() if output == "ticker.data")
    for headers in ({}, {FORGERY_HEADER: "x"}, {FORGERY_HEADER: forgery_token("another")}):
        assert client.post(PATH, json=body, headers=headers).status_code == 403
        assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.post(PATH, json=body, headers=shown(client)).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
    ],
)
def test_a_page_of_another_site_changes_nothing_even_with_the_token(house: House, told: dict):
    client = house.signed("dispatcher")
    assert client.post("/account/active", headers=shown(client) | told).status_code == 403
    assert client.post("/sign-in", data={"name": "x"}, headers=told).status_code == 403


def test_the_token_of_one_session_is_worth_nothing_in_another(house: House):
    mine, other = house.signed("dispatcher"), house.signed("dispatcher")
    assert mine.post("/account/active", headers=shown(other)).status_code == 403
    assert mine.post("/account/active", headers=shown(mine)).status_code == 204


# Sessions


def test_what_a_page_asks_by_itself_keeps_no_session_awake(house: House, monkeypatch):
    client, began = house.signed("dispatcher"), now()

    def at(minutes: float) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return began + timedelta(minutes=minutes)

        monkeypatch.setattr(gate, "datetime", Clock)

    body = next(body for output, body in house.bodies.items() if output == "ticker.data")
    idle = IDLE / timedelta(minutes=1)
    at(idle - 1)
    assert client.get("/heartbeat").status_code == 200
    assert client.post(PATH, json=body, headers=shown(client)).status_code == 200
    assert client.post("/account/active", headers=shown(client)).status_code == 204
    at(2 * idle - 2)  # awake, for somebody was there
    assert client.get("/heartbeat").status_code == 200
    assert client.post(PATH, json=body, headers=shown(client)).status_code == 200
    at(2 * idle + 2)  # and then nobody
    assert client.get("/heartbeat").status_code == 401
    assert client.get("/").headers["Location"] == "/sign-in?next=/"


@pytest.mark.parametrize(
    "there",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "evil"]
    + ["/a\nb", "http:evil.example", "///x", "", None, "http://[", "/\t/evil.example"],
)
def test_nobody_is_led_elsewhere(there: str | None):
    assert local(there) == "/"


def test_where_one_wanted_to_go_is_kept():
    assert local("/cases?of=open&where=risk:red") == "/cases?of=open&where=risk:red"


def test_decorators_say_what_they_mean():
    view = needs(Power.AUDIT, is_act=True)(lambda: None)
    assert policy_of(view) == Policy(frozenset({Power.AUDIT}), is_act=True)
    assert policy_of(opened(lambda: None)) == Policy(is_open=True)
    assert policy_of(lambda: None) is None
    assert json.dumps(sorted(Power)) and policy_of(needs()(lambda: None)).powers == {*Power}


def test_who_only_sends_alerts_is_not_told_who_is_on_duty(house: House):
    token = Devices(house.operations).add("alerts", "平台", now())
    headers = {"Authorization": f"Bearer {token}"}
    assert house.server.test_client().get("/heartbeat", headers=headers).status_code == 403


def test_that_a_part_is_not_there_is_not_kept_for_a_year(house: House):
    reply = house.server.test_client().get("/assets/none.js?m=1")
    assert reply.status_code == 404 and "immutable" not in reply.headers["Cache-Control"]


def test_a_case_that_is_said_to_be_only_renewed_is_on_record_all_the_same(house: House):
    client = house.signed("grid_worker")
    with house.store.reading() as edition:
        asked = "SELECT case_code FROM cases WHERE grid = 'T0V0G0' LIMIT 1"
        found = edition.rows(asked)
    assert found  # else the test would look at nothing
    body = next(body for output, body in house.bodies.items() if "case-shown" in output)
    for part in body["inputs"]:
        if part["id"] == "case-code":
            part["value"] = found[0][0]
    told = body | {"changedPropIds": ["pulse.data"]}
    before = len(Audit(house.operations).entries(action="case.view"))
    for _ in range(3):
        assert client.post(PATH, json=told, headers=shown(client)).status_code == 200
    assert len(Audit(house.operations).entries(action="case.view")) == before + 1


def test_a_forged_button_is_no_error_of_ours(house: House):
    client = house.signed("administrator")
    body = next(body for output, body in house.bodies.items() if "accounts-told" in output)
    for kind in ("zzz", "unmask", "disable"):
        part = {"id": {"type": kind}, "property": "submit_n_clicks", "value": 1}
        at = next(n for n, each in enumerate(body["inputs"]) if each == [])
        told = body | {"inputs": [*body["inputs"][:at], [part], *body["inputs"][at + 1 :]]}
        told["changedPropIds"] = [f'{{"type":"{kind}"}}.submit_n_clicks']
        assert client.post(PATH, json=told, headers=shown(client)).status_code < 500
