"""Measures the map of all grids of a county on a machine without a GPU: by WebGL and by canvas."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser

from bench.figure import Figure
from data.editions.store import EditionStore
from tests.browser.driving import Look, Wall, chromium, looking

CASES = 20_000
GRIDS = 2262
SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
WHATS = ("first visit, usable", "opened again, usable", "usable since its figure came", "refresh")
PROMISED = {"webgl": (6.0, 6.0, 6.0, 1.0), "canvas": (2.0, 2.0, 2.0, 0.4)}  # seconds
REFRESHES = 3

# When a figure reached the map, and when it was painted: two frames after it was drawn, for only
# then are its pixels there. Milliseconds since the address was opened.
CLOCK = """window.mapClock = { arrived: [], painted: [] };
document.addEventListener("DOMContentLoaded", () => {
    const waiting = setInterval(() => {
        const map = window.dash_clientside?.map;
        if (!map) return;
        clearInterval(waiting);
        const draw = map.draw;
        map.draw = (...given) => {
            mapClock.arrived.push(performance.now());
            return draw(...given);
        };
    }, 1);
});
document.addEventListener("zhinao:map-drawn", () =>
    requestAnimationFrame(() => requestAnimationFrame(() => {
        if (wallMap.isDrawn()) mapClock.painted.push(performance.now());
    })));"""


def figures() -> Iterator[Figure]:
    """Seconds until painted: from opening the address (most of it is the page itself, and of a
    first visit its programs, which a wall keeps), from the arrival of the figure, and from that of
    new values."""
    with tempfile.TemporaryDirectory(prefix="zhinao-map-") as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "etl", "demo", "--home", folder, "--cases", str(CASES)]
        subprocess.run(command, check=True, capture_output=True)
        wall, store = Wall(home).start(), EditionStore(home)
        try:
            with chromium() as browser:
                _opened(browser, wall, "webgl", SIZES["1080p"])  # the server's first answers
                for drawing, promised in PROMISED.items():
                    for size, pixels in SIZES.items():
                        seconds = _seconds(browser, wall, store, drawing, pixels)
                        for what, took, target in zip(WHATS, seconds, promised, strict=True):
                            name = f"{GRIDS:,} grids by {drawing}, {size}: {what}"
                            yield Figure(name, took, "s", target, issue=3)
        finally:
            store.close()
            wall.stop()


def _opened(browser: Browser, wall: Wall, drawing: str, pixels: tuple[int, int]) -> None:
    with looking(browser, *pixels, drawing=drawing) as look:
        look.page.add_init_script(CLOCK)
        _open(look, wall)


def _seconds(
    browser: Browser, wall: Wall, store: EditionStore, drawing: str, pixels: tuple[int, int]
) -> tuple[float, float, float, float]:
    """As WHATS; of several refreshes the slowest."""
    with looking(browser, *pixels, drawing=drawing) as look:
        look.page.add_init_script(CLOCK)
        first, _ = _open(look, wall)
        again, since_figure = _open(look, wall)
        refresh = max(_refresh(look, store, number) for number in range(REFRESHES))
    return first, again, since_figure, refresh


def _open(look: Look, wall: Wall) -> tuple[float, float]:
    look.page.goto(wall.url)
    look.page.wait_for_function("() => window.mapClock?.painted.length")
    look.wait_for_map()
    polygons = look.page.evaluate("wallMap.figure().data[0].locations.length")
    assert polygons == GRIDS, f"the map shows {polygons} polygons"
    painted, arrived = look.page.evaluate("[mapClock.painted[0], mapClock.arrived[0]]")
    look.page.wait_for_timeout(3000)  # what the other panels do is not the map's
    return painted / 1000, (painted - arrived) / 1000


def _refresh(look: Look, store: EditionStore, number: int) -> float:
    """A new edition in which grids have another colour."""
    look.page.evaluate("mapClock.arrived = []; mapClock.painted = []")
    with store.reading() as edition:
        site, data_time = edition.site, edition.data_time
    with store.building(site, wait=30) as build:
        build.connection.execute(
            "UPDATE cases SET risk = CASE WHEN risk = 'red' THEN 'yellow' ELSE 'red' END"
            " WHERE hash(case_code) % 5 = $number",
            {"number": number},
        )
        build.publish(data_time)
    look.page.wait_for_function(
        "() => mapClock.painted.some(painted => painted > mapClock.arrived[0])"
    )
    look.page.wait_for_timeout(1500)  # a drawing may follow, as by MapLibre's worker
    took = look.page.evaluate("mapClock.painted.at(-1) - mapClock.arrived[0]")
    return took / 1000


if __name__ == "__main__":
    for figure in figures():
        print(figure)
