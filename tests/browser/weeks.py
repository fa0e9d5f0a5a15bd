"""Weeks of a wall in minutes: the real page with the real pictures of two counties, alternately.

Chromium is given what a server would have told: heartbeats as fast as it asks, and after every
tenth another edition, whose pictures come from two real servers. Waits of the page run faster;
nothing in the page itself knows of this.
"""

import json
import math
import re
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Route

from tests.browser.driving import Look, Wall
from tests.screens import BEARER

SIZE = 960, 540  # of the window: half the drawing of a wall, the same page
POLLS = 10  # heartbeats for each change
POLL = 10  # ms between two
STEP = 2  # changes after which the next scene comes up
LIVE = 5  # changes after which the alerts are asked for
SWIFT = 40  # times as fast as the page would renew its scenes

SHOWN_EDITION = re.compile(rb'"edition":"\d+"')  # of a picture

# Only what is spread by chance, and so is no whole number, is sped up: deadlines and what is drawn
# from the clock stay as they are, for the machine is no faster than it was.
FASTER = """(() => {
  const wait = window.setTimeout;
  const swift = ms => Number.isInteger(ms) ? ms : ms / SWIFT;
  window.setTimeout = (call, ms, ...rest) => wait(call, swift(ms), ...rest);
})()""".replace("SWIFT", str(SWIFT))


@dataclass(frozen=True)
class Sample:
    """What Chromium holds after so many changes, garbage collected; heap in bytes."""

    changes: int
    heartbeats: int
    heap: float
    nodes: float
    listeners: float


@dataclass
class Weeks:
    """A page and what is told to it."""

    look: Look
    walls: tuple[Wall, Wall]
    heartbeats: int = 0
    changes: int = 0
    samples: list[Sample] = field(default_factory=list)

    def begin(self) -> None:
        """Open the page, then let time run."""
        self._told: dict[tuple[int, str], bytes] = {}
        self._body: dict = {}
        self._since, self._answered = 0, 0
        page = self.look.page
        page.add_init_script(FASTER)
        page.route("**/heartbeat", self._tell)
        page.route("**/_dash-update-component*", self._answer)
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable")
        page.goto(self.walls[0].url)
        self.look.wait_for_map()
        page.evaluate("ms => document.querySelector('[data-poll]').dataset.poll = ms", POLL)
        self._scenes = page.evaluate(
            "JSON.parse(document.querySelector('main').dataset.scenes).map(scene => scene.key)"
        )

    def run(self, changes: int, every: int) -> None:
        """So many changes of the edition; a sample after each `every`."""
        while self.changes < changes:
            upto = min(changes, self.changes + every)
            while self.changes < upto:
                self._step(min(upto, self.changes + STEP))
            self.samples.append(self._sample())

    def _step(self, upto: int) -> None:
        scene = self._scenes[self.changes // STEP % len(self._scenes)]
        self.look.page.evaluate("key => zhinaoScenes.hold(key, true)", scene)
        while self.changes < upto:
            before = self.changes
            for _ in range(300):
                self.look.page.wait_for_timeout(100)
                if self.changes > before:
                    break
            assert self.changes > before, "the page asks no more"

    def _sample(self) -> Sample:
        self._devtools.send("HeapProfiler.collectGarbage")
        told = self._devtools.send("Performance.getMetrics")["metrics"]
        found = {each["name"]: each["value"] for each in told}
        return Sample(
            self.changes,
            self.heartbeats,
            found["JSHeapUsedSize"],
            found["Nodes"],
            found["JSEventListeners"],
        )

    # ---- what the page is told ----

    def _tell(self, route: Route) -> None:
        """The heartbeat of the first server, with the edition that it is now."""
        if not self._body:
            asked = urllib.request.Request(f"{self.walls[0].url}/heartbeat", headers=BEARER)
            with urllib.request.urlopen(asked) as reply:
                self._body = json.load(reply)
        self.heartbeats += 1
        self._since += 1
        if self._since >= POLLS and self._answered >= self._edition:
            self.changes += 1
            self._since = 0
        etag = f'"{self._edition}"'
        now = str(self._body["published"] + 100 * self.heartbeats)
        headers = {"ETag": etag, "X-Server-Time": now, "Content-Type": "application/json"}
        if route.request.headers.get("if-none-match") == etag:
            return route.fulfill(status=304, headers=headers)
        told = {"edition": self._edition, "live": self._body["live"] + self.changes // LIVE}
        route.fulfill(status=200, headers=headers, body=json.dumps(self._body | told))

    @property
    def _edition(self) -> int:
        return 1 + self.changes

    def _answer(self, route: Route) -> None:
        """What one of the servers answers, as if it were the edition that was asked for."""
        body = route.request.post_data_json
        edition = self._edition
        for each in body["inputs"]:
            if each["id"].startswith("pulse") and each.get("value"):
                edition = each["value"]["edition"]
                each["value"] |= {"edition": 1, "beat": 1}
        data, url = json.dumps(body), urlsplit(route.request.url)
        key = (edition % 2, data)
        if key not in self._told:
            asked = urllib.request.Request(
                f"{self.walls[edition % 2].url}{url.path}?{url.query}",
                data.encode(),
                {"Content-Type": "application/json", **BEARER},
            )
            with urllib.request.urlopen(asked) as reply:
                self._told[key] = reply.read()
        answer = re.sub(SHOWN_EDITION, b'"edition":"%d"' % edition, self._told[key])
        if "pictures-" in body["output"]:
            self._answered = max(self._answered, edition)
        status = 200 if answer else 204
        route.fulfill(status=status, headers={"Content-Type": "application/json"}, body=answer)


def growth(samples: list[Sample], of: str, after: int) -> float:
    """By how much it grows with each change, once so many have been: the slope of the line that
    lies closest to the samples (least squares)."""
    points = [(each.changes, getattr(each, of)) for each in samples if each.changes >= after]
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def curve(samples: list[Sample]) -> str:
    """Heap, nodes and listeners over the changes, each from zero, as an SVG."""
    parts = [("heap", "JS 堆 (MB)", 1e6), ("nodes", "DOM 节点", 1), ("listeners", "监听器", 1)]
    rows = [_line(samples, *part, top=20 + 160 * at) for at, part in enumerate(parts)]
    last = samples[-1]
    words = f"{last.changes:,} 次版本变化，{last.heartbeats:,} 次心跳；每点之前已回收内存"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 520" font-family="sans-serif"'
        ' font-size="14"><rect width="900" height="520" fill="#fff"/>'
        f'{"".join(rows)}<text x="70" y="508" fill="#444">{words}</text></svg>\n'
    )


def _line(samples: list[Sample], of: str, title: str, unit: float, top: int) -> str:
    values = [getattr(each, of) / unit for each in samples]
    most, width = max(values) * 1.1, samples[-1].changes
    points = " ".join(
        f"{70 + 800 * each.changes / width:.1f},{top + 130 - 120 * value / most:.1f}"
        for each, value in zip(samples, values, strict=True)
    )
    return (
        f'<path d="M70 {top + 10}V{top + 130}H870" fill="none" stroke="#999"/>'
        f'<polyline points="{points}" fill="none" stroke="#0b6ea8" stroke-width="2"/>'
        f'<text x="78" y="{top + 22}">{title}</text>'
        f'<text x="64" y="{top + 20}" text-anchor="end" fill="#444">{most:,.4g}</text>'
        f'<text x="64" y="{top + 134}" text-anchor="end" fill="#444">0</text>'
    )
