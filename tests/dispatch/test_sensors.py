"""Readings of sensors become alerts in the store, once; whatever else comes is refused."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from access.operations import Operations
from data.alert_rules import AlertRules
from dispatch.alerts import LiveAlerts
from dispatch.sensors import BY, Broker, Sensors, _Session
from rules.standing import Message, StandingRules, standing
from rules.thresholds import BadReading

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
RULES = AlertRules.model_validate(
    {
        "kinds": [{"code": "flood", "word": "水位超警戒"}, {"code": "fire", "word": "火情"}],
        "sensors": [
            {
                "kind": "water",
                "event": "flood",
                "unit": "m",
                "topics": ["t/water/{device}/level"],
                "levels": {"yellow": 3, "red": 5},
                "hysteresis": 0.5,
                "least": 0,
                "most": 20,
            },
            {
                "kind": "smoke",
                "event": "fire",
                "category": "Fire",
                "unit": "dB/m",
                "topics": ["t/smoke/{device}"],
                "payload": "json",
                "value": "v",
                "at": "t",
                "unit_key": "u",
                "levels": {"red": 0.3},
            },
        ],
        "devices": [
            {"device": "w1", "kind": "water", "lon": 112.5, "lat": 28.5},
            {"device": "w2", "kind": "water", "yellow": 4},
        ],
    }
)


@pytest.fixture
def alerts(tmp_path):
    operations = Operations(tmp_path)
    yield LiveAlerts(operations)
    operations.close()


@pytest.fixture
def sensors(alerts):
    return Sensors(alerts, RULES, ZONE)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def stored(alerts: LiveAlerts) -> list:
    return [each.message for each in alerts.changes(0, NOON - timedelta(days=1)).received]


def level(sensors: Sensors, value: float, minute: float, device: str = "w1"):
    return sensors.receive(f"t/water/{device}/level", str(value).encode(), at(minute))


def smoke(sensors: Sensors, now: datetime = NOON, device: str = "s1", **said):
    return sensors.receive(f"t/smoke/{device}", orjson.dumps(said), now)


def test_a_rising_water_level_is_one_alert_from_yellow_to_red_to_its_end(alerts, sensors):
    for minute, value in enumerate([2, 3, 4, 5.2, 4.6, 2]):
        level(sensors, value, minute)
    found = stored(alerts)
    assert [(m.msg_type, m.severity) for m in found] == [
        ("Alert", "Moderate"),
        ("Update", "Extreme"),
        ("Cancel", "Extreme"),
    ]
    first, second, last = (m.identity for m in found)
    assert (found[0].refers_to, found[1].refers_to) == ((), (first,))
    assert found[2].refers_to == (first, second)
    assert first.sender == last.sender == "w1"


def test_what_is_stored_says_what_and_where_and_keeps_to_the_standard(alerts, sensors):
    level(sensors, 5.25, 0)
    (message,) = stored(alerts)
    assert (message.event, message.category, message.status) == ("水位超警戒", "Safety", "Actual")
    assert (message.circle, message.parameter) == ("28.5,112.5 0", "water=5.25m")
    assert (message.sent, message.expires_at) == ("2026-07-01T04:00:00-00:00", at(60))


def test_a_device_has_its_own_thresholds_and_one_that_is_not_listed_those_of_its_kind(
    alerts, sensors
):
    for device in ("w1", "w2", "w9"):
        level(sensors, 3.5, 0, device)
    assert [(m.sender, m.circle) for m in stored(alerts)] == [("w1", "28.5,112.5 0"), ("w9", None)]


def test_chatter_is_not_told(alerts, sensors):
    values = [5, 4.6, 4.99, 4.5, 5, 4.7]
    assert [level(sensors, v, n) is not None for n, v in enumerate(values)] == [True] + [False] * 5


def test_a_json_message_gives_value_time_and_unit(alerts, sensors):
    smoke(sensors, at(1), v=0.4, t="2026-07-01T12:00:30", u="dB/m")  # no zone: the site's
    (message,) = stored(alerts)
    assert message.identity.sent == at(0.5)


@pytest.mark.parametrize("time", [1782878400, 1782878400000, "2026-07-01T04:00:00Z"])
def test_times_come_as_text_seconds_or_milliseconds(alerts, sensors, time):
    smoke(sensors, v="0.4", t=time)
    assert [m.identity.sent for m in stored(alerts)] == [NOON]


def test_a_reading_that_comes_again_is_the_same_alert(alerts, sensors):
    smoke(sensors, v=0.4, t="2026-07-01T12:00:00.250")
    assert smoke(sensors, v=0.4, t="2026-07-01T12:00:00.250") is None
    anew = Sensors(alerts, RULES, ZONE)
    anew.resume(NOON)
    assert smoke(anew, v=0.4, t="2026-07-01T12:00:00.250") is None
    forgetful = Sensors(alerts, RULES, ZONE)
    receipt = smoke(forgetful, v=0.4, t="2026-07-01T12:00:00.250")
    assert receipt and not receipt.is_new
    assert len(stored(alerts)) == 1


def test_who_starts_anew_goes_on_where_the_store_is(alerts, sensors):
    level(sensors, 3.5, 0)
    level(sensors, 3.5, 0, "w9")
    level(sensors, 1, 1, "w9")
    anew = Sensors(alerts, RULES, ZONE)
    anew.resume(at(2))
    assert level(anew, 3.5, 2) is None
    level(anew, 5.5, 3)
    level(anew, 3.5, 3, "w9")
    last = stored(alerts)[-2:]
    assert [(m.sender, m.msg_type) for m in last] == [("w1", "Update"), ("w9", "Alert")]
    assert last[0].refers_to == (stored(alerts)[0].identity,)


def test_what_others_say_in_a_sensors_name_does_not_count(alerts, sensors):
    level(sensors, 3.5, 0)
    (real,) = alerts.changes(0, NOON).received
    Sensors(alerts, RULES, ZONE).resume(NOON)
    cancelled = {"identifier": f"water.{at(1):%Y%m%dT%H%M%S.%f}", "msg_type": "Cancel"}
    fields = {n: getattr(real.message, n) for n in ("sender", "status", "scope", "severity")}
    forged = type(real.message)(**fields, **cancelled, sent="2026-07-01T12:01:00+08:00")
    alerts.accept(forged, "another device", b"", at(1))
    anew = Sensors(alerts, RULES, ZONE)
    anew.resume(at(2))
    assert level(anew, 3.5, 2) is None


def test_where_the_store_fails_nothing_is_forgotten(alerts, monkeypatch):
    failing = Sensors(alerts, RULES, ZONE)
    accept = alerts.accept
    monkeypatch.setattr(alerts, "accept", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        level(failing, 3.5, 0)
    monkeypatch.setattr(alerts, "accept", accept)
    receipt = level(failing, 3.5, 0)
    assert receipt and receipt.is_new


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("t/water/w1/flow", b"3", "没有声明这个主题"),
        ("t/water/w 1/level", b"3", "设备编号不行"),
        ("t/water/a,b/level", b"3", "设备编号不行"),
        ("t/water/w1/level", b"", "读数不是数"),
        ("t/water/w1/level", b"1_0", "读数不是数"),
        ("t/water/w1/level", b"\xff\xfe", "不是数"),
        ("t/water/w1/level", b"nan", "读数 nan 不是数"),
        ("t/water/w1/level", b"1e999", "读数 inf 不是数"),
        ("t/water/w1/level", b"99", "读数 99 超出量程 0 至 20 m"),
        ("t/water/w1/level", b"1" * 70_000, "超过 65536"),
        ("t/smoke/s1", b"0.4", "JSON 中没有 v"),
        ("t/smoke/s1", b"{", "不是合法的 JSON"),
        ("t/smoke/s1", b'{"v": true, "t": 1782878400}', "读数不是数"),
        ("t/smoke/s1", b'{"v": 0.4}', "t 不是时间"),
        ("t/smoke/s1", b'{"v": 0.4, "t": "today"}', "t 不是时间"),
        ("t/smoke/s1", b'{"v": 0.4, "t": 1e300}', "不是时间"),
        ("t/smoke/s1", b'{"v": 0.4, "t": 1782878400, "u": "%"}', "单位不对，应为 dB/m"),
        ("t/smoke/s1", b'{"v": 0.4, "t": "2026-07-01T12:10:00"}', "在将来"),
        ("t/smoke/s1", b'{"v": 0.4, "t": "2025-07-01T12:00:00"}', "不再是现状"),
    ],
)
def test_what_is_no_reading_is_refused_with_the_reason(alerts, sensors, topic, payload, reason):
    with pytest.raises(BadReading, match=re.escape(reason)):
        sensors.receive(topic, payload, NOON)
    assert stored(alerts) == []


def test_a_retained_value_without_a_time_may_be_of_any_day(alerts, sensors):
    with pytest.raises(BadReading, match="保留消息"):
        sensors.receive("t/water/w1/level", b"6", NOON, is_retained=True)
    said = orjson.dumps({"v": 0.4, "t": "2026-07-01T12:00:00"})
    assert sensors.receive("t/smoke/s1", said, NOON, is_retained=True)


@pytest.mark.parametrize(
    ("answer", "listens"), [("Granted QoS 1", True), ("Not authorized", False)]
)
def test_who_is_refused_a_topic_does_not_listen(sensors, answer, listens):
    session = _Session(Broker("localhost", 1883, "t"), sensors, lambda: None, lambda: NOON)
    reasons = [ReasonCode(PacketTypes.SUBACK, each) for each in ("Granted QoS 1", answer)]
    session._subscribed(session.client, None, 1, reasons, None)
    assert session.is_subscribed == listens


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("vtu"), inner),
    max_leaves=6,
)
payloads = st.one_of(
    st.binary(max_size=60),
    st.floats().map(lambda v: str(v).encode()),
    st.text(max_size=30).map(str.encode),
    st.fixed_dictionaries({"v": json, "t": json, "u": json}).map(
        lambda said: (
            orjson.dumps(said, default=str, option=orjson.OPT_NON_STR_KEYS)
            if _fits(said)
            else b"{}"
        )
    ),
)


def _fits(said: object) -> bool:
    try:
        orjson.dumps(said)
    except TypeError:
        return False
    return True


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["t/water/w1/level", "t/smoke/s1"]) | st.text(max_size=30), payloads)
def test_no_message_of_whatever_content_stops_the_subscriber(alerts, topic, payload):
    try:
        Sensors(alerts, RULES, ZONE).receive(topic, payload, NOON)
    except BadReading as refused:
        assert str(refused)


def test_the_wall_shows_one_alert_for_a_sensor(alerts, sensors):
    for minute, value in enumerate([3, 5, 2, 3.2]):
        level(sensors, value, minute)
    messages = [
        Message(
            each.message.sender,
            each.message.identifier,
            each.message.identity.sent,
            each.received_at,
            msg_type=each.message.msg_type or "",
            references=each.message.refers_to,
            signal={"Extreme": "red", "Moderate": "yellow"}[each.message.severity or ""],
            event=RULES.event_of(each.message.event, each.message.category)[0],
            lon=112.5,
            lat=28.5,
            expires=each.message.expires_at,
            device=each.device,
        )
        for each in alerts.changes(0, NOON).received
    ]
    assert {each.device for each in messages} == {BY}
    shown = standing(messages, [], StandingRules(), at(4))
    assert [(s.event, s.signal, s.sent) for s in shown] == [("flood", "yellow", at(3))]
