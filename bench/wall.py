"""Measures the wall of a county: first visit, idle polling, and how soon a new edition is seen."""

import http.client
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figure import Figure
from data.editions.store import EditionStore
from tests.browser.driving import Look, Wall, chromium, looking
from tests.screens import BEARER

CASES, DAYS = 30_000, 120
VIEWERS, SECONDS = 50, 8.0
SWAPS = 3
FIRST_VISIT_MB, POLLING_PERCENT, ON_SCREEN_S = 2.5, 0.1, 5.0


def figures() -> list[Figure]:
    """MB of a first visit, % of a core an idle viewer costs, seconds until an edition is seen."""
    with (
        tempfile.TemporaryDirectory(prefix="zhinao-wall-") as folder,
        serving(Path(folder)) as wall,
    ):
        visit, seen = _in_chromium(wall)
        return [
            Figure("wall: first visit over the wire", visit, "MB", FIRST_VISIT_MB),
            Figure("wall: idle polling per viewer", _polling(wall), "% core", POLLING_PERCENT),
            Figure("wall: new edition on screen", seen, "s", ON_SCREEN_S),
        ]


@contextmanager
def serving(home: Path) -> Iterator[Wall]:
    """The wall of the demo county, in a process of its own."""
    command = [sys.executable, "-m", "etl", "demo", "--home", str(home)]
    size = ["--cases", str(CASES), "--days", str(DAYS)]
    subprocess.run([*command, *size], check=True, capture_output=True)
    wall = Wall(home).start()
    try:
        yield wall
    finally:
        wall.stop()


def _in_chromium(wall: Wall) -> tuple[float, float]:
    """(MB that crossed the wire until the wall stood, worst seconds from publishing to seeing)."""
    store = EditionStore(wall.home)
    with chromium() as browser, looking(browser, drawing="webgl") as look:
        wire = _Wire(look)
        look.page.goto(wall.url)
        look.wait_for_edition(store.current() or 1)
        look.wait_for_map()
        look.page.wait_for_timeout(1000)
        visit = wire.bytes / 1e6
        seen = max(_seconds_to_see(store, look) for _ in range(SWAPS))
    store.close()
    return visit, seen


class _Wire:
    """Counts what crosses the wire, headers included, as Chromium counts it."""

    def __init__(self, look: Look) -> None:
        self.bytes = 0
        session = look.page.context.new_cdp_session(look.page)
        session.on("Network.loadingFinished", self._add)
        session.send("Network.enable")

    def _add(self, event: dict) -> None:
        self.bytes += event["encodedDataLength"]


def _seconds_to_see(store: EditionStore, look: Look) -> float:
    """From the moment an edition is published until every panel shows it."""
    with store.reading() as edition:
        site, data_time = edition.site, edition.data_time
    with store.building(site, wait=30) as build:
        build.connection.execute(
            "UPDATE cases SET risk = 'red' WHERE case_code IN "
            "(SELECT min(case_code) FROM cases WHERE risk <> 'red')"
        )
        number = build.publish(data_time)
    published = time.perf_counter()
    look.wait_for_edition(number)
    return time.perf_counter() - published


def _polling(wall: Wall) -> float:
    """Percent of a core that the server spends on one viewer who polls once a second."""
    etag = _etag(wall)
    polls = [0] * VIEWERS
    stop = time.monotonic() + SECONDS
    viewers = [
        threading.Thread(target=_poll, args=(wall, etag, stop, polls, n)) for n in range(VIEWERS)
    ]
    before = wall.cpu_seconds()
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    spent = wall.cpu_seconds() - before
    return 100 * spent / sum(polls)


def _etag(wall: Wall) -> str:
    viewer = http.client.HTTPConnection("127.0.0.1", wall.port)
    viewer.request("GET", "/heartbeat", headers=BEARER)
    reply = viewer.getresponse()
    reply.read()
    viewer.close()
    return reply.headers["ETag"]


def _poll(wall: Wall, etag: str, stop: float, polls: list[int], number: int) -> None:
    """One viewer on one connection, as a browser keeps it."""
    viewer = http.client.HTTPConnection("127.0.0.1", wall.port)
    while time.monotonic() < stop:
        viewer.request("GET", "/heartbeat", headers={"If-None-Match": etag, **BEARER})
        viewer.getresponse().read()
        polls[number] += 1
        time.sleep(1.0)
    viewer.close()


if __name__ == "__main__":
    for figure in figures():
        print(figure)
