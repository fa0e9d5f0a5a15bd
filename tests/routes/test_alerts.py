"""An alert comes in from a device that may send, once; everything else is refused with a reason."""

import hashlib
from datetime import UTC, datetime

import orjson
import pytest
from flask import Flask
from sqlalchemy import select

from access.devices import Devices
from access.operations import Operations
from dispatch.alerts import REFUSALS, LiveAlerts
from routes import alerts
from routes.alerts import LARGEST, Bucket
from tests.rules.test_cap_message import RECORD, XML

NOW = datetime(2026, 11, 5, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Given:
    """A server with a store and one device of each kind."""

    def __init__(self, operations):
        self.operations = operations
        self.devices, self.alerts = Devices(operations), LiveAlerts(operations)
        self.tokens = {k: self.devices.add(k, f"设备 {k}", NOW) for k in ("alerts", "wall")}
        server = Flask("alerts")
        alerts.register(server, self.alerts, self.devices)
        self.viewer = server.test_client()

    def post(self, data=XML, kind="application/cap+xml", token=None, **more):
        token = self.tokens["alerts"] if token is None else token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind} | more
        return self.viewer.post("/alerts", data=data, headers=headers)

    @property
    def kept(self):
        return [each.message for each in self.alerts.changes(0, LONG_AGO).received]


@pytest.fixture
def server(operations):
    return Given(operations)


@pytest.fixture
def plain(tmp_path):
    operations = Operations(tmp_path)
    yield Given(operations)
    operations.close()


def test_a_new_alert_is_201_a_known_one_200_however_it_is_written(server):
    first, again = server.post(), server.post(orjson.dumps(RECORD), "application/json")
    assert (first.status_code, first.json) == (201, {"sequence": 1, "is_new": True})
    assert (again.status_code, again.json) == (200, {"sequence": 1, "is_new": False})
    assert [each.headline for each in server.kept] == ["暴雨橙色预警"]


@pytest.mark.parametrize("kind", ["application/xml", "text/xml; charset=utf-8"])
def test_other_names_of_xml_do(plain, kind):
    assert plain.post(kind=kind).status_code == 201


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"data": XML.replace("Actual", "Real")}, 400, "status 的值不在标准之内：Real"),
        ({"data": b""}, 400, "不是合法的 XML"),
        (
            {"data": '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><alert>&d;</alert>'},
            400,
            "DTD 或实体",
        ),
        ({"data": b"{}", "kind": "application/json"}, 400, "缺少 identifier"),
        ({"kind": "text/plain"}, 415, "Content-Type 应为"),
        ({"kind": "application/x-www-form-urlencoded"}, 415, "Content-Type 应为"),
        ({"data": XML + " " * LARGEST}, 413, "消息超过 1000000 字节"),
        ({"token": "wrong"}, 401, "令牌"),
        ({"token": ""}, 401, "令牌"),
    ],
)
def test_what_is_refused_says_why_and_is_not_kept(plain, more, status, said):
    reply = plain.post(**more)
    assert (reply.status_code, said in reply.json["error"]) == (status, True)
    assert plain.kept == []


def test_only_a_device_that_sends_alerts_may(plain):
    assert plain.post(token=plain.tokens["wall"]).status_code == 403
    assert plain.viewer.post("/alerts", data=XML).status_code == 401
    assert plain.kept == []


def test_a_device_speaks_only_for_its_own_senders_and_what_it_tried_is_on_record(server):
    own = server.devices.add("alerts", "气象局", NOW, senders=["qxj@example.cn"])
    other = server.devices.add("alerts", "燃气公司", NOW, senders=["rq@example.cn"])
    reply = server.post(token=other)
    assert reply.status_code == 403
    assert "不能以 sender = qxj@example.cn 的名义报送，只能以 rq@example.cn" in reply.json["error"]
    assert server.kept == []
    assert server.post(token=own).status_code == 201
    with server.operations.reading() as connection:
        (row,) = connection.execute(select(REFUSALS)).all()
    assert (row.device, row.sender, row.digest) == (
        "燃气公司",
        "qxj@example.cn",
        hashlib.sha256(XML.encode()).hexdigest(),
    )


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("1970-01-01T08:00:00+08:00", 400),
        ("2099-01-01T08:00:00+08:00", 400),
        ("2026-11-05T08:30:00-12:00", 201),
        ("0001-01-01T00:00:00+14:00", 400),
    ],
)
def test_a_clock_that_cannot_be_right_is_told_so(plain, sent, code):
    reply = plain.post(orjson.dumps(RECORD | {"sent": sent}), "application/json")
    assert (reply.status_code, len(plain.kept)) == (code, int(code == 201))
    assert code == 201 or reply.json["code"] == "time"


def test_what_is_wrong_is_quoted_and_not_given_back_whole(plain):
    for was in ("Actual", "qxj@example.cn"):
        reply = plain.post(XML.replace(was, was + " x" * 100_000))
        assert (reply.status_code, len(reply.data) < 500) == (400, True)


def test_a_revoked_token_is_refused_at_once(plain):
    assert plain.post().status_code == 201
    plain.devices.revoke("设备 alerts", NOW)
    assert plain.post().status_code == 401


def test_who_sends_too_fast_is_told_when_to_come_again(plain, monkeypatch):
    monkeypatch.setattr(alerts.time, "monotonic", lambda: 0.0)  # nothing flows into the bucket
    codes = [plain.post().status_code for _ in range(201)]
    assert codes == [201] + [200] * 199 + [429]
    assert plain.post().headers["Retry-After"] == "1"


def test_a_bucket_fills_at_its_rate_and_no_higher_for_each_device():
    bucket = Bucket(rate=2, burst=3)
    assert [bucket.wait(1, 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.wait(2, 0.0) == 0
    assert [bucket.wait(1, 0.5), bucket.wait(1, 0.5)] == [0, 0.5]
    assert [bucket.wait(1, 1000.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.wait(1, 900.0) == 0.5  # a clock that goes back gives nothing


def test_where_the_store_is_away_nothing_is_accepted(tmp_path):
    """A message that was not kept is not answered as if it were."""
    store = Operations(tmp_path)
    server = Given(store)
    store.engine.dispose()
    (tmp_path / "operations.db").write_bytes(b"no database " * 1000)
    reply = server.post()
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
    store.close()
