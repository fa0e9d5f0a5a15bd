"""Live alerts come in: CAP as XML or JSON from a device, kept before they are answered."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from flask import Flask, Response, request

from access.devices import Device, Devices
from access.operations import FAILURES
from access.policy import opened
from dispatch.alerts import LiveAlerts
from routes.devices import bearer
from rules.cap_message import BadAlert, CapMessage, from_json, from_xml

PATH = "/alerts"
KIND = "alerts"  # of the devices that may send
RATE, BURST = 20.0, 200.0  # alerts a second of one device, and at once
LARGEST = 1_000_000  # bytes; messages of the German weather service have 100 kB
READERS: dict[str, Callable[[bytes], CapMessage]] = {
    **dict.fromkeys(("application/cap+xml", "application/xml", "text/xml"), from_xml),
    "application/json": from_json,
}
NOT_ITS_NAME = "这台设备不能以 sender = {} 的名义报送，只能以 {}；此次报送已记录"
LATER = 5  # seconds after which to try again where the store is away

log = structlog.get_logger()


class Refused(Exception):
    """A submission that is not accepted: the status, the Chinese reason, headers."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.headers = status, headers or {}


class Bucket:
    """How many submissions a device has left: RATE a second flow in, up to BURST. For threads."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._left: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, device: int, now: float) -> float:
        """Take one; 0, or the seconds after which there will be one."""
        with self._lock:
            left, at = self._left.get(device, (self._burst, now))
            left = min(self._burst, left + max(0.0, now - at) * self._rate)
            self._left[device] = (left - 1 if left >= 1 else left, now)
            return 0.0 if left >= 1 else (1 - left) / self._rate


def register(server: Flask, alerts: LiveAlerts, devices: Devices) -> None:
    """Serve POST PATH: 201 for a new alert, 200 for a known one."""
    bucket = Bucket()

    @server.post(PATH)
    @opened
    def take_alert() -> Response:
        try:
            device = _device(devices)
            _slow_down(bucket, device)
            data = _body()
            message = READERS[request.mimetype](data)
            if device.senders and message.sender not in device.senders:
                alerts.refuse(message, device.name, data, datetime.now(UTC))
                raise Refused(403, NOT_ITS_NAME.format(message.sender, "、".join(device.senders)))
            receipt = alerts.accept(message, device.name, data, datetime.now(UTC))
        except Refused as refused:
            return _answer(refused.status, {"error": str(refused)}, refused.headers)
        except BadAlert as fault:
            return _answer(400, {"error": str(fault), "code": fault.code})
        except FAILURES as fault:
            log.error("alert not kept", reason=type(fault).__name__)
            later = {"Retry-After": str(LATER)}
            return _answer(503, {"error": "业务库暂时写不进，预警没有收下，请重发"}, later)
        told = {"sequence": receipt.sequence, "is_new": receipt.is_new}
        return _answer(201 if receipt.is_new else 200, told)

    @server.errorhandler(413)
    def refuse_large(fault: Any) -> Any:
        said = {"error": f"消息超过 {LARGEST} 字节"}
        return _answer(413, said) if request.path == PATH else fault


def _device(devices: Devices) -> Device:
    device = devices.of(bearer(), datetime.now(UTC))
    if device is None:
        raise Refused(401, "没有令牌，或令牌无效、已吊销", {"WWW-Authenticate": "Bearer"})
    if device.kind != KIND:
        raise Refused(403, "这台设备不能报送预警")
    return device


def _slow_down(bucket: Bucket, device: Device) -> None:
    seconds = bucket.wait(device.id, time.monotonic())
    if seconds:
        raise Refused(429, "报送过快，请稍后重发", {"Retry-After": str(int(seconds) + 1)})


def _body() -> bytes:
    if request.mimetype not in READERS:
        raise Refused(415, f"Content-Type 应为 {'、'.join(READERS)}")
    request.max_content_length = LARGEST  # also of a body that does not say how long it is
    return request.get_data(cache=False)


def _answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, mimetype="application/json")
