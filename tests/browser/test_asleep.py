"""A wall that slept, or that is refused, says what is true; rotation asks for nothing twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from access.devices import Devices
from access.operations import Operations
from data.wall_view import WallView
from tests.browser.driving import Look, Wall, looking
from tests.layouts.small import small_site, store_with

pytestmark = pytest.mark.browser
HOURS = 8
# What a browser sees after a sleep: its own clock went on, performance.now() stood still.
SLEEP = f"(() => {{ const now = Date.now; Date.now = () => now() + {HOURS} * 3600e3; }})()"

# Waits that are spread by chance, and so no whole numbers, as between two tries of an outage.
LONG_WAITS = """(() => {
  const wait = window.setTimeout;
  const long = ms => Number.isInteger(ms) ? ms : 3600e3;
  window.setTimeout = (call, ms, ...rest) => wait(call, long(ms), ...rest);
})()"""


@pytest.fixture
def own_wall(serve: Callable[[Path], Wall], tmp_path: Path) -> Wall:
    """Scenes of ten seconds."""
    site = small_site().model_copy(update={"wall": WallView(seconds=10)})
    store_with(tmp_path, 300, site).close()
    return serve(tmp_path)


@pytest.fixture
def seen(browser: Browser, own_wall: Wall) -> Iterator[Look]:
    """A window that may complain: its server goes away."""
    with looking(browser) as look:
        look.page.goto(own_wall.url)
        look.wait_for_edition(1)
        yield look


def test_a_wall_that_slept_says_how_old_it_is_until_the_server_answers(seen: Look, own_wall: Wall):
    clock = seen.page.locator("[data-show='clock']")
    own_wall.stop()
    banner = seen.page.get_by_role("alert").get_by_text("与服务器失去联系")
    banner.wait_for()
    before = int(clock.inner_text()[:2])
    seen.page.evaluate(SLEEP)
    expect(banner).to_contain_text(f"{HOURS} 小时")
    assert int(clock.inner_text()[:2]) == (before + HOURS) % 24
    own_wall.start()
    banner.wait_for(state="detached")
    assert (int(clock.inner_text()[:2]) - before) % 24 <= 1  # it never slept: the server knows


def test_a_wall_that_wakes_asks_at_once(browser: Browser, own_wall: Wall):
    """Without waking up it would ask in an hour."""
    with looking(browser) as look:
        look.page.add_init_script(LONG_WAITS)
        look.page.goto(own_wall.url)
        look.wait_for_edition(1)
        look.page.route("**/heartbeat", lambda route: route.abort())
        banner = look.page.get_by_text("与服务器失去联系")
        banner.wait_for()
        look.page.unroute_all(behavior="wait")
        look.page.wait_for_timeout(3000)
        assert banner.is_visible()
        look.page.evaluate(SLEEP)
        banner.wait_for(state="detached")


def test_a_refused_wall_does_not_say_that_the_server_is_gone(browser: Browser, own_wall: Wall):
    devices = Devices(Operations(own_wall.home))
    token = devices.add("wall", "wall", datetime.now(UTC))
    with looking(browser) as look:
        look.page.goto(f"{own_wall.url}/sign-in/{token}")
        look.wait_for_edition(1)
        devices.revoke("wall", datetime.now(UTC))
        look.page.get_by_text("本屏已停用").wait_for()
        for _ in range(20):
            look.page.wait_for_timeout(500)
            assert look.page.locator(".lost").count() == 0


NOT_RENEWED = """scene => {
    window.pulses = 0;
    document.addEventListener('zhinao:pulse', () => { window.pulses += 1; });
    document.querySelectorAll(`[data-scene=${scene}] [data-edition]`)
        .forEach(panel => { panel.dataset.edition = '0'; });
}"""


def test_a_scene_that_comes_up_before_it_was_renewed_has_its_time(seen: Look):
    """Its panels are late eight seconds after it came up, not after the last edition."""
    seen.wait_for_scenes()
    seen.page.wait_for_timeout(9000)
    seen.page.evaluate(NOT_RENEWED, "departments")
    seen.page.evaluate("zhinaoScenes.hold('departments', true)")
    seen.page.wait_for_timeout(5000)
    assert (seen.page.evaluate("window.pulses"), seen.page.locator(".is-behind").count()) == (0, 0)
    seen.page.wait_for_function("() => window.pulses > 0")
    seen.page.wait_for_selector(".is-behind", state="detached")  # for it was asked for then
