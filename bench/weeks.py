"""Measures a wall through outages, and what it holds after many editions.

The long run, 5,000 editions, is `make soak`; here are as many as `ZHINAO_WEEKS_CHANGES` says.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figure import Figure
from bench.viewers import publish
from data.editions.store import EditionStore
from tests.browser import driving
from tests.browser.driving import Look, Wall, chromium, looking
from tests.browser.weeks import SIZE, Weeks, curve, growth
from tests.layouts.small import store_with

ISSUE = 3
CHANGES = int(os.environ.get("ZHINAO_WEEKS_CHANGES", "300"))
SAMPLES = 30
SETTLED = 500  # changes after which nothing may grow; a third of a shorter run
CURVE = Path("weeks.svg")
BYTES = 1000.0
POLL = 1.0  # seconds, on the wall
BANNER_S, RECOVERED_S, RELOADED_S = 2 * POLL + 2, 10.0, 10.0
OUTAGES = 3
AWAY = 20.0  # seconds; by then the wall asks at its slowest
BUILT = "(document.querySelector('.scene.is-shown') || {dataset: {}}).dataset.scene"


def figures() -> list[Figure]:
    """Nodes and listeners with each edition, and bytes of heap where there are enough of them;
    seconds until a wall says that its server is gone, has recovered, and has taken up a new build;
    how often it lost its scene."""
    held = _held()
    banner, recovered, lost = _outages()
    reloaded, lost_again = _new_build()
    heap = (f"weeks: heap with each of {CHANGES} editions", held["heap"], "bytes", BYTES)
    rows = [
        *([heap] if CHANGES >= 2 * SETTLED else []),  # before that a page still warms up
        ("weeks: DOM nodes with each edition", held["nodes"], "nodes", 1.0),
        ("weeks: listeners with each edition", held["listeners"], "", 0.1),
        ("weeks: server away -> banner", banner, "s", BANNER_S),
        (f"weeks: back after {AWAY:g} s -> fresh data", recovered, "s", RECOVERED_S),
        ("weeks: new build -> reloaded", reloaded, "s", RELOADED_S),
        ("weeks: scenes lost by all this", lost + lost_again, "", 0),
    ]
    return [Figure(name, value, unit, most, issue=ISSUE) for name, value, unit, most in rows]


def _held() -> dict[str, float]:
    """By how much heap (bytes), nodes and listeners grow with each edition."""
    with (
        _two_counties() as walls,
        chromium() as browser,
        looking(browser, *SIZE, drawing=None) as look,
    ):
        weeks = Weeks(look, walls)
        weeks.begin()
        weeks.run(CHANGES, every=max(1, CHANGES // SAMPLES))
    CURVE.write_text(curve(weeks.samples))
    after = min(SETTLED, CHANGES // 3)
    return {of: growth(weeks.samples, of, after) for of in ("heap", "nodes", "listeners")}


@contextmanager
def _two_counties() -> Iterator[tuple[Wall, Wall]]:
    with tempfile.TemporaryDirectory(prefix="zhinao-weeks-") as folder:
        homes = Path(folder) / "a", Path(folder) / "b"
        for home, cases in zip(homes, (500, 900), strict=True):
            store_with(home, cases).close()
        walls = Wall(homes[0]).start(), Wall(homes[1]).start()
        try:
            yield walls
        finally:
            for wall in walls:
                wall.stop()


def _outages() -> tuple[float, float, int]:
    """Worst seconds until the banner, and from the first answer until fresh data; scenes lost."""
    banners, recoveries, lost = [], [], 0
    with tempfile.TemporaryDirectory(prefix="zhinao-away-") as folder, chromium() as browser:
        store = store_with(Path(folder), 500)
        wall = Wall(Path(folder)).start()
        try:
            with looking(browser, drawing=None) as look:
                _on_a_scene(look, wall)
                for _ in range(OUTAGES):
                    banner, recovered = _outage(look, wall, store)
                    banners.append(banner)
                    recoveries.append(recovered)
                    lost += not _is_on_its_scene(look)
        finally:
            wall.stop()
            store.close()
    return max(banners), max(recoveries), lost


def _outage(look: Look, wall: Wall, store: EditionStore) -> tuple[float, float]:
    wall.stop()
    gone = time.monotonic()
    look.page.locator(".lost").wait_for()
    banner = time.monotonic() - gone
    number = publish(store)
    look.page.wait_for_timeout(1000 * max(0.0, AWAY - (time.monotonic() - gone)))
    wall.start()
    back = time.monotonic()
    look.wait_for_edition(number)
    look.page.locator(".lost").wait_for(state="detached")
    return banner, time.monotonic() - back


def _new_build() -> tuple[float, int]:
    """Seconds from the new build's first answer until the page is loaded anew; scenes lost.

    The other build is a copy of this program with one more line, on the same port."""
    with tempfile.TemporaryDirectory(prefix="zhinao-build-") as folder, chromium() as browser:
        store_with(Path(folder) / "home", 500).close()
        wall = Wall(Path(folder) / "home").start()
        try:
            with looking(browser, drawing=None) as look:
                _on_a_scene(look, wall)
                look.page.evaluate("window.isOld = true")
                wall.stop()
                with _another_build(Path(folder) / "program"):
                    wall.start()
                back = time.monotonic()
                look.page.wait_for_function(f"() => !window.isOld && Boolean({BUILT})")
                reloaded = time.monotonic() - back
                look.wait_for_edition(1)
                return reloaded, int(not _is_on_its_scene(look))
        finally:
            wall.stop()


@contextmanager
def _another_build(program: Path) -> Iterator[None]:
    """Servers that are started meanwhile run that copy."""
    tracked = subprocess.run(["git", "ls-files"], cwd=driving.ROOT, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        if (driving.ROOT / name).is_file():
            (program / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(driving.ROOT / name, program / name)
    with open(program / "layouts" / "assets" / "wall.css", "a") as style:
        style.write("\n/* another build */\n")
    before, driving.ROOT = driving.ROOT, program
    try:
        yield
    finally:
        driving.ROOT = before


SCENE = "risk"  # not the first, so that losing it would be seen


def _on_a_scene(look: Look, wall: Wall) -> None:
    look.page.goto(wall.url)
    look.wait_for_edition(1)
    look.page.evaluate("key => zhinaoScenes.hold(key, false)", SCENE)
    look.page.mouse.click(5, 5)  # it stays for as long as somebody who touched it may want
    look.wait_for_edition(1)


def _is_on_its_scene(look: Look) -> bool:
    return look.page.evaluate(BUILT) == SCENE


if __name__ == "__main__":
    for figure in figures():
        print(figure)
