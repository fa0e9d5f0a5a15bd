"""战时: every mark on the map is in the legend and the list, and says which kind it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from data.codes import codes
from tests.browser.driving import Look, Wall, looking
from tests.browser.hall import Hall
from tests.browser.nearby import publish_with_resources
from tests.layouts.small import small_site

pytestmark = pytest.mark.browser

# Outline and character of every mark there: "mark is-place 学".
MARKS = """where => [...document.querySelectorAll(where)]
    .map(e => `${e.className} ${e.textContent}`.trim())"""
# Of every mark the shape and the colours that the browser draws, without the character.
DRAWN = """() => Object.fromEntries([...document.querySelectorAll('.war-legend .mark')].map(e => {
    const [whole, within] = ['::before', '::after'].map(part => getComputedStyle(e, part));
    return [e.className, [whole.clipPath, within.backgroundColor, within.backgroundImage,
        getComputedStyle(e).borderTopStyle].join('|')]; }))"""
CROSSED = """() => {
    const names = [...document.querySelectorAll('.war-name.is-placed')];
    const all = [...names, ...document.querySelectorAll('.war-pin > .mark, .war-legend .map-box')];
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom
        && b.top < a.bottom;
    return names.flatMap((a, at) => all.slice(at + 1)
        .filter(b => meet(a.getBoundingClientRect(), b.getBoundingClientRect()))
        .map(b => a.textContent + ' / ' + b.className + b.textContent)); }"""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """Visitors' mode is off, one incident stands, and resources of every kind are around it."""
    home: Path = tmp_path_factory.mktemp("incident")
    publish_with_resources(home, small_site())
    wall = Wall(home).start()
    hall = Hall(wall)
    hall.alert(signal="Severe")  # an orange one does not take the screen
    hall.command(mode="war")
    yield hall
    wall.stop()


@pytest.fixture
def look(browser: Browser, hall: Hall) -> Iterator[Look]:
    with looking(browser) as look:
        look.page.goto(hall.wall.url)
        look.page.locator(".war-legend .is-kinds").wait_for()
        look.page.locator(".war-list .mark.is-place").first.wait_for()
        yield look


def test_the_legend_names_each_mark_of_the_map_once(look: Look):
    pins = set(look.page.evaluate(MARKS, ".war-pin > *")) | {"mark is-ring"}
    told = look.page.evaluate(MARKS, ".war-legend :is(.mark, .flag)")
    assert sorted(told) == sorted(pins)
    words = set(look.page.locator(".war-legend .war-kind > span").all_inner_texts())
    kinds = {row["label"] for row in codes("resource_kind").values()}
    assert words == kinds | {"现场", "1 公里内", "在岗网格员"}


def test_every_kind_of_the_code_list_has_its_character_and_every_role_its_shape(look: Look):
    pins = set(look.page.evaluate(MARKS, ".war-pin > .mark"))
    for kind, row in codes("resource_kind").items():
        mark = "is-camera" if kind == "camera" else f"is-{row['role']} {row['mark']}"
        assert f"mark {mark}" in pins
    drawn = look.page.evaluate(DRAWN)
    assert len(drawn) == len(set(drawn.values())) == 7  # four roles, camera, worker, circle
    assert len({each.split("|")[0] for each in drawn.values()} - {"none"}) == 5


def test_a_row_of_the_list_has_the_mark_of_its_pin(look: Look):
    rows = look.page.locator(".war-list.is-place li").all()
    assert len(rows) == 5
    pins = set(look.page.evaluate(MARKS, ".war-pin > .mark"))
    for row in rows:
        label = row.locator("span").inner_text().removeprefix("第一")
        (kind,) = (each for each in codes("resource_kind").values() if each["label"] == label)
        mark = row.locator(".mark")
        assert mark.inner_text() == kind["mark"]
        assert f"{mark.get_attribute('class')} {kind['mark']}" in pins


def test_names_stand_beside_marks_of_places_and_cover_nothing(look: Look):
    names = look.page.locator(".war-name.is-placed").all_inner_texts()
    assert names and not any(name.startswith(("网格员", "路口")) for name in names)
    assert look.page.evaluate(CROSSED) == []


def test_the_legend_leaves_with_the_incident(look: Look, hall: Hall):
    hall.command(mode="peace")
    look.page.locator(".war-legend").wait_for(state="detached")
    hall.command(mode="war")
    look.page.locator(".war-legend").wait_for()
