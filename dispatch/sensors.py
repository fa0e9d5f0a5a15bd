"""Sensors on a broker (MQTT): what they read, held against the site's thresholds, becomes alerts.

A message is acknowledged to the broker only after all that follows from it is in the store, so one
that was not is delivered again, in a persistent session also after this process was killed. What a
reading gives cause to say has an identity made of the sensor and the time of the reading, so that
said twice it is one alert. The state of a sensor is its last message in the store and nothing else.
"""

import random
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

import orjson
import structlog
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from access.operations import FAILURES, OperationsError
from data.alert_rules import DEVICE, AlertRules, Device, SensorKind
from dispatch.alerts import LiveAlerts, Receipt
from rules.cap_message import BadAlert, CapMessage, Identity, from_json
from rules.thresholds import BadReading, Change, DeviceState, Reading, Thresholds, read, told

BY = "mqtt"  # the device by which the store has them
QOS = 1
LARGEST = 64 << 10  # bytes of a reading
SAFE_DEVICE = re.compile(r"[\w.:@-]{1,64}")  # stands in CAP's sender (CAP 1.2, 3.2.1)
SAFE_TOPIC = re.compile(r"[\w.:@/-]{1,200}", re.ASCII)
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|nan|[-+]?inf", re.IGNORECASE)
MILLISECONDS = 1e11  # a greater number of seconds would be after the year 5000
SEVERITIES = {"red": "Extreme", "orange": "Severe", "yellow": "Moderate", "blue": "Minor"}
SIGNALS = {severity: signal for signal, severity in SEVERITIES.items()}
STAMP = "%Y%m%dT%H%M%S.%f"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between two tries to reach the broker
KEEP_ALIVE = 30  # seconds
TURN = 0.5  # seconds after which the loop looks whether it is to end

log = structlog.get_logger()


@dataclass(frozen=True)
class Broker:
    """Where the readings come from, and as whom we ask. The client id names the session that the
    broker keeps for us: it stays the same, and belongs to one subscriber."""

    host: str
    port: int
    client_id: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False
    ca_file: str | None = None


@dataclass(frozen=True)
class _Known:
    """A sensor as its messages leave it: its state, the first and the last message of its alert."""

    state: DeviceState = DeviceState()
    first: Identity | None = None
    last: Identity | None = None


class Sensors:
    """What the readings of a site's sensors come to. Used by one thread."""

    def __init__(self, alerts: LiveAlerts, rules: AlertRules, zone: tzinfo) -> None:
        self.alerts, self.rules, self.zone = alerts, rules, zone
        self.counts: Counter[str] = Counter()  # readings, alerts, refused
        self._devices = {(each.kind, each.device): each for each in rules.devices}
        self._thresholds: dict[tuple[str, str], Thresholds] = {}
        self._known: dict[tuple[str, str], _Known] = {}

    @property
    def filters(self) -> list[str]:
        """The topics to subscribe to."""
        topics = (topic for sensor in self.rules.sensors for topic in sensor.topics)
        return [topic.replace(DEVICE, "+") for topic in topics]

    def resume(self, now: datetime) -> None:
        """Go on from what the store has of each sensor; what has expired is over."""
        longest = max((sensor.expires_minutes for sensor in self.rules.sensors), default=0)
        changes = self.alerts.changes(0, now - timedelta(minutes=longest))
        self._known = {}
        for received in changes.received:
            if received.device == BY:
                self._known |= _resumed(received.message)

    def receive(
        self, topic: str, payload: bytes, now: datetime, is_retained: bool = False
    ) -> Receipt | None:
        """Take one message of the broker; the receipt of what it gave cause to say.

        BadReading with the reason where it is no reading. When this returns, what followed from the
        message is in the store; where it raises something else, it is to be given again.
        """
        sensor, device = self._sender(topic)
        reading = _reading(sensor, payload, self.zone, None if is_retained else now)
        key = sensor.kind, device
        known = self._known.get(key, _Known())
        state, change = read(self._threshold(sensor, device), known.state, reading, now)
        self.counts["readings"] += 1
        if change is None:
            self._known[key] = _Known(state, known.first, known.last)
            return None
        raw = orjson.dumps(self._message(sensor, device, change, known))
        message = from_json(raw)
        receipt = self.alerts.accept(message, BY, raw, now)
        self._known[key] = _Known(state, *_chain(message))
        self.counts["alerts"] += receipt.is_new
        return receipt

    def _sender(self, topic: str) -> tuple[SensorKind, str]:
        for sensor in self.rules.sensors:
            for pattern in sensor.topics:
                device = _device(pattern, topic)
                if device is not None:
                    return sensor, device
        raise BadReading("没有声明这个主题，或设备编号不行")

    def _threshold(self, sensor: SensorKind, device: str) -> Thresholds:
        key = sensor.kind, device
        if key not in self._thresholds:
            own = self._devices.get(key)
            if own is None:
                log.warning("unknown_sensor", kind=sensor.kind, device=device)
            self._thresholds[key] = sensor.thresholds(own)
        return self._thresholds[key]

    def _message(self, sensor: SensorKind, device: str, change: Change, known: _Known) -> dict:
        """A CAP 1.2 message with the elements' names as keys."""
        referred = [known.first, known.last] if change.msg_type != "Alert" else []
        references = " ".join(dict.fromkeys(_triple(each) for each in referred if each))
        at = change.reading.at.astimezone(UTC)
        value = f"{change.reading.value:g}{sensor.unit}"
        return {
            "identifier": f"{sensor.kind}.{at:{STAMP}}",
            "sender": device,
            "sent": _cap_time(at),
            "status": "Actual",
            "msgType": change.msg_type,
            "scope": "Public",
            "references": references or None,
            "info": {
                "language": "zh-CN",
                "category": sensor.category,
                "event": self.rules.word_of(sensor.event),
                "urgency": "Immediate",
                "severity": SEVERITIES[change.signal],
                "certainty": "Observed",
                "expires": _cap_time(change.expires_at),
                "parameter": {"valueName": sensor.kind, "value": value},
                "area": _area(device, self._devices.get((sensor.kind, device))),
            },
        }


def subscribe(
    broker: Broker,
    sensors: Sensors,
    stop: threading.Event,
    listening: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Take readings until `stop`. An unreachable broker or store is tried again, ever less often;
    what was not stored comes again, because it was not acknowledged. `listening` is called about
    every TURN while the broker gives what was subscribed to."""
    pauses, is_resumed = _pauses(), False
    while not stop.is_set():
        session = _Session(broker, sensors, listening, clock)
        try:
            if not is_resumed:
                sensors.resume(clock())
            is_resumed = True
            session.run(stop)
            reason = session.refusal or "连接中断"
        except (OSError, ssl.SSLError) as error:
            reason = f"连不上：{error}"
        except (*FAILURES, OperationsError) as error:
            is_resumed = False  # who knows what it has
            reason = f"运行数据库不可用：{type(error).__name__}"
        finally:
            session.close()
        if session.was_connected:
            pauses = _pauses()
        if not stop.is_set():
            pause = next(pauses)
            log.warning("broker_lost", broker=broker.host, reason=reason, again_in=round(pause, 1))
            stop.wait(pause)


class _Session:
    """One connection to the broker, from its beginning to its loss."""

    def __init__(
        self,
        broker: Broker,
        sensors: Sensors,
        listening: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.broker, self.sensors, self.listening, self.clock = broker, sensors, listening, clock
        self.was_connected, self.is_subscribed, self.refusal = False, False, ""
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            clean_session=False,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if broker.user:
            self.client.username_pw_set(broker.user, broker.password)
        if broker.is_tls or broker.ca_file:
            self.client.tls_set(ca_certs=broker.ca_file)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._message

    def run(self, stop: threading.Event) -> None:
        """Until the connection is lost, or `stop`; what the store raises goes through."""
        self.client.connect(self.broker.host, self.broker.port, keepalive=KEEP_ALIVE)
        while not stop.is_set():
            if self.client.loop(TURN) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if self.is_subscribed:
                self.listening()

    def close(self) -> None:
        """Part from the broker, which keeps the session and what is not acknowledged."""
        self.client.disconnect()

    def _connected(self, client: Client, _data, _flags, reason, _properties) -> None:
        if reason.is_failure:
            self.refusal = f"拒绝连接：{reason}"
            return
        self.was_connected = True
        log.info("broker_connected", broker=self.broker.host, topics=len(self.sensors.filters))
        filters = [(topic, QOS) for topic in self.sensors.filters]
        client.subscribe(filters)

    def _subscribed(self, _client, _data, _mid, reasons, _properties) -> None:
        for topic, reason in zip(self.sensors.filters, reasons, strict=False):
            if reason.is_failure:
                log.error("topic_refused", topic=topic, reason=str(reason))
        self.is_subscribed = not any(reason.is_failure for reason in reasons)

    def _message(self, client: Client, _data, message: MQTTMessage) -> None:
        now = self.clock()
        try:
            receipt = self.sensors.receive(
                message.topic, bytes(message.payload), now, message.retain
            )
            if receipt:
                log.info("alert", topic=_safe(message.topic), sequence=receipt.sequence)
        except (BadReading, BadAlert) as fault:
            self.sensors.counts["refused"] += 1
            refused = self.sensors.counts["refused"]
            told = str(fault) if isinstance(fault, BadReading) else type(fault).__name__
            log.warning("bad_reading", topic=_safe(message.topic), reason=told, refused=refused)
        except (*FAILURES, OperationsError):
            raise
        except Exception:  # a fault of ours: given again and again it would stop all the others
            self.sensors.counts["refused"] += 1
            log.exception("reading_failed", topic=_safe(message.topic))
        client.ack(message.mid, message.qos)


def _pauses() -> Iterator[float]:
    """Ever longer pauses, not the same for all who lost the broker at one moment."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1)
        pause = min(pause * 2, LONGEST_PAUSE)


def _device(pattern: str, topic: str) -> str | None:
    """The device that a topic names where the pattern fits, and its name can stand in CAP."""
    wanted, given = pattern.split("/"), topic.split("/")
    if len(wanted) != len(given):
        return None
    device = given[wanted.index(DEVICE)]
    fits = all(w in (g, DEVICE) for w, g in zip(wanted, given, strict=True))
    return device if fits and SAFE_DEVICE.fullmatch(device) else None


def _safe(topic: str) -> str:
    """A topic as a log may hold it: whoever publishes may write what he likes into one."""
    return topic if SAFE_TOPIC.fullmatch(topic) else "-"


def _reading(sensor: SensorKind, payload: bytes, zone: tzinfo, now: datetime | None) -> Reading:
    """What a message says; `now` is when a value without a time was measured (None: not known)."""
    if len(payload) > LARGEST:
        raise BadReading(f"消息有 {len(payload)} 字节，超过 {LARGEST}")
    if sensor.payload == "number":
        return Reading(_number(payload.decode("utf-8", "replace")), _or_unknown(now))
    try:
        said = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise BadReading(f"不是合法的 JSON（{len(payload)} 字节）") from None
    if not isinstance(said, dict) or sensor.value not in said:
        raise BadReading(f"JSON 中没有 {sensor.value}")
    at = _time(said.get(sensor.at), sensor.at, zone) if sensor.at else _or_unknown(now)
    unit = said.get(sensor.unit_key) if sensor.unit_key else None
    return Reading(_number(said[sensor.value]), at, None if unit is None else str(unit))


def _or_unknown(now: datetime | None) -> datetime:
    if now is None:
        raise BadReading("是保留消息，又没有时间：不知道是什么时候的读数")
    return now


def _number(value: object) -> float:
    if isinstance(value, float) or type(value) is int:
        return float(value)
    text = value.strip() if isinstance(value, str) else ""
    if not NUMBER.fullmatch(text):
        raise BadReading("读数不是数")
    return float(text)


def _time(value: object, key: str, zone: tzinfo) -> datetime:
    """ISO 8601, in the site's zone where it names none, or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        if isinstance(value, float) or type(value) is int:
            seconds = value / 1000 if abs(value) >= MILLISECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise BadReading(f"{key} 不是时间；应为 ISO 8601 或 1970 年以来的（毫）秒数")


def _resumed(message: CapMessage) -> dict[tuple[str, str], _Known]:
    """What a message of ours says of its sensor: nothing where it is not of the form."""
    kind, _, stamp = message.identifier.partition(".")
    try:
        at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return {}
    signal = None if message.msg_type == "Cancel" else SIGNALS.get(message.severity or "")
    return {(kind, message.sender): _Known(told(signal, at), *_chain(message))}


def _chain(message: CapMessage) -> tuple[Identity | None, Identity | None]:
    """The first and the last message of the alert to which a message belongs, until it ends."""
    if message.msg_type == "Cancel":
        return None, None
    return next(iter(message.refers_to), message.identity), message.identity


def _area(device: str, place: Device | None) -> dict:
    area = {"areaDesc": device}
    if place and place.lon is not None:
        area["circle"] = f"{place.lat},{place.lon} 0"
    return area


def _triple(identity: Identity) -> str:
    return f"{identity.sender},{identity.identifier},{_cap_time(identity.sent)}"


def _cap_time(at: datetime) -> str:
    """To the second; UTC is -00:00 (CAP 1.2, 3.3.2)."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}-00:00"
