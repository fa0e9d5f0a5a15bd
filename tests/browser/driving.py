"""A real server in a process of its own, and a real Chromium that looks at it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from tests.screens import admit, cookie
from tests.serving import Forked

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 60_000  # ms; the cores of a test machine are busy


KEEP_DRAWING = """if (location.protocol.startsWith("http")) sessionStorage.setItem(
    "zhinao-map-drawing", JSON.stringify({ drawing: "DRAWING", why: "asked" }));"""


class Wall:
    """`python app.py` over a home, on a port that stays the same over restarts."""

    is_forked = False  # of a process that has imported already: in tests, not where one measures

    def __init__(self, home: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """`settings` are environment variables of the server."""
        self.home, self.settings = home, settings
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen | Forked | None = None

    def start(self) -> "Wall":
        admit(self.home)
        words = ["--home", str(self.home), "--port", str(self.port)]
        env = {**os.environ, "ZHINAO_LOG": "quiet", **self.settings}
        self._process = self._started(words, env)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, "app.py ended"
            assert time.monotonic() < deadline, "app.py does not answer"
            time.sleep(0.1)
        return self

    def _started(self, words: list[str], env: dict[str, str]) -> subprocess.Popen | Forked:
        if not self.is_forked:
            command = [sys.executable, "app.py", *words]
            return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=env)
        return Forked(words, env)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def cpu_seconds(self) -> float:
        """What the server has spent so far, user and system."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def looking(
    browser: Browser,
    width: int = 1920,
    height: int = 1080,
    drawing: str | None = "canvas",
    is_known: bool = True,
) -> Iterator["Look"]:
    """A fresh window; at its end nothing may have been asked of another host.

    `drawing` is that of the map: "canvas", which a machine without a GPU draws far faster,
    "webgl", or None, where the wall chooses. `is_known`: with the cookie of the tests' screen."""
    context = browser.new_context(viewport={"width": width, "height": height})
    if is_known:
        context.add_cookies([cookie()])  # type: ignore[list-item]
    if drawing is not None:
        context.add_init_script(KEEP_DRAWING.replace("DRAWING", drawing))
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    look = Look(page)
    try:
        yield look
        hosts = {urlsplit(url).hostname for url in look.requests if url.startswith("http")}
        assert hosts == {"127.0.0.1"}
    finally:
        context.close()


class Look:
    """A page with what it asked and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def wait_for_edition(self, number: int, timeout: float = PATIENCE) -> None:
        """Until every panel on screen shows that edition."""
        self.page.wait_for_function(
            """n => { const all = [...document.querySelectorAll('[data-edition]')]
                    .filter(e => !e.closest('.scene:not(.is-shown)'));
                return all.length > 0 && all.every(e => Number(e.dataset.edition) === n); }""",
            arg=number,
            timeout=timeout,
        )

    def wait_for_scenes(self) -> None:
        """Until the scenes that are not on screen have been renewed too, one after the other."""
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('[data-edition]')]
                .every(panel => panel.dataset.edition !== '')"""
        )

    def wait_until_idle(self, seconds: float) -> None:
        """Until the page has asked for so long only whether there is something new. A page that was
        too busy to hear the answer asks for everything once more."""
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            self.requests.clear()
            self.page.wait_for_timeout(1000 * seconds)
            asked = [url for url in self.requests if not url.endswith("/heartbeat")]
            if not asked:
                return
            assert time.monotonic() < deadline, f"still asks: {asked}"

    def wait_for_figures(self) -> None:
        """Until plotly, which comes late, has drawn what it draws on screen, in its size."""
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.scene.is-shown .panel-body.dash-graph')]
                .every(graph => graph.querySelector('.scatterlayer path')
                    && Math.abs(graph.querySelector('.main-svg').getBoundingClientRect().height
                        - graph.getBoundingClientRect().height) < 2)"""
        )

    def wait_for_map(self) -> None:
        """Until the polygons are drawn and labels placed."""
        self.page.wait_for_function(
            """() => window.wallMap?.isDrawn()
                && document.querySelectorAll('.is-placed .map-label').length > 0"""
        )

    def click_at(self, lon: float, lat: float) -> None:
        """Click the map where that point is, once the map stands still and shows it."""
        self.wait_for_map()
        self.page.wait_for_timeout(400)  # a figure that has just arrived is taken up by then
        self.page.wait_for_function(
            """place => { const close = (a, b) => Math.abs(a - b) < 1e-6;
                const here = wallMap.getCenter(), given = wallMap.given().center;
                return wallMap.isDrawn() && close(here.lon, given.lon)
                    && close(here.lat, given.lat) && wallMap.hasPolygonAt(place); }""",
            arg=[lon, lat],
        )
        at = self.page.evaluate(
            """place => { const box = document.querySelector('.map .map-overlay')
                    .getBoundingClientRect(), p = wallMap.project(place);
                return [box.x + p.x, box.y + p.y]; }""",
            arg=[lon, lat],
        )
        self.page.mouse.move(at[0] - 2, at[1])
        self.page.mouse.move(*at)
        self.page.mouse.click(*at)

    def trail(self) -> list[str]:
        return self.page.locator(".map-trail").inner_text().replace("›", " ").split()

    def wait_for_trail(self, *names: str) -> None:
        self.page.wait_for_function(
            """names => document.querySelector('.map-trail').innerText.split(/[›\\s]+/).join('|')
                === names""",
            arg="|".join(names),
        )

    def _heard(self, message) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
