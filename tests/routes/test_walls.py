"""A remote control commands walls, and nobody else does; a revoked device sees nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest
from flask.testing import FlaskClient

import app as screen
from access.audit import Audit
from access.devices import Devices
from access.operations import Operations
from data.scope import Scope
from layouts.controls import Control
from layouts.scenes import SCENES
from routes.devices import FRESH
from routes.gate import forgery_token
from tests.layouts.small import store_with
from tests.routes.test_bodies import PATH, sound
from tests.screens import screen_at

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator:
    store = store_with(home, 200)
    yield screen.build(store).server
    store.close()


@pytest.fixture
def devices(home: Path) -> Devices:
    return Devices(Operations(home))


def signed_in(server, devices: Devices, kind: str, name: str) -> FlaskClient:
    return by_cookie(server, devices.add(kind, name, NOW))


def by_cookie(server, token: str) -> FlaskClient:
    """A browser that signed in with this token, and sends what a page of ours sends."""
    client = server.test_client()
    assert client.get(f"/sign-in/{token}").status_code == 303
    client.environ_base["HTTP_X_CSRFTOKEN"] = forgery_token(token)
    return client


def test_a_remote_tells_a_wall_its_scene_and_the_wall_hears_it(
    server, devices: Devices, home: Path
):
    remote = signed_in(server, devices, "remote", "值班台")
    wall = signed_in(server, devices, "wall", "大厅主屏")
    number = next(w["id"] for w in remote.get("/walls").json["walls"] if w["name"] == "大厅主屏")
    before = wall.get("/walls/own").json["sequence"]
    assert remote.post(f"/walls/{number}", json={"scene": "risk"}).json["scene"] == "risk"
    told = wall.get("/walls/own").json
    assert (told["name"], told["scene"], told["sequence"] > before) == ("大厅主屏", "risk", True)
    assert screen_at(server, home).get("/walls/own").json["scene"] is None  # another wall
    operations = Operations(home)
    noted = Audit(operations).entries(limit=1)[0].entry
    operations.close()
    assert (noted.actor, noted.action) == ("device:值班台", "wall.command")
    assert noted.subject == "大厅主屏" and '"asked":"scene"' in noted.detail


def test_the_remote_is_given_every_scene_and_the_towns(server, devices: Devices):
    told = signed_in(server, devices, "remote", "值班台二").get("/walls").json
    assert [scene["key"] for scene in told["scenes"]] == list(SCENES)
    assert {"key": "town:T1", "name": "第1镇"} in told["regions"]


def test_nobody_but_a_remote_commands(server, devices: Devices):
    wall = signed_in(server, devices, "wall", "侧屏")
    for client, status in ((wall, 403), (server.test_client(), 401)):
        assert client.post("/walls/0", json={"scene": "risk"}).status_code == status
        assert client.get("/walls").status_code == status


def test_a_page_of_another_site_commands_nothing(server, devices: Devices):
    remote = signed_in(server, devices, "remote", "值班台三")
    reply = remote.post(
        "/walls/0", json={"scene": "risk"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert reply.status_code == 403


@pytest.mark.parametrize("body", [None, [], {}, {"scene": 7}, {"mode": "peace?"}, {"sequence": 1}])
def test_a_command_that_makes_no_sense_is_refused_with_its_reason(server, devices: Devices, body):
    remote = signed_in(server, devices, "remote", f"值班台 {body}")
    reply = remote.post("/walls/0", json=body)
    assert reply.status_code == 400 and reply.text
    assert remote.post("/walls/999999", json={"scene": "risk"}).status_code == 404


def answers(app, client: FlaskClient) -> str:
    """All that callbacks answer a wall that shows everything, save the map, which names all."""
    client.get("/")
    bodies = [body for body in sound(app.callback_map) if "map-figure" not in body["output"]]
    asked = {Control.SCOPE: Scope().to_json(), Control.PULSE: {"edition": 1, "scale": 1}}
    for body in bodies:
        for part in (*body["inputs"], *body["state"]):
            if isinstance(part, dict) and part["id"] in asked:
                part["value"] = asked[part["id"]]
    replies = [client.post(PATH, json=body) for body in bodies]
    return "".join(json.dumps(reply.get_json(silent=True), ensure_ascii=False) for reply in replies)


def test_a_wall_of_one_town_is_answered_of_that_town_alone(tmp_path: Path):
    store = store_with(tmp_path, 2000)
    app, devices = screen.build(store), Devices(Operations(tmp_path))
    token = devices.add("wall", "一镇", NOW, regions=["town:T1"])
    own, every = by_cookie(app.server, token), screen_at(app.server, tmp_path)
    seen = {who: answers(app, client) for who, client in (("own", own), ("all", every))}
    towns = ("第0镇", "第1镇", "第2镇")
    assert [town in seen["own"] for town in towns] == [False, True, False]
    assert [town in seen["all"] for town in towns] == [True, True, True]
    store.close()


def test_json_without_a_bottom_is_refused_as_none(server, devices: Devices):
    body, kind = b"[" * 100_000, "application/json"
    remote = signed_in(server, devices, "remote", "值班台四")
    assert remote.post("/walls/0", data=body, content_type=kind).status_code == 400
    assert remote.post("/live/acknowledge", data=body, content_type=kind).status_code == 400
    assert (
        server.test_client().post("/sign-in/device", data=body, content_type=kind).status_code
        == 401
    )


def test_a_revoked_wall_gets_no_data_within_a_second(server, devices: Devices):
    wall = signed_in(server, devices, "wall", "旧屏")
    assert wall.get("/heartbeat").status_code == 200
    devices.revoke("旧屏", NOW)
    sleep(2 * FRESH)
    body = {"output": "ticker.data", "outputs": {"id": "ticker", "property": "data"}}
    for reply in (
        wall.get("/heartbeat"),
        wall.get("/walls/own"),
        wall.post("/_dash-update-component", json=body),
        wall.get("/geometry/x/town/all.json"),
    ):
        assert (reply.status_code, reply.text) == (401, "本设备已停用")
    for path in ("/heartbeat", "/live", "/walls/own"):  # that says it would be a page
        assert wall.get(path, headers={"Accept": "text/html"}).status_code == 401
    assert wall.get("/", headers={"Accept": "text/html"}).status_code == 200  # says so itself


def test_a_wall_that_is_opened_is_known_for_another_400_days(server, devices: Devices):
    wall = signed_in(server, devices, "wall", "北屏")
    cookie = wall.get("/", headers={"Accept": "text/html"}).headers["Set-Cookie"]
    assert "Max-Age=34560000" in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie


@pytest.mark.parametrize("token", ["x", "0" * 43, "%00"])
def test_a_wrong_token_signs_nobody_in(server, token: str):
    assert server.test_client().get(f"/sign-in/{token}").status_code in (401, 404)
    assert server.test_client().post("/sign-in/device", json={"token": token}).status_code == 401


def test_the_page_of_the_remote_is_there_and_holds_no_data(server):
    reply = server.test_client().get("/remote")
    assert reply.status_code == 200 and "大屏遥控" in reply.text and "第1镇" not in reply.text


def test_a_revoked_remote_still_finds_where_to_sign_in(server, devices: Devices):
    remote = signed_in(server, devices, "remote", "丢失的手机")
    devices.revoke("丢失的手机", NOW)
    sleep(2 * FRESH)
    assert remote.get("/walls").status_code == 401
    assert remote.post("/walls/0", json={"scene": "risk"}).status_code == 401
    for path in ("/remote", "/remote/remote.js", "/remote/remote.css"):
        assert remote.get(path, headers={"Accept": "*/*"}).status_code == 200
