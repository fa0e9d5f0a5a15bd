"""Every scene on walls of every shape: nothing cut off, nothing too small, no text on a seam."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from data.wall_view import WallView
from layouts.scenes import SCENES
from tests.browser.driving import Look, Wall, looking
from tests.browser.legibility import Room, too_small

pytestmark = pytest.mark.browser
SHAPES = {  # name -> (width, height, displays across)
    "1080p": (1920, 1080, 1),
    "4K": (3840, 2160, 1),
    "two displays": (3840, 1080, 2),
    "three displays": (5760, 1080, 3),
    "upright": (1080, 1920, 1),
}
FRAMES = ".panel, .tile, .map-box, .head, .foot, .dep-row, .list-row, .board-row, .rate-tile"
CUT_OFF = """frames => [...document.querySelectorAll(frames)].filter(e => e.offsetParent)
    .filter(e => e.scrollWidth > e.clientWidth + 2 || e.scrollHeight > e.clientHeight + 2)
    .map(e => e.className + ' ' + e.innerText.slice(0, 40))"""
ON_A_SEAM = """displays => [...document.querySelectorAll('.panel')].filter(e => e.offsetParent)
    .filter(e => { const b = e.getBoundingClientRect(), wide = innerWidth / displays;
        return Math.floor((b.left + 1) / wide) !== Math.floor((b.right - 1) / wide); })
    .map(e => e.className)"""
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


def shown(look: Look, scene: str) -> None:
    """Step to that scene, and wait until its panels are drawn."""
    look.page.evaluate("key => zhinaoScenes.hold(key, true)", scene)
    look.wait_for_edition(1)
    look.page.wait_for_timeout(300)  # plotly draws the trend after its figure has arrived


@pytest.fixture(params=SHAPES, ids=lambda name: name.replace(" ", "-"))
def shape(request, browser: Browser, wall: Wall) -> Iterator[tuple[Look, int]]:
    width, height, displays = SHAPES[request.param]
    with looking(browser, width, height) as look:
        look.page.goto(wall.url)
        look.wait_for_edition(1)
        yield look, displays


def test_every_scene_fits_and_keeps_off_the_seams(shape: tuple[Look, int]):
    look, displays = shape
    for scene in SCENES:
        shown(look, scene)
        for found in (CUT_OFF, OUTSIDE, COVERED, ON_A_SEAM):
            argument = displays if found is ON_A_SEAM else FRAMES
            assert look.page.evaluate(found, argument) == [], f"{scene}: {found[:60]}"


def test_every_text_is_read_from_the_back_of_the_room(browser: Browser, wall: Wall):
    """A reader 8 m away from a 4K wall that is 4 m wide, as the site declares unless told."""
    view = WallView()
    room = Room(view.distance_m, view.width_m, 3840)
    assert 35 < room.least_px < 37 and 50 < room.wanted_px < 52  # DOMAIN 4.1
    with looking(browser, 3840, 2160) as look:
        look.page.goto(wall.url)
        look.wait_for_edition(1)
        for scene in SCENES:
            shown(look, scene)
            assert too_small(look.page, room) == [], scene


def test_the_linter_names_what_is_too_small(browser: Browser, wall: Wall):
    with looking(browser) as look:
        look.page.goto(wall.url)
        look.wait_for_edition(1)
        small = too_small(look.page, Room(20, 4, 1920))
        assert any("流程环节" in each and ".panel-flow-by-stage" in each for each in small)
