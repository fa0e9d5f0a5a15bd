"""What stands is told to walls at once, and nothing of what senders wrote."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app as screen
from access.audit import Audit
from access.devices import Devices
from access.operations import Operations
from access.sessions import Sessions
from data.alert_rules import AlertRules
from data.codes import codes
from data.editions.store import EditionStore
from data.scope import Grant
from data.wall_views import DECIMALS
from dispatch.alerts import LiveAlerts
from routes import devices as devices_routes
from routes import gate, heartbeat, incident, live, shown
from routes.devices import Visitors
from routes.gate import Gate
from routes.live import Live
from rules.cap_message import CapMessage
from tests.layouts.small import SOUTH, TOWNS, VILLAGES, WEST, small_site, store_with
from tests.people import person_at
from tests.rules.test_cap_message import RECORD
from tests.screens import screen_at

EAST = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=EAST)  # the data time of the small edition
KINDS = [
    {"code": "gas", "word": "燃气泄漏", "texts": ["燃气", "可燃气体"]},
    {"code": "rain", "word": "暴雨"},
]
SENSOR = {"kind": "gas", "event": "gas", "unit": "%", "topics": ["gas/{device}"]}
SENSOR |= {"levels": {"red": 50}}
RULES = AlertRules.model_validate({"kinds": KINDS, "sensors": [SENSOR]})
HERE = "28.005,112.055 0.3"  # in T1V0G0
PLACES = {f"第{t}镇" for t in range(TOWNS)}
PLACES |= {f"第{t}镇{t}{v}村" for t in range(TOWNS) for v in range(VILLAGES)}


class Given:
    """A server over a small edition, a store, and a clock that the test moves."""

    def __init__(self, store: EditionStore):
        self.now, self.store = NOW, store
        self.operations = Operations(store.home)
        self.alerts, self.devices = LiveAlerts(self.operations), Devices(self.operations)
        self.is_any_lost = False
        self.live = Live(store, self.alerts, lambda: self.now, lambda _: self.is_any_lost)
        server = Flask("live")
        visitors = Visitors(self.devices)
        gate.register(server, Gate(visitors, Sessions(self.operations)), {})
        devices_routes.register(server, visitors)
        live.register(server, self.live, Audit(self.operations))
        incident.register(server, store, self.live)
        self.viewer = screen_at(server, store.home)

    def accept(self, identifier="A1", at=None, **fields) -> CapMessage:
        at = at or self.now
        told = {"status": "Actual", "msg_type": "Alert", "scope": "Public", "category": "Safety"}
        told |= {"event": "可燃气体浓度超限", "severity": "Extreme", "circle": HERE}
        given = CapMessage(
            sender="rq@xinghu.example",
            identifier=identifier,
            sent=at.isoformat(timespec="seconds"),
            **(told | fields),
        )
        self.alerts.accept(given, "燃气平台", b"", self.now)
        return given

    def ask(self, token: str | None = None) -> list[dict]:
        """What stands beside the alert of the edition, for whoever has the token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        told = self.viewer.get("/live", headers=headers).json["alerts"]
        return [each for each in told if each["event"] != "暴雨"]

    def later(self, **passed) -> None:
        self.now += timedelta(**passed)


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch):
    monkeypatch.setattr(live, "FRESH", -1.0)
    monkeypatch.setattr(live, "REST", 0.0)
    for name in ("PATIENCE", "FIRST_PATIENCE"):
        monkeypatch.setattr(live, name, 60.0)


@pytest.fixture
def server(tmp_path) -> Iterator[Given]:
    store = store_with(tmp_path, 20, small_site().model_copy(update={"alerts": RULES}))
    given = Given(store)
    yield given
    given.operations.close()
    store.close()


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def reference(message: CapMessage) -> str:
    return f"{message.sender},{message.identifier},{message.sent}"


def test_an_alert_stands_at_once_in_the_words_of_the_site(server):
    server.accept(expires=(NOW + timedelta(hours=3)).isoformat())
    (told,) = server.ask()
    assert len(told.pop("id")) == 20
    assert told == {
        "signal": "red",
        "word": "红色预警",
        "event": "燃气泄漏",
        "stamp": None,
        "place": "第1镇10村",
        "lon": 112.055,
        "lat": 28.005,
        "sent": ms(NOW),
        "received": ms(NOW),
        "expires": ms(NOW + timedelta(hours=3)),
        "count": 1,
        "flapping": False,
        "acknowledged": None,
        "by": None,
        "holder": "区/县指挥中心",
        "since": ms(NOW),
        "escalation": None,
        "escalations": [],
        "cluster": None,
    }


def test_the_alerts_of_the_edition_stand_beside_the_live_ones(server):
    server.accept()
    told = server.viewer.get("/live").json["alerts"]
    assert [(each["signal"], each["event"], each["place"]) for each in told] == [
        ("red", "燃气泄漏", "第1镇10村"),
        ("orange", "暴雨", "第1镇"),
    ]


def test_an_alert_that_came_both_ways_stands_once(server):
    server.alerts.accept(
        CapMessage(
            sender="cma", identifier="x1", sent="2026-11-20T06:10:00+00:00", status="Actual",
            msg_type="Alert", severity="Severe", event="暴雨", category="Met",
        ),
        "气象平台",
        b"",
        NOW,
    )  # fmt: skip
    (told,) = server.viewer.get("/live").json["alerts"]
    assert (told["event"], told["received"]) == ("暴雨", ms(NOW))


def test_nothing_moved_is_304_and_what_moves_has_another_number(server):
    first = server.viewer.get("/live")
    again = server.viewer.get("/live", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    server.accept()
    moved = server.viewer.get("/live", headers={"If-None-Match": first.headers["ETag"]})
    assert moved.status_code == 200
    assert moved.json["sequence"] == server.live.number() != first.json["sequence"]


def test_a_cancel_ends_it_an_exercise_is_stamped_and_a_test_is_never_shown(server):
    first = server.accept()
    server.accept("E1", status="Exercise", circle="28.035,112.005 0.1", severity="Minor")
    server.accept("T1", status="Test")
    assert [each["stamp"] for each in server.ask()] == [None, "演练"]
    server.later(minutes=1)
    server.accept("A2", msg_type="Cancel", references=reference(first))
    assert [each["stamp"] for each in server.ask()] == ["演练"]


def test_it_ends_by_itself_when_it_expires(server):
    server.accept(expires=(NOW + timedelta(minutes=5)).isoformat())
    number = server.live.number()
    server.later(minutes=4, seconds=59)
    assert len(server.ask()) == 1
    server.later(seconds=2)
    assert server.ask() == []
    assert server.live.number() != number


def test_who_does_not_acknowledge_is_escalated_and_that_is_recorded_once(server):
    first = server.accept()
    assert server.ask()[0]["escalation"] is None
    server.later(minutes=2, seconds=1)
    told = server.ask()[0]["escalation"]
    assert told == {"level": 1, "to": "值班长", "at": ms(NOW + timedelta(minutes=2))}
    server.later(minutes=3)
    (told,) = server.ask()
    assert told["escalation"]["level"] == 2
    assert [each["to"] for each in told["escalations"]][-1] == told["escalation"]["to"]
    assert len(told["escalations"]) == 2
    server.ask()
    noted = [e.level for i, e in server.alerts.escalations() if i == first.identity]
    assert noted == [1, 2]


def test_a_remote_control_acknowledges_and_escalation_ends(server):
    token = server.devices.add("remote", "值班台", NOW)
    server.accept()
    (told,) = server.ask()
    server.later(minutes=1)
    header = {"Authorization": f"Bearer {token}"}
    for _ in range(2):  # twice is once
        reply = server.viewer.post("/live/acknowledge", json={"id": told["id"]}, headers=header)
        assert reply.status_code == 204
    server.later(minutes=10)
    (seen,) = server.ask()
    assert (seen["acknowledged"], seen["by"]) == (ms(NOW + timedelta(minutes=1)), "值班台")
    assert seen["escalation"] is None


def test_an_alert_of_the_edition_is_acknowledged_the_same_way(server):
    token = server.devices.add("remote", "值班台", NOW)
    (told,) = server.viewer.get("/live").json["alerts"]
    header = {"Authorization": f"Bearer {token}"}
    body = {"id": told["id"]}
    server.viewer.post("/live/acknowledge", json=body, headers=header)
    assert server.viewer.get("/live").json["alerts"][0]["by"] == "值班台"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (None, {"id": "x"}, 401),
        ("wall", {"id": "x"}, 403),
        ("remote", {"id": "x"}, 404),
        ("remote", {"id": 1}, 400),
        ("remote", [], 400),
        ("remote", None, 400),
    ],
)
def test_what_cannot_be_acknowledged_is_refused(server, kind, body, status):
    token = server.devices.add(kind, "设备", NOW) if kind else "nobody's"
    header = {"Authorization": f"Bearer {token}"}
    reply = server.viewer.post("/live/acknowledge", json=body, headers=header)
    assert reply.status_code == status


def test_a_place_is_known_by_its_code_before_its_point(server):
    server.accept("C1", geocode="GB=T2V3G1")
    server.accept("C2", geocode="GB=T0;UGC=T0V1", circle=None)  # both, so what holds both
    server.accept("C3", geocode="SAME=430121", circle="30.0,100.0 1")  # neither known
    assert {each["place"] for each in server.ask()} == {"第2镇23村", "第0镇", None}


def test_a_wall_says_in_which_block_it_is_and_not_at_which_door(server):
    server.accept(circle="28.0056789,112.0554321 0")
    (told,) = server.ask()
    assert (told["lon"], told["lat"]) == (112.055, 28.006)


def test_a_wall_of_one_town_is_told_of_that_town_alone(server):
    """Also of what is told of a region around its own; not of what is told of no place."""
    town = server.devices.add("wall", "一镇", NOW, regions=["town:T1"])
    village = server.devices.add("wall", "一村", NOW, regions=["village:T1V0", "town:T0"])
    places = {"A": "T1V0G0", "B": "T1V2", "C": "T2V3G1", "D": "T1", "E": "elsewhere", "F": "T0V1"}
    for name, code in places.items():
        server.accept(name, geocode=f"GB={code}", circle=None)
    assert {each["place"] for each in server.ask(town)} == {"第1镇", "第1镇10村", "第1镇12村"}
    assert {each["place"] for each in server.ask(village)} == {"第1镇", "第1镇10村", "第0镇01村"}
    assert len(server.ask()) == len(places)


def test_a_wall_of_one_town_sees_no_incident_of_another(server):
    own = server.devices.add("wall", "一镇", NOW, regions=["town:T1"])
    other = server.devices.add("wall", "二镇", NOW, regions=["town:T2"])
    server.accept()
    (told,) = server.ask()
    codes = {}
    for name, token in (("own", own), ("other", other)):
        headers = {"Authorization": f"Bearer {token}"}
        reply = server.viewer.get(f"/incident/{told['id']}", headers=headers)
        codes[name] = (reply.status_code, len(server.ask(token)))
    assert codes == {"own": (200, 1), "other": (404, 0)}


def test_a_storm_elsewhere_leaves_room_for_what_is_of_the_town(server, monkeypatch):
    monkeypatch.setattr(shown, "MOST", 2)
    wall = server.devices.add("wall", "二镇", NOW, regions=["town:T2"])
    for number in range(4):
        server.accept(f"S{number}", geocode=f"GB=T0V{number}", circle=None)
    server.accept("own", geocode="GB=T2", circle=None, severity="Minor")
    reply = server.viewer.get("/live", headers={"Authorization": f"Bearer {wall}"}).json
    assert ([each["place"] for each in reply["alerts"]], reply["more"]) == (["第2镇"], 0)


def test_a_store_that_fails_leaves_what_was_seen_and_says_so(server, monkeypatch):
    server.accept()
    before = server.ask()

    def away():
        raise OSError("away")

    with monkeypatch.context() as while_away:
        while_away.setattr(server.alerts, "sequence", away)
        told = server.viewer.get("/live").json
    assert [each for each in told["alerts"] if each["signal"] == "red"] == before
    assert told["problem"] == live.UNREADABLE
    assert server.viewer.get("/live").json["problem"] is None


def test_what_could_not_be_told_is_said_to_be_old_and_told_when_it_can_be(server, monkeypatch):
    server.ask()
    with monkeypatch.context() as while_broken:
        while_broken.setattr(live, "standing", lambda *_: 1 / 0)
        server.accept()
        assert server.viewer.get("/live").json["problem"] == live.UNTOLD
    assert len(server.ask()) == 1
    assert server.viewer.get("/live").json["problem"] is None


def test_an_escalation_that_cannot_be_noted_is_shown_and_noted_later(server, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    first = server.accept()
    server.later(minutes=2, seconds=1)
    with monkeypatch.context() as while_full:
        while_full.setattr(server.alerts, "escalate", full)
        assert server.ask()[0]["escalation"]["level"] == 1
    assert server.alerts.escalations() == []
    server.later(minutes=3)
    server.ask()
    assert [e.level for i, e in server.alerts.escalations() if i == first.identity] == [2]


def test_sensors_that_nobody_listens_to_are_no_calm(server):
    server.accept()
    server.is_any_lost = True
    told = server.viewer.get("/live").json
    assert (told["problem"], len(server.ask())) == (live.DEAF, 1)
    server.accept("A2", circle="28.035,112.005 0.1")
    assert (server.live.shown().problem, len(server.ask())) == (live.DEAF, 2)
    server.is_any_lost = False
    assert server.viewer.get("/live").json["problem"] is None


def test_memory_stays_bounded_over_weeks_and_what_lasts_is_not_forgotten(server):
    lasting = server.accept("L", expires=(NOW + timedelta(days=300)).isoformat(), severity="Minor")
    server.alerts.acknowledge([lasting.identity], "值班台", NOW)
    for day in range(30):
        given = server.accept(f"D{day}", circle="28.035,112.005 0.1")
        server.later(minutes=3)  # so that it escalates
        server.ask()
        server.alerts.acknowledge([given.identity], "值班台", server.now)
        server.later(days=1)
    (told,) = server.ask()[-1:]
    assert (told["signal"], told["by"]) == ("blue", "值班台")
    known = server.live._known
    for table in (known._received, known._points, known._messages):
        assert len(table) <= 10
    assert len(known.acknowledgements) <= 10
    assert len(known.escalations) <= 10


def test_of_long_texts_and_shapes_nothing_stays_in_memory(server):
    corners = [f"28.00{n % 10},112.05{n % 7}" for n in range(500)]
    long = {"description": "长" * 100_000, "polygon": " ".join([*corners, corners[0]])}
    server.accept(**long, instruction="长" * 100_000)
    (told,) = server.ask()
    assert (told["place"], told["lon"]) == ("第1镇10村", pytest.approx(112.053, abs=0.004))
    (kept,) = server.live._known._received.values()
    assert len(repr(kept)) < 2_000


def anew(server: Given) -> list[dict]:
    """What a server says that has just been started."""
    told = Live(server.store, server.alerts, lambda: server.now).shown().rows
    return [each for each in told if each["event"] != "暴雨"]


def test_what_was_cancelled_stays_so_however_long_it_was_to_last(server):
    first = server.accept("long", expires=(NOW + timedelta(days=300)).isoformat())
    server.later(minutes=1)
    server.accept("end", msg_type="Cancel", references=reference(first))
    for _ in range(3):
        server.later(days=8)
        assert server.ask() == []
    assert anew(server) == []


def test_who_answered_an_alert_that_goes_on_for_weeks_is_not_called_again(server):
    last = first = server.accept("0", expires=(NOW + timedelta(hours=25)).isoformat())
    server.alerts.acknowledge([first.identity], "值班台", NOW)
    for day in range(1, 20):
        server.later(days=1)
        refers = f"{reference(first)} {reference(last)}" if day % 2 else reference(last)
        ends = (server.now + timedelta(hours=25)).isoformat()
        last = server.accept(f"{day}", msg_type="Update", references=refers, expires=ends)
        (told,) = server.ask()
        assert (told["by"], told["escalation"]) == ("值班台", None)
    (told,) = anew(server)
    assert (told["by"], told["escalation"], told["count"]) == ("值班台", None, 1)
    server.later(days=10)
    assert server.ask() == []
    assert server.live._known._received == {}


def test_a_storm_is_told_in_rows_that_a_wall_can_take(server, monkeypatch):
    monkeypatch.setattr(shown, "MOST", 5)
    for number in range(8):
        place = f"{28.005 + number // 5 * 0.02:.3f},{112.005 + number % 5 * 0.02:.3f} 0.1"
        signal = "Extreme" if number == 7 else "Minor"
        server.accept(f"S{number}", circle=place, severity=signal)
    told = server.viewer.get("/live").json
    assert (len(told["alerts"]), told["more"], told["alerts"][0]["signal"]) == (5, 4, "red")


def test_without_an_edition_alerts_stand_all_the_same(tmp_path):
    store = EditionStore(tmp_path)
    server = Given(store)
    server.accept()
    (told,) = server.ask()
    assert (told["signal"], told["event"], told["place"]) == ("red", "公共安全", None)
    server.operations.close()
    store.close()


words = st.text(max_size=20) | st.sampled_from(["张三", "13800000000", "第1镇", "<b>", "燃气 张三"])
SECRET = "机密王五13900000000"
texts = words.map(lambda word: f"{word}{SECRET}")
FREE = ("headline", "description", "area_desc", "instruction", "contact", "sender_name", "note")
FREE += ("web", "source", "incidents", "parameter", "event", "event_code", "geocode")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FREE, texts)), texts)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_that_a_sender_wrote_reaches_a_wall(server, free, sender):
    """Whatever stands in a message: every text of the answer is one of the site's own."""
    free = {name: text.replace("\0", "") for name, text in free.items()}
    sender = "".join(sender.split()).replace(",", "").replace("\0", "") or "s"
    number = server.alerts.sequence()
    at = NOW - timedelta(seconds=number)
    fields = {"status": "Actual", "msg_type": "Alert", "severity": "Severe", "circle": HERE}
    message = CapMessage(
        sender=sender,
        identifier=f"{SECRET}{number}",
        sent=at.isoformat(),
        **(fields | free),
    )
    server.alerts.accept(message, "平台", b"", NOW)
    reply = server.viewer.get("/live")
    assert SECRET not in reply.get_data(as_text=True)
    assert len(reply.json["alerts"]) >= 2
    own = {
        None,
        "演练",
        "区/县指挥中心",
        "值班长",
        "中心主任",
        "分管领导",
        "燃气泄漏",
        "暴雨",
    } | PLACES
    own |= {row["label"] for row in codes("cap_category").values()}
    own |= {row["label"] for row in codes("signal").values()} | set(codes("signal"))
    for each in reply.json["alerts"]:
        assert all(sign in "0123456789abcdef" for sign in each.pop("id"))
        said = {value for value in each.values() if isinstance(value, str)}
        assert said <= own
        assert each["lon"] == round(WEST + 0.055, DECIMALS) or each["lon"] == 112.07
        assert each["lat"] in (round(SOUTH + 0.005, DECIMALS), 28.02)


def test_the_whole_server_takes_an_alert_and_its_heartbeat_sends_walls_to_look(tmp_path):
    store = store_with(tmp_path, 20)
    operations = Operations(tmp_path)
    token = Devices(operations).add("alerts", "燃气平台", NOW)
    viewer = screen_at(screen.build(store).server, store.home)
    before = viewer.get("/heartbeat").json["live"]
    now = datetime.now(EAST).replace(microsecond=0)
    info = RECORD["info"][0] | {"expires": (now + timedelta(hours=1)).isoformat()}
    record = RECORD | {"sent": now.isoformat(), "msgType": "Alert", "info": [info]}
    reply = viewer.post("/alerts", json=record, headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == 201
    time.sleep(heartbeat.FRESH)
    told = viewer.get("/live").json
    assert viewer.get("/heartbeat").json["live"] == told["sequence"] != before
    assert "orange" in {each["signal"] for each in told["alerts"]}
    assert "长沙县" not in str(told) and "qxj@example.cn" not in str(told)
    operations.close()
    store.close()


def test_an_alert_of_other_regions_is_acknowledged_by_nobody_who_is_not_told_of_it(server):
    alert = shown.id_of(server.accept("A1").identity)
    home, app = server.store.home, server.viewer.application
    for region, status in (("town:T2", 404), ("town:T1", 204)):
        person = person_at(app, home, "dispatcher", [region], name=region.replace(":", ".").lower())
        reply = person.post("/live/acknowledge", json={"id": alert})
        assert reply.status_code == status
        (told,) = server.ask()
        assert (told["acknowledged"] is not None) == (status == 204)


def test_a_limited_grant_is_not_told_when_something_moves_elsewhere(server: Given):
    here, there = (Grant(regions=(("town", town),), departments=None) for town in ("T1", "T2"))
    before = server.live.number(there)
    server.accept()
    assert server.live.number(there) == before
    assert server.live.number(here) not in (before, server.live.number(there))
