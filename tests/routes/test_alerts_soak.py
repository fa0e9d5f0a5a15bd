"""Nothing that was accepted is lost, however often the server is killed."""

import http.client
import os
import queue
import signal
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest
from sqlalchemy import func, select

from access.devices import Devices
from access.operations import Operations
from dispatch.alerts import ALERTS, RECEIPTS
from tests.browser.driving import Wall
from tests.rules.test_cap_message import RECORD

NOW = datetime(2026, 11, 5, tzinfo=UTC)
PATIENCE = 120  # seconds for one alert to be accepted at last


class Killed(Wall):
    """A server that ends as when the power goes, and comes back under its address."""

    is_forked = False  # it comes back as anybody would start it

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)


@dataclass
class Told:
    """What the clients were answered: alert -> the statuses of its submissions that were 2xx."""

    accepted: dict[str, list[int]] = field(default_factory=dict)
    lost_connections: int = 0
    slowed_down: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, name: str, status: int) -> None:
        with self.lock:
            self.accepted.setdefault(name, []).append(status)

    def count(self) -> int:
        with self.lock:
            return len(self.accepted)


def send(port: int, token: str, waiting: "queue.SimpleQueue[str]", told: Told) -> None:
    """Push alerts until there are none; again and again where the connection breaks."""
    while True:
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        body = orjson.dumps(RECORD | {"identifier": name})
        deadline = time.monotonic() + PATIENCE
        while (status := submit(port, token, body)) not in (200, 201):
            assert status in (None, 429, 503), (name, status)
            assert time.monotonic() < deadline, name
            with told.lock:
                told.lost_connections += status is None
                told.slowed_down += status == 429
            time.sleep(0.1)
        told.note(name, status)
        if int(name[1:]) % 10 == 0:  # some come twice, as from systems that repeat themselves
            again = submit(port, token, body)
            if again is not None and again < 300:
                told.note(name, again)


def submit(port: int, token: str, body: bytes) -> int | None:
    """The status of one submission; None where no answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/alerts", body, headers)
        reply = connection.getresponse()
        reply.read()
        return reply.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def push(home, alerts: int, kills: int, clients: int) -> Told:
    """Push the alerts from as many devices as clients, and kill the server between them."""
    operations = Operations(home)
    devices = Devices(operations)
    tokens = [devices.add("alerts", f"平台甲{chr(ord('A') + n)}", NOW) for n in range(clients)]
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for number in range(alerts):
        waiting.put(f"A{number}")
    told, server = Told(), Killed(home).start()
    threads = [
        threading.Thread(target=send, args=(server.port, token, waiting, told)) for token in tokens
    ]
    try:
        for thread in threads:
            thread.start()
        for number in range(1, kills + 1):
            while told.count() < number * alerts // (kills + 1):
                assert any(thread.is_alive() for thread in threads)
                time.sleep(0.01)
            server.kill()
            server.start()
        for thread in threads:
            thread.join()
    finally:
        server.stop()
        operations.close()
    return told


def check(home, told: Told, alerts: int) -> int:
    """Every accepted alert is in the store exactly once; how many submissions it recorded."""
    operations = Operations(home)
    with operations.reading() as connection:
        kept = connection.execute(select(ALERTS.c.identifier)).scalars().all()
        receipts = connection.execute(select(func.count()).select_from(RECEIPTS)).scalar_one()
        new = select(func.count()).where(RECEIPTS.c.is_new)
        firsts = connection.execute(new).scalar_one()
        sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    operations.close()
    assert sound == "ok"
    assert sorted(kept) == sorted(f"A{number}" for number in range(alerts))
    assert set(told.accepted) == set(kept)
    assert all(statuses.count(201) <= 1 for statuses in told.accepted.values())
    assert firsts == alerts
    answered = sum(map(len, told.accepted.values()))
    assert answered <= receipts <= answered + told.lost_connections
    return receipts


def test_two_kills_lose_nothing_that_was_accepted(tmp_path):
    told = push(tmp_path, alerts=200, kills=2, clients=4)
    check(tmp_path, told, 200)


@pytest.mark.soak
def test_ten_kills_among_ten_thousand_alerts_lose_nothing_that_was_accepted(tmp_path):
    started = time.monotonic()
    told = push(tmp_path, alerts=10_000, kills=10, clients=16)
    seconds = time.monotonic() - started
    receipts = check(tmp_path, told, 10_000)
    print(
        f"\n10000 alerts, 10 kills: {seconds:.0f} s, {receipts} submissions recorded,"
        f" {told.lost_connections} without an answer, {told.slowed_down} slowed down; all kept once"
    )
