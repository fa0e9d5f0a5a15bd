"""Names on the map step aside for the flags of live alerts, and none is cut or lies under a box."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.wall_view import WallView
from tests.browser.driving import Look, Wall
from tests.browser.hall import Hall, hall_of

pytestmark = pytest.mark.browser

NAMES = """() => [...document.querySelectorAll('.map-label:not(.is-hidden) span')]
    .map(each => [each.innerText, each.getBoundingClientRect().toJSON()])"""
HIT = """selector => {
    const boxes = s => [...document.querySelectorAll(s)].filter(e => e.checkVisibility())
        .map(e => e.getBoundingClientRect());
    const hit = (a, b) => a.left < b.right && b.left < a.right
        && a.top < b.bottom && b.top < a.bottom;
    return boxes('.map-label:not(.is-hidden) span')
        .filter(name => boxes(selector).some(other => hit(name, other))).length; }"""
CUT = """() => { const room = document.querySelector('.map-overlay').getBoundingClientRect();
    return [...document.querySelectorAll('.map-label:not(.is-hidden) span')]
        .map(e => e.getBoundingClientRect())
        .filter(b => b.left < room.left || b.right > room.right || b.top < room.top
            || b.bottom > room.bottom).length; }"""
FLAG = "() => [...document.querySelectorAll('.alert-pin:not([hidden])')].length > 0"


@pytest.fixture
def hall(serve: Callable[[Path], Wall], tmp_path: Path) -> Hall:
    return hall_of(serve, tmp_path, WallView(takeover_seconds=20))


def names(look: Look) -> dict[str, dict]:
    return dict(look.page.evaluate(NAMES))


def place_of(look: Look, name: str) -> tuple[float, float]:
    """(lat, lon) just beneath that name, where the flag of an alert would cover it."""
    box, layer = names(look)[name], look.page.locator(".map-overlay").bounding_box()
    assert layer
    at = [box["x"] + box["width"] / 2 - layer["x"], box["bottom"] - layer["y"]]
    return look.page.evaluate(
        """([x, y]) => { let [west, south, east, north] = wallMap.figure().layout.meta.box;
            for (let step = 0; step < 40; step++) {
                const lon = (west + east) / 2, lat = (south + north) / 2;
                const here = wallMap.project([lon, lat]);
                if (here.x < x) west = lon; else east = lon;
                if (here.y > y) south = lat; else north = lat;
            }
            return [(south + north) / 2, (west + east) / 2]; }""",
        at,
    )


def alert_beneath(look: Look, hall: Hall, name: str) -> None:
    """An alert whose flag would cover that name, once the map has it."""
    lat, lon = place_of(look, name)
    hall.alert("Severe", at=f"{lat},{lon} 0.1")
    look.page.wait_for_function(FLAG)


def test_a_name_steps_aside_for_the_flag_of_an_alert_that_comes_later(seen: Look, hall: Hall):
    seen.wait_for_map()
    before = names(seen)
    alert_beneath(seen, hall, "第1镇")
    seen.page.wait_for_timeout(300)
    after = names(seen)
    assert seen.page.evaluate(HIT, ".alert-pin .flag") == 0
    assert after["第1镇"] != before["第1镇"] and after["第0镇"] == before["第0镇"]


def test_it_comes_back_when_the_alert_is_over(seen: Look, hall: Hall):
    seen.wait_for_map()
    before = names(seen)
    alert_beneath(seen, hall, "第1镇")
    hall.command(occasion="visit")
    seen.page.locator(".alert-pin").wait_for(state="detached")
    seen.page.wait_for_timeout(300)
    assert names(seen) == before


@pytest.mark.parametrize("wheel", [-200, -600, -1000, 300])
def test_no_name_is_cut_or_lies_under_a_box_however_near_the_map_is(
    look: Look, wall: Wall, wheel: int
):
    look.page.goto(wall.url)
    look.wait_for_edition(1)
    look.wait_for_map()
    look.page.mouse.move(1000, 480)
    look.page.mouse.wheel(0, wheel)
    look.page.wait_for_timeout(800)
    assert look.page.evaluate(CUT) == 0
    assert look.page.evaluate(HIT, ".map .map-box") == 0


def test_no_name_is_cut_beside_a_red_alert(seen: Look, hall: Hall):
    hall.alert()
    seen.page.locator(".takeover").wait_for()
    seen.page.wait_for_timeout(800)  # the map has gone to the place
    assert seen.page.evaluate(CUT) == 0
    assert seen.page.evaluate(HIT, ".alert-pin .flag") == 0
