"""From a real broker to the store, whatever ends in between: each alert once, none lost."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from access.operations import Operations
from data.site import load_site
from dispatch.alerts import LiveAlerts
from dispatch.listeners import LISTENERS
from dispatch.sensors import TURN, Broker, Sensors, subscribe
from tests.conftest import ROOT
from tests.data.village import SITE
from tests.mosquitto import HOST, NEEDED, PATIENCE, PROGRAM, Mosquitto

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NEEDED)

SMOKE = """
[[alerts.sensors]]
kind = "smoke"
event = "rain"
unit = "dB/m"
topics = ["t/smoke/{device}"]
payload = "json"
at = "t"
levels = { red = 0.3 }
"""
W1 = "t/water/w1/level"


@pytest.fixture
def site(tmp_path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "site.toml").write_text(SITE + SMOKE)
    return tmp_path / "site"


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    with running(tmp_path / "broker") as found:
        yield found


@pytest.fixture
def alerts(tmp_path) -> Iterator[LiveAlerts]:
    operations = Operations(tmp_path)
    yield LiveAlerts(operations)
    operations.close()


@contextmanager
def running(folder: Path, **options) -> Iterator[Mosquitto]:
    folder.mkdir()
    found = Mosquitto(folder, **options)
    try:
        found.start()
        yield found
    finally:
        found.stop()


@contextmanager
def subscribed(broker: Mosquitto, alerts: LiveAlerts, site: Path, **more) -> Iterator[Sensors]:
    """The subscriber in a thread, until its session is there; it ends with the block."""
    rules = load_site(site)
    sensors = Sensors(alerts, rules.alerts, rules.tzinfo)
    source = Broker(**({"host": HOST, "port": broker.port, "client_id": "zhinao-t"} | more))
    stop = threading.Event()
    heard = lambda: sensors.counts.update(heard=1)  # noqa: E731
    thread = threading.Thread(target=subscribe, args=(source, sensors, stop, heard))
    thread.start()
    try:
        yield sensors
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def stored(alerts: LiveAlerts) -> list[tuple[str, str, str]]:
    """(sender, type, severity) of every message in the store."""
    received = alerts.changes(0, datetime.now(UTC) - timedelta(days=1)).received
    return [(m.sender, m.msg_type or "", m.severity or "") for m in (r.message for r in received)]


def until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.02)


def has_come(alerts: LiveAlerts, device: str) -> bool:
    return any(sender == device for sender, _, _ in stored(alerts))


def published_until(broker: Mosquitto, alerts: LiveAlerts, device: str) -> None:
    """Publish a red level of a device until it comes: then the subscriber is there, and has taken
    whatever was published before."""
    deadline = time.monotonic() + PATIENCE
    while not has_come(alerts, device):
        assert time.monotonic() < deadline
        broker.publish((f"t/water/{device}/level", "9"))
        time.sleep(0.1)


def test_a_water_level_rises_through_yellow_to_red_and_falls(broker, alerts, site):
    with subscribed(broker, alerts, site):
        published_until(broker, alerts, "there")
        broker.publish(*((W1, str(v)) for v in (1, 2.9, 3, 3.4, 4.9, 5, 6, 4.8, 5.1, 4.4, 2.4)))
        until(lambda: ("w1", "Cancel", "Moderate") in stored(alerts))
    assert [row[1:] for row in stored(alerts) if row[0] == "w1"] == [
        ("Alert", "Moderate"),
        ("Update", "Extreme"),
        ("Update", "Moderate"),
        ("Cancel", "Moderate"),
    ]


def test_chatter_and_nonsense_come_to_nothing_and_stop_nothing(broker, alerts, site):
    with subscribed(broker, alerts, site) as sensors, capture_logs() as logs:
        published_until(broker, alerts, "there")
        broker.publish((W1, "5.1"), *((W1, v) for v in ("4.9", "4.6", "5.2", "4.55") * 10))
        broker.publish((W1, "nan"), (W1, ""), ("t/smoke/s1", "{"), (W1, b"\xff\x00"))
        published_until(broker, alerts, "after")
    assert [row for row in stored(alerts) if row[0] == "w1"] == [("w1", "Alert", "Extreme")]
    bad = [(each["topic"], each["reason"]) for each in logs if each["event"] == "bad_reading"]
    assert sensors.counts["refused"] == len(bad) == 4
    assert bad[0] == (W1, "读数 nan 不是数")
    assert bad[2] == ("t/smoke/s1", "不是合法的 JSON（1 字节）")


def test_what_is_published_while_nobody_listens_comes_when_somebody_does(broker, alerts, site):
    with subscribed(broker, alerts, site):
        published_until(broker, alerts, "there")
    broker.publish((W1, "3.5"), (W1, "6"))
    assert not has_come(alerts, "w1")
    with subscribed(broker, alerts, site):
        until(lambda: ("w1", "Update", "Extreme") in stored(alerts))


def test_a_broker_that_restarts_is_found_again(broker, alerts, site):
    with subscribed(broker, alerts, site) as sensors:
        published_until(broker, alerts, "there")
        broker.stop()
        time.sleep(0.1)
        broker.start()
        broker.publish((W1, "3.5"))
        until(lambda: has_come(alerts, "w1"))
    assert sensors.counts["alerts"] == 2


def test_it_says_that_it_listens_while_the_broker_gives_it_everything(broker, alerts, site):
    with subscribed(broker, alerts, site) as sensors:
        until(lambda: sensors.counts["heard"] > 1)
        broker.stop()
        time.sleep(2 * TURN)
        heard = sensors.counts["heard"]
        time.sleep(2 * TURN)
        assert sensors.counts["heard"] == heard
        broker.start()
        until(lambda: sensors.counts["heard"] > heard)


def test_a_store_that_fails_gets_it_again(broker, alerts, site, monkeypatch):
    accept, failures = alerts.accept, iter([True, True])

    def fails_twice(message, *rest):
        if message.sender == "w1" and next(failures, False):
            raise OperationalError("insert", {}, OSError("disk full"))
        return accept(message, *rest)

    monkeypatch.setattr(alerts, "accept", fails_twice)
    with subscribed(broker, alerts, site):
        published_until(broker, alerts, "there")
        broker.publish((W1, "3.5"), (W1, "6"))
        until(lambda: ("w1", "Update", "Extreme") in stored(alerts))
    assert [row for row in stored(alerts) if row[0] == "w1"] == [
        ("w1", "Alert", "Moderate"),
        ("w1", "Update", "Extreme"),
    ]


def test_a_fault_of_ours_in_one_reading_stops_no_other(broker, alerts, site, monkeypatch):
    with subscribed(broker, alerts, site) as sensors, capture_logs() as logs:
        published_until(broker, alerts, "there")
        receive = sensors.receive

        def fails(topic, *rest):
            if topic == W1:
                raise ZeroDivisionError
            return receive(topic, *rest)

        monkeypatch.setattr(sensors, "receive", fails)
        broker.publish((W1, "6"), ("t/water/w2/level", "6"))
        until(lambda: has_come(alerts, "w2"))
    assert [each["topic"] for each in logs if each["event"] == "reading_failed"] == [W1]
    assert sensors.counts["refused"] == 1 and not has_come(alerts, "w1")


def test_a_burst_of_many_sensors_is_taken_whole_and_in_order(broker, alerts, site):
    names = [f"b{number:03d}" for number in range(60)]
    with subscribed(broker, alerts, site):
        published_until(broker, alerts, "there")
        readings = [(f"t/water/{name}/level", str(v)) for v in (2, 3.5, 6, 1) for name in names]
        broker.publish(*readings)
        until(lambda: ("b059", "Cancel", "Extreme") in stored(alerts))
    for name in names:
        assert [row[1] for row in stored(alerts) if row[0] == name] == ["Alert", "Update", "Cancel"]


KILLED_AT = {
    "before it is stored": "dispatch.alerts.LiveAlerts.accept",
    "before it is acknowledged": "paho.mqtt.client.Client.ack",
}


@pytest.mark.parametrize("moment", KILLED_AT)
def test_killed_at_any_moment_each_alert_is_stored_once(broker, alerts, site, tmp_path, moment):
    with subscribed(broker, alerts, site):  # leaves its session with the broker
        published_until(broker, alerts, "there")
    at = datetime.now(UTC).isoformat()
    broker.publish(("t/smoke/s1", orjson.dumps({"value": 0.5, "t": at})), (W1, "6"))
    code = (
        "import os, signal, sys, dispatch.__main__ as it, dispatch.alerts, paho.mqtt.client\n"
        f"{KILLED_AT[moment]} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "it.app()"
    )
    options = ["--broker", broker.address, "--home", str(tmp_path), "--site", str(site)]
    options += ["--client-id", "zhinao-t"]
    done = subprocess.run(
        [sys.executable, "-c", code, "sensors", *options], cwd=ROOT, timeout=60, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert has_come(alerts, "s1") == (moment == "before it is acknowledged")
    with subscribed(broker, alerts, site):
        until(lambda: has_come(alerts, "s1") and has_come(alerts, "w1"))
        published_until(broker, alerts, "after")
    assert sorted(row[0] for row in stored(alerts)) == ["after", "s1", "there", "w1"]


def test_who_may_not_connect_is_told_and_tries_on(tmp_path, alerts, site):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "zhinao", "right"], check=True)
    options = ("allow_anonymous false", f"password_file {passwords}")
    with running(tmp_path / "guarded", options=options) as guarded:
        with (
            capture_logs() as logs,
            subscribed(guarded, alerts, site, user="zhinao", password="wrong"),
        ):
            until(lambda: any("拒绝连接" in each.get("reason", "") for each in list(logs)))
        with (
            capture_logs() as logs,
            subscribed(guarded, alerts, site, user="zhinao", password="right"),
        ):
            until(lambda: any(each["event"] == "broker_connected" for each in list(logs)))


# The client leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_over_tls_the_broker_must_be_who_it_says(tmp_path, alerts, site):
    made = _certificate(tmp_path)
    options = ("allow_anonymous true", f"certfile {made}/c.pem", f"keyfile {made}/k.pem")
    with running(tmp_path / "tls", options=options) as guarded:
        with capture_logs() as logs, subscribed(guarded, alerts, site, is_tls=True):
            until(lambda: any("certificate verify failed" in str(each) for each in list(logs)))
        with capture_logs() as logs, subscribed(guarded, alerts, site, ca_file=f"{made}/c.pem"):
            until(lambda: any(each["event"] == "broker_connected" for each in list(logs)))


def _certificate(folder: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(folder / "k.pem"), "-out", str(folder / "c.pem")]
    command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder


def test_the_command_listens_until_it_is_asked_to_end(broker, alerts, site, tmp_path):
    options = ["--broker", broker.address, "--home", str(tmp_path)]
    (tmp_path / "origin.json").write_bytes(orjson.dumps({"site": str(site)}))
    command = [sys.executable, "-m", "dispatch", "sensors", *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, env=dict(os.environ))
    try:
        published_until(broker, alerts, "w1")
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0
    assert b"broker_connected" in log
    with alerts._operations.reading() as connection:
        assert connection.execute(select(LISTENERS.c.name)).scalar_one() == "mqtt"


SECRETS = ("Geheim-7-token", "张测甲", "13800138000", "mqtt-password-9")


def test_where_the_log_is_collected_each_line_is_an_object_without_what_was_sent(
    broker, alerts, site, tmp_path
):
    options = ["--broker", broker.address, "--home", str(tmp_path), "--site", str(site)]
    command = [sys.executable, "-m", "dispatch", "sensors", *options]
    login = {"ZHINAO_MQTT_USER": "zhinao", "ZHINAO_MQTT_PASSWORD": SECRETS[3]}
    env = {**os.environ, **login, "ZHINAO_LOG": "json"}
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )
    said = "，".join(SECRETS).encode()
    try:
        published_until(broker, alerts, "w1")
        broker.publish(
            (W1, said),
            ("t/smoke/s1", said),
            ("t/smoke/s1", orjson.dumps({"v": SECRETS[0], "t": SECRETS[1]})),
            ("t/smoke/s1", orjson.dumps({"v": 1, "t": SECRETS[1]})),
            ("t/smoke/s1", orjson.dumps({"v": 1, "t": time.time(), "unit": SECRETS[2]})),
            (f"t/water/{SECRETS[1]} {SECRETS[2]}/level", b"9"),
        )
        published_until(broker, alerts, "w2")
        process.terminate()
        out, log = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    lines = [orjson.loads(line) for line in log.splitlines()]
    events = [line["event"] for line in lines]
    assert out == b"" and events.count("bad_reading") >= 5 and "alert" in events
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    for secret in SECRETS:
        assert secret not in log.decode()


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--broker", "localhost"], 1, "请给出 --site 站点目录"),
        (["--broker", "localhost", "--site", "sites/boston"], 1, "没有声明感知设备"),
        (["--broker", "localhost:x", "--site", "sites/demo"], 2, "应为 HOST 或 HOST:PORT"),
    ],
)
def test_a_command_that_cannot_work_says_why(tmp_path, options, code, reason):
    command = [sys.executable, "-m", "dispatch", "sensors", "--home", str(tmp_path), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    plain = re.sub(r"[│\s]+", " ", done.stderr)  # of wrong options in a frame
    assert reason in plain
