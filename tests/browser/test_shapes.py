"""Every scene on walls of every shape: nothing cut off, nothing too small, no text on a seam."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser

from data.wall_view import WallView
from layouts.scenes import SCENES
from tests.browser.driving import Look, Wall, looking
from tests.browser.hall import Hall
from tests.browser.legibility import Room, on_a_seam, too_small
from tests.browser.nearby import publish_with_resources
from tests.layouts.small import small_site

pytestmark = pytest.mark.browser


class Shape(NamedTuple):
    """A wall: its pixels, its displays across and down, its room (distance and width in metres).

    `is_declared`: in site.toml; displays side by side are known by the window's shape."""

    width: int
    height: int
    seams: tuple[int, int]
    distance_m: float
    width_m: float
    is_declared: bool = False


SHAPES = {
    "1080p": Shape(1920, 1080, (1, 1), 8, 4),
    "4K": Shape(3840, 2160, (1, 1), 8, 4),
    "2 x 2 displays": Shape(1920, 1080, (2, 2), 8, 4, True),
    "3 x 3 displays": Shape(1920, 1080, (3, 3), 8, 4, True),
    "two displays": Shape(3840, 1080, (2, 1), 10, 8),
    "two 4K displays": Shape(7680, 2160, (2, 1), 10, 8),
    "three displays": Shape(5760, 1080, (3, 1), 10, 12),
    "upright": Shape(1080, 1920, (1, 1), 8, 2.25),
}
FRAMES = ".panel, .tile, .map-box, .head, .foot, .dep-row, .list-row, .board-row, .rate-tile"
CUT_OFF = """frames => {
    const two = parseFloat(getComputedStyle(document.documentElement).fontSize) / 8;  // at 1080p
    return [...document.querySelectorAll(frames)].filter(e => e.offsetParent)
        .filter(e => e.scrollWidth > e.clientWidth + two || e.scrollHeight > e.clientHeight + two)
        .map(e => e.className + ' ' + e.innerText.slice(0, 40)); }"""
OUTSIDE = """() => [...document.querySelectorAll('.panel, .map, .foot, .head')]
    .filter(e => e.offsetParent).filter(e => { const b = e.getBoundingClientRect();
        return b.left < -1 || b.top < -1 || b.right > innerWidth + 1
            || b.bottom > innerHeight + 1; }).map(e => e.className)"""
COVERED = """() => { const all = [...document.querySelectorAll('.panel, .map')]
        .filter(e => e.offsetParent).map(e => [e.className, e.getBoundingClientRect()]);
    return all.flatMap(([name, a], at) => all.slice(at + 1)
        .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => name + ' / ' + other)); }"""

# The legend of 战时 stays on the map, clear of the incident, and its boxes of each other.
LEGEND_FAULTS = """() => {
    const box = e => e.getBoundingClientRect(), layer = box(document.querySelector('.war-layer'));
    const boxes = [...document.querySelectorAll('.war-legend .map-box')];
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom
        && b.top < a.bottom;
    const outside = boxes.map(box).filter(b => b.left < layer.left || b.right > layer.right
        || b.top < layer.top || b.bottom > layer.bottom).map(() => 'outside');
    const covers = [...document.querySelectorAll('.war-pin.is-incident > *'), ...boxes]
        .flatMap((a, at, all) => all.slice(at + 1).filter(b => meet(box(a), box(b)))
            .map(b => a.className + ' / ' + b.className));
    return [...outside, ...covers]; }"""


def shown(look: Look, scene: str) -> None:
    """Step to that scene, and wait until its panels are drawn."""
    look.page.evaluate("key => zhinaoScenes.hold(key, true)", scene)
    look.wait_for_edition(1)
    if SCENES[scene].has_map:
        look.wait_for_map()
    look.wait_for_figures()


@pytest.fixture(params=SHAPES, ids=lambda name: name.replace(" ", "-"), scope="module")
def shape(request) -> Shape:
    return SHAPES[request.param]


@pytest.fixture(scope="module")
def hall(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """The server of a wall of that shape, and who may send it alerts and commands."""
    home: Path = tmp_path_factory.mktemp("shape")
    view = WallView(takeover_seconds=30, seams=shape.seams if shape.is_declared else (1, 1))
    publish_with_resources(home, small_site().model_copy(update={"wall": view}))
    wall = Wall(home).start()
    yield Hall(wall)
    wall.stop()


@pytest.fixture
def seen(browser: Browser, hall: Hall, shape: Shape) -> Iterator[Look]:
    """Without a GPU, as here: large walls are drawn on the canvas."""
    with looking(browser, shape.width, shape.height, drawing="canvas") as look:
        look.page.goto(hall.wall.url)
        look.wait_for_edition(1)
        yield look


def faults(look: Look, shape: Shape) -> list[str]:
    """What the farthest reader cannot read, and what lies on a seam."""
    room = Room(shape.distance_m, shape.width_m, shape.width)
    return [*too_small(look.page, room), *on_a_seam(look.page, *shape.seams)]


def test_every_scene_fits_is_legible_and_keeps_off_the_seams(seen: Look, shape: Shape):
    for scene in SCENES:
        shown(seen, scene)
        for found in (CUT_OFF, OUTSIDE, COVERED):
            assert seen.page.evaluate(found, FRAMES) == [], f"{scene}: {found[:60]}"
        assert faults(seen, shape) == [], scene


def test_what_is_said_of_alerts_fits_is_legible_and_keeps_off_the_seams(
    seen: Look, hall: Hall, shape: Shape
):
    for signal, event in (("Severe", "Fire"), ("Moderate", "Met")):
        hall.alert(signal, category=event)
    for scene in ("overview", "risk"):
        shown(seen, scene)
        said = seen.page.locator(".is-shown .sentence", has_text="黄色 1 条，均未签收")
        said.wait_for()
        seen.page.wait_for_timeout(600)  # the answer has been made to fit
        assert said.evaluate("answer => answer.scrollWidth - answer.clientWidth") <= 0
        assert faults(seen, shape) == []
    seen.page.locator(".standing .feed-row:nth-child(2)").wait_for()
    assert seen.page.evaluate(CUT_OFF, ".standing, .standing .feed-row, .panel, .head") == []


def test_a_red_alert_and_its_strip_keep_off_the_seams_and_so_does_the_incident(
    seen: Look, hall: Hall, shape: Shape
):
    hall.alert()
    takeover = seen.page.locator(".takeover")
    takeover.wait_for()
    seen.page.locator(".strip").wait_for()
    seen.wait_for_map()
    seen.page.wait_for_timeout(300)
    assert faults(seen, shape) == []
    assert seen.page.evaluate(CUT_OFF, ".takeover, .foot") == []
    hall.command(mode="war")
    seen.page.reload()  # who has taken the screen once does not do so again
    seen.page.locator(".war-legend .is-kinds").wait_for()
    seen.page.wait_for_timeout(600)
    assert faults(seen, shape) == []
    assert seen.page.evaluate(CUT_OFF, ".war-part, .foot") == []
    assert seen.page.evaluate(LEGEND_FAULTS) == []


def test_the_room_is_that_of_the_domain():
    """A reader 8 m away from a 4K wall that is 4 m wide, as the site declares unless told."""
    view = WallView()
    room = Room(view.distance_m, view.width_m, 3840)
    assert 35 < room.least_px < 37 and 50 < room.wanted_px < 52  # DOMAIN 4.1


def test_the_linter_names_what_is_too_small_and_what_a_seam_cuts(browser: Browser, wall: Wall):
    with looking(browser, drawing="canvas") as look:
        look.page.goto(wall.url)
        look.wait_for_edition(1)
        shown(look, "overview")
        small = too_small(look.page, Room(20, 4, 1920))
        assert any("流程环节" in each and ".panel-flow-by-stage" in each for each in small)
        cut = on_a_seam(look.page, 2, 1)  # a wall that was told of no seam
        assert any("x = 960" in each and "小县综治中心" in each and "h1" in each for each in cut)
