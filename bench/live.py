"""Measures how soon an accepted alert is on a wall, while a hundred others look on."""

import asyncio
import random
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from access.devices import Devices
from access.operations import Operations
from bench.connection import Connection
from bench.figure import Figure
from bench.wall import serving
from tests.browser.driving import Look, Wall, chromium, looking

VIEWERS = 100
ALERTS = 40
EVERY = 1.0  # seconds between two polls of a wall
BETWEEN = (0.3, 1.7)  # seconds between two alerts, so that they fall anywhere between two polls
SEEN_S, CPU_PERCENT = 2.0, 100.0
SEED = 3
RED = 25  # alerts that take the screen of a Chromium
# When the alert that expires then is seen over the whole screen; ms since 1970.
TAKEN = """expires => { const box = document.querySelector('.takeover');
    if (!box || JSON.parse(box.dataset.key)[0].expires !== expires) return false;
    const size = box.getBoundingClientRect();
    return size.width > innerWidth / 2 && size.height > innerHeight / 2 && Date.now(); }"""
ISSUE = 3


def figures() -> list[Figure]:
    """Seconds from accepted to shown (p95), and % of a core that the server spends meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="zhinao-live-") as folder,
        serving(Path(folder)) as wall,
    ):
        token = _token(wall)
        seconds, percent = asyncio.run(_measure(wall, token))
        visible = _visible(wall, token)
    name = f"live: alert accepted -> known to the wall, p95, {VIEWERS} others"
    print(f"live: median {sorted(seconds)[len(seconds) // 2]:.2f} s", file=sys.stderr)
    shown = f"live: alert accepted -> takes the screen, p95, {VIEWERS} others"
    return [
        Figure(name, _p95(seconds), "s", SEEN_S, issue=ISSUE),
        Figure(shown, _p95(visible), "s", SEEN_S, issue=ISSUE),
        Figure("live: server with these viewers", percent, "% core", CPU_PERCENT, issue=ISSUE),
    ]


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[round(0.95 * (len(seconds) - 1))]


def _token(wall: Wall) -> str:
    operations = Operations(wall.home)
    token = Devices(operations).add("alerts", "量测", datetime.now(UTC))
    operations.close()
    return token


async def _measure(wall: Wall, token: str) -> tuple[list[float], float]:
    """Seconds until each alert was seen; percent of a core."""
    others = [asyncio.create_task(_Screen(wall.port).watch()) for _ in range(VIEWERS)]
    screen = _Screen(wall.port)
    watching = asyncio.create_task(screen.watch())
    await asyncio.sleep(3)  # all have begun
    spent, started = wall.cpu_seconds(), time.monotonic()
    accepted = await _send(wall.port, token)
    deadline = time.monotonic() + 30
    while len(screen.seen) < len(accepted) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    percent = 100 * (wall.cpu_seconds() - spent) / (time.monotonic() - started)
    for task in (*others, watching):
        task.cancel()
    ended = await asyncio.gather(*others, watching, return_exceptions=True)
    failed = [each for each in ended if not isinstance(each, asyncio.CancelledError)]
    assert not failed, failed[0]
    assert len(screen.seen) == len(accepted)
    return [screen.seen[sent] - at for sent, at in accepted.items()], percent


def _visible(wall: Wall, token: str) -> list[float]:
    """Seconds until each red alert took the screen of a Chromium, while the others look on."""
    done = threading.Event()
    others = threading.Thread(target=lambda: asyncio.run(_others(wall.port, done)))
    others.start()
    try:
        with chromium() as browser, looking(browser, drawing=None) as look:
            look.page.goto(wall.url)
            look.page.wait_for_function("() => window.zhinaoLive && zhinao.pushed()")
            look.page.wait_for_timeout(3000)  # as a wall that has long been up
            return [_until_it_takes(look, wall, token, number) for number in range(RED)]
    finally:
        done.set()
        others.join()


async def _others(port: int, done: threading.Event) -> None:
    screens = [asyncio.create_task(_Screen(port).watch()) for _ in range(VIEWERS)]
    while not done.is_set():
        await asyncio.sleep(0.1)
    for each in screens:
        each.cancel()
    await asyncio.gather(*screens, return_exceptions=True)


def _until_it_takes(look: Look, wall: Wall, token: str, number: int) -> float:
    """Both clocks are this machine's."""
    record = _alert(number, datetime.now(UTC).replace(microsecond=0))
    record["identifier"] = f"R{number}"
    record["info"][0] |= {"severity": "Extreme"}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{wall.url}/alerts", orjson.dumps(record), headers)
    with urllib.request.urlopen(asked) as reply:
        assert reply.status == 201, reply.status
    accepted = time.time()
    expires = datetime.fromisoformat(record["info"][0]["expires"]).timestamp()
    seen = look.page.wait_for_function(TAKEN, arg=1000 * expires).json_value()
    look.page.wait_for_timeout(random.uniform(300, 1300))
    return seen / 1000 - accepted


async def _send(port: int, token: str) -> dict[int, float]:
    """Submit alerts one after the other: `sent` in ms -> when it was accepted."""
    chance, accepted = random.Random(SEED), {}
    connection = Connection(port)
    headers = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    for number in range(ALERTS):
        at = datetime.now(UTC).replace(microsecond=0)
        body = orjson.dumps(_alert(number, at))
        status, _ = await connection.ask("POST", "/alerts", headers, body)
        assert status == 201, status
        accepted[number] = time.monotonic()
        await asyncio.sleep(chance.uniform(*BETWEEN))
    connection.close()
    return accepted


def _alert(number: int, at: datetime) -> dict:
    """Each at a place of its own, so that none is grouped with another; told apart by `expires`."""
    category = ("Fire", "Safety", "Met", "Infra")[number % 4]
    info: dict = {"category": category, "event": f"量测 {number}", "urgency": "Immediate"}
    info |= {"severity": "Moderate", "certainty": "Observed"}
    info["expires"] = f"{at.year + 1}-01-01T00:{number // 60:02}:{number % 60:02}+08:00"
    info["area"] = {"areaDesc": "量测", "circle": f"{28 + number / 50:.3f},113.0 0.1"}
    record = {"identifier": f"B{number}", "sender": "bench@example.cn", "sent": at.isoformat()}
    record |= {"status": "Actual", "msgType": "Alert", "scope": "Public"}
    return record | {"info": [info]}


@dataclass
class _Screen:
    """What a wall does: polls the heartbeat, and asks what stands when that moved."""

    port: int
    seen: dict[int, float] = field(default_factory=dict)
    known: int | None = None

    async def watch(self) -> None:
        await asyncio.sleep(random.uniform(0, EVERY))
        connection, etag = Connection(self.port), ""
        while True:
            started = time.monotonic()
            _, reply = await connection.ask("GET", "/heartbeat", f"If-None-Match: {etag}\r\n")
            if reply:
                etag = connection.etag
                if orjson.loads(reply)["live"] != self.known:
                    await self._look(connection, orjson.loads(reply)["live"])
            await asyncio.sleep(max(0.0, EVERY - (time.monotonic() - started)))

    async def _look(self, connection: Connection, number: int) -> None:
        _, reply = await connection.ask("GET", "/live")
        self.known = number
        for alert in orjson.loads(reply)["alerts"]:
            which = _number_of(alert["expires"])
            if which is not None:
                self.seen.setdefault(which, time.monotonic())


def _number_of(expires: int | None) -> int | None:
    """Which of ours an alert is; walls are told nothing else that would say it."""
    if expires is None:
        return None
    new_year = datetime.fromisoformat(f"{datetime.now(UTC).year + 1}-01-01T00:00:00+08:00")
    passed = round(expires / 1000 - new_year.timestamp())
    return passed if 0 <= passed < ALERTS else None


if __name__ == "__main__":
    for figure in figures():
        print(figure)
