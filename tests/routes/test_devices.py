"""Who asks is known by the token, may see its own regions, and nothing while that is unclear."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from access.devices import LONGEST_TOKEN, Devices
from access.operations import Operations
from access.policy import needs
from access.roles import Power
from access.sessions import Sessions
from data.scope import Grant
from routes import devices as routes
from routes import gate
from routes.devices import AWAY, Visitors
from routes.gate import Gate, grant

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture
def operations(tmp_path) -> Iterator[Operations]:
    operations = Operations(tmp_path)
    yield operations
    operations.close()


@pytest.fixture
def devices(operations) -> Devices:
    return Devices(operations)


@pytest.fixture
def visitors(devices, monkeypatch) -> Visitors:
    monkeypatch.setattr(routes, "FRESH", -1.0)
    return Visitors(devices)


@pytest.fixture
def viewer(visitors, operations) -> FlaskClient:
    """Of a server that tells everybody their grant."""
    server = Flask("devices")
    gate.register(server, Gate(visitors, Sessions(operations)), {})
    routes.register(server, visitors)
    server.add_url_rule("/data", "data", needs(Power.FIGURES)(lambda: repr(grant())))
    server.add_url_rule("/", "/", lambda: "page")
    return server.test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_wall_may_see_its_regions_and_any_other_screen_all_of_them(devices, viewer):
    own = devices.add("wall", "一镇", NOW, regions=["town:T1", "town:T2"])
    all_ = devices.add("wall", "大厅", NOW)
    regions = (("town", "T1"), ("town", "T2"))
    expected = Grant(regions=regions, departments=None, view="wall")
    assert viewer.get("/data", headers=bearer(own)).text == repr(expected)
    assert viewer.get("/data", headers=bearer(all_)).text == repr(Grant.wall())
    assert viewer.get("/data").status_code == 401
    viewer.get(f"/sign-in/{own}")
    assert viewer.get("/data").text == repr(expected)


def test_an_unknown_token_sees_no_data_in_the_header_or_the_cookie(viewer):
    assert viewer.get("/data", headers=bearer("x")).status_code == 401
    viewer.set_cookie("zhinao_device", "x")
    assert viewer.get("/data").status_code == 401
    assert viewer.get("/").text == "page"


def test_while_the_store_is_away_who_was_known_stays_so_and_nobody_else_is_let_in(
    devices, viewer, monkeypatch
):
    known = devices.add("wall", "一镇", NOW, regions=["town:T1"])
    before = viewer.get("/data", headers=bearer(known)).text

    def away(*_):
        raise OperationalError("select", {}, OSError("away"))

    monkeypatch.setattr(devices, "of", away)
    assert viewer.get("/data", headers=bearer(known)).text == before
    reply = viewer.get("/data", headers=bearer("another"))
    assert (reply.status_code, reply.text) == (503, AWAY)
    assert viewer.get("/", headers=bearer("another")).text == "page"
    with capture_logs() as logs:
        assert viewer.get("/sign-in/another").status_code == 503
    assert [each["asked"] for each in logs] == ["sign_in_once"] and "another" not in str(logs)


def test_what_strangers_bring_is_not_remembered_without_bounds(devices, visitors, monkeypatch):
    monkeypatch.setattr(routes, "MOST", 3)
    token = devices.add("wall", "大厅", NOW)
    assert visitors.of(token)
    for number in range(20):
        assert visitors.of(f"stranger {number}") is None
    assert visitors.of("x" * (LONGEST_TOKEN + 1)) is None
    assert len(visitors._known) <= 4 and token in visitors._known
