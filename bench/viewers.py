"""Measures a hundred walls at one server, through new editions and beside half-sent requests.

What a wall asks is recorded from a Chromium and replayed by viewers in a process of their own, with
the waits of assets/heartbeat.js and assets/scenes.js. Publishing takes its share of the two cores,
as `etl watch` would. `ZHINAO_VIEWERS_SECONDS=600` is the full length.
"""

import asyncio
import multiprocessing
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from bench.connection import Connection
from bench.figure import Figure
from bench.wall import serving
from data.editions.store import EditionStore
from tests.browser.driving import Look, Wall, chromium, looking

ISSUE = 3
SECONDS = float(os.environ.get("ZHINAO_VIEWERS_SECONDS", "180"))
VIEWERS, HALF_SENT, MANY = 100, 60, 500
EDITION_EVERY, BURST = 60.0, 3.0  # seconds
BESIDE_HALF_SENT, POLLING = 120.0, 60.0  # seconds of the other two runs
HEARTBEAT_MS, REFRESH_MS, BURST_MS, SLOWDOWN = 150.0, 600.0, 2000.0, 3.0
EVERY, SPREAD, SOONEST, LATEST = 1.0, 1.0, 3.0, 20.0  # heartbeat.js, scenes.js; seconds
ROTATE = 40.0  # seconds that a scene stays
CONNECTIONS = 6  # of one browser to one server
JSON = "Content-Type: application/json\r\n"
SHOWN_EDITION = re.compile(rb'"(?:data-)?edition":"(\d+)"')
SEED = 3


def figures() -> list[Figure]:
    """Errors, milliseconds (p95) and % of a core; two of the runs are shorter than the first."""
    with (
        tempfile.TemporaryDirectory(prefix="zhinao-viewers-") as folder,
        serving(Path(folder)) as wall,
    ):
        asked = recorded(wall)
        plan = Plan(wall.port, asked, VIEWERS, SECONDS)
        calm = run(wall, plan)
        held = run(wall, replace(plan, seconds=BESIDE_HALF_SENT, half_sent=HALF_SENT))
        many = run(wall, replace(plan, viewers=MANY, seconds=POLLING, asked=None))
    minutes = f"{VIEWERS} for {SECONDS / 60:g} min"
    rows = [
        (f"viewers: errors, {minutes}", calm.errors, "errors", 0),
        (f"viewers: heartbeat p95, {minutes}", calm.heartbeat, "ms", HEARTBEAT_MS),
        (f"viewers: panel refresh p95, {minutes}", calm.refresh, "ms", REFRESH_MS),
        ("viewers: the same within 3 s of an edition", calm.burst, "ms", BURST_MS),
        ("viewers: server with them", calm.server_percent, "% core", 100),
        ("viewers: load generator with them", calm.generator_percent, "% core", 100),
        (f"viewers: errors beside {HALF_SENT} half-sent", held.errors, "errors", 0),
        (f"viewers: slower by {HALF_SENT} half-sent", slowdown(calm, held), "times", SLOWDOWN),
        (f"viewers: errors, {MANY} polling", many.errors, "errors", 0),
        (f"viewers: heartbeat p95, {MANY} polling", many.heartbeat, "ms", HEARTBEAT_MS),
        (f"viewers: server with {MANY} polling", many.server_percent, "% core", 100),
        (f"viewers: load generator, {MANY} polling", many.generator_percent, "% core", 100),
    ]
    return [Figure(name, value, unit, most, issue=ISSUE) for name, value, unit, most in rows]


# ---- what a wall asks ----


@dataclass(frozen=True)
class Question:
    """One POST of the page; `pulse` says which store set it off, None where no store did."""

    path: str
    body: dict
    pulse: str | None

    def with_pulse(self, pulse: dict) -> bytes:
        """The body, as it is sent after that pulse."""
        inputs = [
            each | {"value": pulse} if each["id"].startswith("pulse") else each
            for each in self.body["inputs"]
        ]
        return orjson.dumps(self.body | {"inputs": inputs})


@dataclass(frozen=True)
class Asked:
    """What a wall asks at once after an edition, when a scene is renewed, and when one comes up."""

    at_once: list[Question]
    scenes: dict[str, Question]
    coming_up: dict[str, list[Question]]


def recorded(wall: Wall) -> Asked:
    """From a Chromium that goes through all scenes, then sees a new edition."""
    store = EditionStore(wall.home)
    with chromium() as browser, looking(browser, drawing=None) as look:
        heard = _Heard(look)
        look.page.goto(wall.url)
        look.wait_for_edition(store.current() or 1)
        keys = look.page.evaluate("JSON.parse(document.querySelector('main').dataset.scenes)")
        coming_up = {}
        for key in [scene["key"] for scene in keys]:
            with heard.listening(look) as questions:
                look.page.evaluate("key => zhinaoScenes.hold(key, true)", key)
            coming_up[key] = [each for each in questions if each.pulse is None]
        with heard.listening(look) as questions:
            look.wait_for_edition(publish(store))
    store.close()
    scenes = {
        each.pulse.removeprefix("pulse-"): each
        for each in heard.all
        if each.pulse not in (None, "pulse")
    }
    assert set(scenes) == set(coming_up), (set(scenes), set(coming_up))
    return Asked([each for each in questions if each.pulse == "pulse"], scenes, coming_up)


class _Heard:
    """The questions of a page, in the order in which it asked them."""

    def __init__(self, look: Look) -> None:
        self.all: list[Question] = []
        look.page.on("request", self._add)

    @contextmanager
    def listening(self, look: Look) -> Iterator[list[Question]]:
        """Those that are asked meanwhile, and shortly after."""
        before, found = len(self.all), []
        yield found
        look.page.wait_for_timeout(2000)
        found += self.all[before:]

    def _add(self, request) -> None:
        url = urlsplit(request.url)
        if request.method == "POST" and url.path == "/_dash-update-component":
            body = request.post_data_json
            moved = [each.split(".")[0] for each in body["changedPropIds"]]
            pulse = next((each for each in moved if each.startswith("pulse")), None)
            self.all.append(Question(f"{url.path}?{url.query}", body, pulse))


# ---- the runs ----


@dataclass(frozen=True)
class Plan:
    """How many look on for how long, beside how many that never finish their request."""

    port: int
    asked: Asked | None  # None = poll only
    viewers: int
    seconds: float
    half_sent: int = 0


@dataclass(frozen=True)
class Outcome:
    """p95 in ms, and what it cost in % of a core."""

    errors: int
    heartbeat: float
    refresh: float
    burst: float
    server_percent: float
    generator_percent: float


def run(wall: Wall, plan: Plan) -> Outcome:
    """One run; a new edition every EDITION_EVERY seconds, unless the viewers only poll."""
    published: list[float] = []
    done = threading.Event()
    publishing = threading.Thread(target=_publish_on, args=(wall.home, published, done))
    spent = wall.cpu_seconds()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        if plan.asked is not None:
            publishing.start()
        seen = pool.submit(_look_on, plan).result()
    done.set()
    if plan.asked is not None:
        publishing.join()
    outcome = _outcome(seen, published, wall.cpu_seconds() - spent)
    print(f"viewers: {plan.viewers}, half-sent {plan.half_sent}: {outcome}", file=sys.stderr)
    for error in seen.errors[:5]:
        print(f"viewers: {error}", file=sys.stderr)
    return outcome


def slowdown(calm: Outcome, held: Outcome) -> float:
    """By how many times the worst of the three p95 has grown."""
    pairs = [(getattr(calm, k), getattr(held, k)) for k in ("heartbeat", "refresh", "burst")]
    return max(after / before for before, after in pairs)


def _publish_on(home: Path, published: list[float], done: threading.Event) -> None:
    store = EditionStore(home)
    while not done.wait(EDITION_EVERY if published else EDITION_EVERY / 3):
        publish(store)
        published.append(time.monotonic())
    store.close()


def publish(store: EditionStore) -> int:
    """An edition in which one more case is red."""
    with store.reading() as edition:
        site, data_time = edition.site, edition.data_time
    with store.building(site, wait=30) as build:
        build.connection.execute(
            "UPDATE cases SET risk = 'red' WHERE case_code IN "
            "(SELECT min(case_code) FROM cases WHERE risk <> 'red')"
        )
        return build.publish(data_time)


def _outcome(seen: "Seen", published: list[float], spent: float) -> Outcome:
    in_burst = [any(0 <= at - each < BURST for each in published) for at, _ in seen.refreshes]
    refreshes = list(zip(in_burst, seen.refreshes, strict=True))
    return Outcome(
        errors=len(seen.errors),
        heartbeat=_p95([took for _, took in seen.heartbeats]),
        refresh=_p95([took for is_in, (_, took) in refreshes if not is_in]),
        burst=_p95([took for is_in, (_, took) in refreshes if is_in]),
        server_percent=100 * spent / seen.seconds,
        generator_percent=100 * seen.cpu_seconds / seen.seconds,
    )


def _p95(seconds: list[float]) -> float:
    ordered = sorted(seconds)
    return 1000 * ordered[round(0.95 * (len(ordered) - 1))] if ordered else 0.0


# ---- the load generator: a process of its own, one thread ----


@dataclass
class Seen:
    """(when it was asked, seconds until the answer) of each question, and what went wrong."""

    heartbeats: list[tuple[float, float]] = field(default_factory=list)
    refreshes: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def _look_on(plan: Plan) -> Seen:
    random.seed(SEED)
    return asyncio.run(_looking_on(plan))


async def _looking_on(plan: Plan) -> Seen:
    seen, started, cpu = Seen(), time.monotonic(), time.process_time()
    viewers = [_Viewer(plan, seen) for _ in range(plan.viewers)]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    tasks += [asyncio.create_task(viewer.rotate()) for viewer in viewers if plan.asked]
    tasks += [asyncio.create_task(_half_send(plan.port)) for _ in range(plan.half_sent)]
    await asyncio.sleep(plan.seconds)
    seen.cpu_seconds = time.process_time() - cpu
    seen.seconds = time.monotonic() - started
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    seen.errors += [repr(e) for e in ended if not isinstance(e, asyncio.CancelledError)]
    return seen


class _Viewer:
    """One wall: polls, and after a new edition renews the scene on screen at once, the others one
    after the other."""

    def __init__(self, plan: Plan, seen: Seen) -> None:
        self._port = plan.port
        self._asked = plan.asked
        self._seen = seen
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []
        self._polling = Connection(plan.port)
        self._edition: int | None = None
        self._beat = 0
        self._scene = random.choice(list(plan.asked.scenes)) if plan.asked else ""
        self._renewing: set[asyncio.Task] = set()

    async def watch(self) -> None:
        await asyncio.sleep(random.uniform(0, EVERY))
        etag = ""
        while True:
            headers, started = f"If-None-Match: {etag}\r\n", time.monotonic()
            try:
                async with self._room:
                    status, body = await self._polling.ask("GET", "/heartbeat", headers)
                self._seen.heartbeats.append((started, time.monotonic() - started))
                if status == 200:
                    etag = self._polling.etag
                    self._heard(orjson.loads(body)["edition"])
                elif status != 304:
                    self._seen.errors.append(f"heartbeat: {status}")
            except (OSError, EOFError) as error:
                self._seen.errors.append(f"heartbeat: {error!r}")
            await asyncio.sleep(EVERY)

    def _heard(self, edition: int) -> None:
        """A page that has just come up is not measured: a hundred never do so at once."""
        is_news, self._edition = self._edition not in (None, edition), edition
        if is_news and self._asked is not None:
            for task in self._renewing:  # scenes.js forgets what it had still to renew
                task.cancel()
            self._renewing = {asyncio.create_task(self._renew(self._asked))}

    async def _renew(self, asked: Asked) -> None:
        await asyncio.sleep(random.uniform(0, SPREAD))
        self._beat += 1
        hidden = {key: each for key, each in asked.scenes.items() if key != self._scene}
        waits = {key: random.uniform(SOONEST, LATEST) for key in hidden}
        await asyncio.gather(
            *(self._put(question) for question in (*asked.at_once, asked.scenes[self._scene])),
            *(self._put(hidden[key], wait) for key, wait in waits.items()),
        )

    async def rotate(self) -> None:
        """The next scene: the map is coloured anew where its measure is another."""
        assert self._asked is not None
        await asyncio.sleep(random.uniform(0, ROTATE))
        while True:
            keys = list(self._asked.scenes)
            self._scene = keys[(keys.index(self._scene) + 1) % len(keys)]
            if self._edition is not None:
                coming = self._asked.coming_up[self._scene]
                await asyncio.gather(*(self._put(each) for each in coming))
            await asyncio.sleep(ROTATE)

    async def _put(self, question: Question, wait: float = 0.0) -> None:
        await asyncio.sleep(wait)
        pulse = {"edition": self._edition, "alerts": 0, "scale": 1, "beat": self._beat}
        started = time.monotonic()
        try:
            async with self._room:
                connection = self._idle.pop() if self._idle else Connection(self._port)
                body = question.with_pulse(pulse)
                status, answer = await connection.ask("POST", question.path, JSON, body)
                self._idle.append(connection)
            self._seen.refreshes.append((started, time.monotonic() - started))
            self._judge(status, answer, pulse["edition"])
        except (OSError, EOFError) as error:
            self._seen.errors.append(f"{question.body['output'][:40]}: {error!r}")

    def _judge(self, status: int, answer: bytes, edition: int | None) -> None:
        """An answer of an older edition than the heartbeat told is an error, too."""
        shown = [int(number) for number in SHOWN_EDITION.findall(answer)]
        if status not in (200, 204):
            self._seen.errors.append(f"callback: {status}")
        elif edition is not None and any(number < edition for number in shown):
            self._seen.errors.append(f"callback: edition {min(shown)} instead of {edition}")


async def _half_send(port: int) -> None:
    """Begin a request and never finish it; when the server ends it, begin another."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /_dash-update-component HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
        await reader.read()
        writer.close()


if __name__ == "__main__":
    for figure in figures():
        print(figure)
