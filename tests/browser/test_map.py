"""The map as a GPU draws it: drilled into, coloured by another measure, under heat."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.driving import Look, Wall, looking
from tests.layouts.small import SIDE, SOUTH, WEST

pytestmark = pytest.mark.browser
GRID = (WEST + 7.5 * SIDE, SOUTH + 2.5 * SIDE)  # T1V2G2, in the middle of it


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """A window whose map is drawn by WebGL, and in which nothing may go wrong."""
    with looking(browser, drawing="webgl") as look:
        yield look
    assert look.complaints == []


def open_wall(look: Look, wall: Wall) -> None:
    look.page.goto(wall.url)
    look.wait_for_edition(1)


TOTAL_OPEN = (
    "Number(document.querySelector('.panel-open-by-risk .sum b').innerText.replace(',', ''))"
)


def total_open(look: Look) -> int:
    return look.page.evaluate(TOTAL_OPEN)


def test_drill_from_county_to_grid_and_back_and_every_panel_follows(look: Look, wall: Wall):
    open_wall(look, wall)
    everything = total_open(look)
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇")
    look.page.wait_for_url("**regions=town:T1")
    look.page.wait_for_function(f"() => {TOTAL_OPEN} < {everything}")
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇", "12村")
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇", "12村", "12村2格")
    look.page.get_by_role("button", name="第1镇").click()
    look.wait_for_trail("全域", "第1镇")
    look.page.get_by_role("button", name="全域", exact=True).click()
    look.wait_for_trail("全域")
    look.page.wait_for_function(f"() => {TOTAL_OPEN} === {everything}")
    look.click_at(*GRID)  # the same polygon once more
    look.wait_for_trail("全域", "第1镇")


def zoom(look: Look) -> float:
    return look.page.evaluate("wallMap.getZoom()")


def choose(look: Look, name: str) -> None:
    look.page.locator(".map-choice label", has_text=name).first.click()


def test_a_measure_is_chosen_and_the_viewers_zoom_stays(look: Look, wall: Wall):
    open_wall(look, wall)
    look.wait_for_map()
    look.page.mouse.move(960, 600)
    look.page.mouse.wheel(0, -400)
    look.page.wait_for_timeout(800)
    near = zoom(look)
    choose(look, "受理数")
    look.page.wait_for_function(
        "() => document.querySelector('.map-legend').innerText.includes('网格受理数')"
    )
    look.page.wait_for_url("**measure=accepted")
    assert zoom(look) == pytest.approx(near, abs=0.01)


def test_heat_covers_the_map_and_leaves_again(look: Look, wall: Wall):
    open_wall(look, wall)
    look.wait_for_map()
    choose(look, "热力")
    look.page.wait_for_function(
        "() => document.querySelector('.map .js-plotly-plot')._fullData[1].visible === true"
    )
    look.page.wait_for_url("**heat=1")
    assert "事项密度" in look.page.locator(".map-legend").inner_text()
    choose(look, "热力")
    look.page.wait_for_function(
        "() => !document.querySelector('.map-legend').innerText.includes('事项密度')"
    )


COVERED = """() => {
    const boxes = s => [...document.querySelectorAll(s)].map(e => e.getBoundingClientRect());
    const hit = (a, b) => a.left < b.right && b.left < a.right
        && a.top < b.bottom && b.top < a.bottom;
    return boxes('.map-label:not(.is-hidden) span')
        .filter(name => boxes('.map-pin .shape').some(pin => hit(name, pin))).length; }"""


def test_a_pin_covers_no_name_and_every_red_case_on_the_map_has_one(look: Look, wall: Wall):
    open_wall(look, wall)
    look.wait_for_map()
    shown = look.page.locator(".legend-pins").inner_text()
    pins = look.page.locator(".map-pin:not(.is-alert)").count()
    assert f"{pins}/" in shown
    assert look.page.evaluate(COVERED) == 0
