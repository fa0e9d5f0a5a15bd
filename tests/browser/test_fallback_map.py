"""Without a GPU the map is drawn on a canvas: the same content, chosen by itself, and said."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from data.editions.store import EditionStore
from layouts.controls import Control
from tests.browser.driving import CHROMIUM, FLAGS, Look, Wall, looking
from tests.layouts.small import SIDE, SOUTH, WEST, publish, squares, store_with

pytestmark = pytest.mark.browser
GRID = (WEST + 7.5 * SIDE, SOUTH + 2.5 * SIDE)  # T1V2G2, in the middle of it


def open_wall(look: Look, wall: Wall, query: str = "") -> None:
    look.page.goto(wall.url + "/" + query)
    look.wait_for_edition(1)
    look.wait_for_map()
    stay(look)


def stay(look: Look) -> None:
    """As if somebody had just touched the wall: the scene stays."""
    look.page.evaluate("window.dispatchEvent(new Event('pointerdown'))")


def drawing(look: Look) -> str:
    return look.page.evaluate("wallMap.drawing()")


def status(look: Look, wall: Wall) -> str:
    look.page.goto(wall.url + "/quality")
    shown = look.page.locator("[data-show='map-drawing']", has_text="地图")
    return shown.inner_text()


# The choice


@pytest.fixture
def no_webgl(browser: Browser) -> Iterator[Browser]:
    without = ["--disable-webgl", "--disable-3d-apis"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *without])
    yield other
    other.close()


def test_where_webgl_is_missing_the_map_is_drawn_all_the_same_and_the_status_says_so(
    no_webgl: Browser, wall: Wall
):
    with looking(no_webgl, drawing=None) as look:
        open_wall(look, wall, "?map=webgl")  # what is not there cannot be asked for
        assert look.page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
        assert drawing(look) == "canvas"
        assert look.page.locator(".map-label").all_inner_texts() == ["第0镇", "第1镇", "第2镇"]
        assert near(fills(look), expected(look))
        assert status(look, wall) == "地图：软件绘制（本机没有可用的显卡加速）"
        assert look.complaints == []


def test_a_driver_that_went_since_the_tab_chose_it_leaves_no_hole(no_webgl: Browser, wall: Wall):
    with looking(no_webgl, drawing="webgl") as look:
        open_wall(look, wall)
        assert drawing(look) == "canvas"
        assert look.complaints == []


def test_where_webgl_is_only_computed_the_canvas_is_chosen_and_kept(browser: Browser, wall: Wall):
    with looking(browser, drawing=None) as look:
        open_wall(look, wall)
        assert drawing(look) == "canvas"
        assert look.page.locator(".map canvas").count() == 1
        look.page.reload()
        look.wait_for_map()
        assert drawing(look) == "canvas"
        assert status(look, wall) == "地图：软件绘制（本机没有可用的显卡加速）"
        assert look.complaints == []


def test_the_address_may_choose_and_the_tab_keeps_it(browser: Browser, wall: Wall):
    with looking(browser, drawing=None) as look:
        open_wall(look, wall, "?map=webgl")
        assert drawing(look) == "webgl"
        assert look.page.locator(".notice .told").inner_text() == ""
        open_wall(look, wall)
        assert drawing(look) == "webgl"
        assert status(look, wall) == "地图：GPU 绘制（按网址的指定）"
        open_wall(look, wall, "?map=auto")
        assert drawing(look) == "canvas"


def test_a_lost_gpu_leaves_no_hole(browser: Browser, wall: Wall):
    with looking(browser, drawing="webgl") as look:
        open_wall(look, wall)
        look.page.evaluate(
            "document.querySelector('.maplibregl-canvas').getContext('webgl2')"
            ".getExtension('WEBGL_lose_context').loseContext()"
        )
        look.page.wait_for_function("() => wallMap.drawing() === 'canvas'")
        look.wait_for_map()
        assert near(fills(look), expected(look))
        expect(look.page.locator(".maplibregl-canvas")).to_have_count(0)
        assert look.complaints == []


SLOW = """const draw = WebGL2RenderingContext.prototype.drawElements;
WebGL2RenderingContext.prototype.drawElements = function (...given) {
    for (const began = performance.now(); performance.now() - began < 200;);
    return draw.apply(this, given);
};
sessionStorage.setItem("zhinao-map-drawing", JSON.stringify({ drawing: "webgl", why: null }));"""


def test_a_gpu_that_is_slow_is_left(browser: Browser, wall: Wall):
    with looking(browser, drawing=None) as look:
        look.page.add_init_script(f"if (location.protocol.startsWith('http')) {{{SLOW}}}")
        look.page.goto(wall.url)
        look.page.wait_for_function("() => wallMap.drawing() === 'canvas'")
        look.wait_for_map()
        assert near(fills(look), expected(look))


# The content

FILLS = """() => {
    const map = wallMap.canvas(), ratio = window.devicePixelRatio;
    const middles = Object.fromEntries(MIDDLES);
    return wallMap.figure().data[0].locations.map((code) => {
        const at = map.project(middles[code]);
        const [r, g, b] = map.pen.getImageData(at.x * ratio, at.y * ratio, 1, 1).data;
        return [code, r, g, b];
    }); }"""


def fills(look: Look) -> list[list]:
    """(code, red, green, blue) in the middle of every polygon, as the canvas shows it."""
    return look.page.evaluate(FILLS.replace("MIDDLES", str([list(each) for each in middles()])))


def middles() -> Iterator[tuple[str, list[float]]]:
    for layer, code, _, _, lon, lat, *_ in squares():
        if layer == "grid":
            yield code, [lon, lat]


def expected(look: Look) -> list[list]:
    """The same by what the figure says."""
    trace = look.page.evaluate("wallMap.figure().data[0]")
    found = []
    for code, z in zip(trace["locations"], trace["z"], strict=True):
        share = (z - trace["zmin"]) / (trace["zmax"] - trace["zmin"])
        colour = next(c for at, c in reversed(trace["colorscale"]) if at <= share)
        found.append([code, *bytes.fromhex(colour[1:])])
    return found


def near(one: list[list], other: list[list]) -> bool:
    """Equal but for what rounding does to a colour that is not opaque."""
    return all(
        a[0] == b[0] and max(abs(x - y) for x, y in zip(a[1:], b[1:], strict=True)) <= 1
        for a, b in zip(one, other, strict=True)
    )


def test_every_polygon_has_the_colour_that_the_figure_says(look: Look, wall: Wall):
    open_wall(look, wall)
    shown = fills(look)
    assert near(shown, expected(look))
    assert len({tuple(each[1:]) for each in shown}) >= 3


PLACES = """() => [...document.querySelectorAll('.map-label, .map-pin')].map((each) => {
    const box = each.getBoundingClientRect();
    return [each.textContent, Math.round(box.x), Math.round(box.y)]; })"""


def places(browser: Browser, wall: Wall, drawing: str, query: str = "") -> list[list]:
    with looking(browser, drawing=drawing) as look:
        open_wall(look, wall, query)
        look.page.wait_for_timeout(500)
        return look.page.evaluate(PLACES)


@pytest.mark.parametrize("query", ["", "?regions=village:T2V1"])
def test_names_and_pins_stand_where_webgl_puts_them(browser: Browser, wall: Wall, query: str):
    by_webgl = places(browser, wall, "webgl", query)
    by_canvas = places(browser, wall, "canvas", query)
    assert len(by_canvas) > 3
    for (text, x, y), (same, right, down) in zip(by_webgl, by_canvas, strict=True):
        assert (text, abs(x - right) <= 1, abs(y - down) <= 1) == (same, True, True)


def test_heat_covers_the_polygons_and_leaves_again(look: Look, wall: Wall):
    open_wall(look, wall)
    before = fills(look)
    heat = look.page.locator(".map-choice label", has_text="热力")
    heat.click()
    look.page.wait_for_function("() => wallMap.figure().data[1].visible === true")
    assert not near(fills(look), before)
    heat.click()
    look.page.wait_for_function("() => wallMap.figure().data[1].visible === false")
    assert fills(look) == before


# What the viewer does


def test_drill_to_the_grid_and_back(look: Look, wall: Wall):
    open_wall(look, wall)
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇")
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇", "12村")
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇", "12村", "12村2格")
    look.page.get_by_role("button", name="全域", exact=True).click()
    look.wait_for_trail("全域")
    look.click_at(*GRID)
    look.wait_for_trail("全域", "第1镇")


def test_the_wheel_zooms_about_the_pointer_a_drag_moves_and_neither_drills(look: Look, wall: Wall):
    open_wall(look, wall)
    at = look.page.evaluate("wallMap.project([112.05, 28.02])")
    box = look.page.locator(".map-canvas").bounding_box() or {}
    x, y = box["x"] + at["x"], box["y"] + at["y"]
    look.page.mouse.move(x, y)
    look.page.mouse.wheel(0, -450)
    look.page.wait_for_function("() => wallMap.getZoom() === wallMap.given().zoom + 1")
    assert look.page.evaluate("wallMap.project([112.05, 28.02])") == pytest.approx(at, abs=1)
    look.page.mouse.down()
    look.page.mouse.move(x + 60, y + 40, steps=5)
    look.page.mouse.up()
    moved = {"x": at["x"] + 60, "y": at["y"] + 40}
    assert look.page.evaluate("wallMap.project([112.05, 28.02])") == pytest.approx(moved, abs=1)
    look.page.wait_for_function("() => !wallMap.canvas().canvas.style.transform")
    assert near(on_screen(look.page), on_screen(look.page, "expected"))
    assert look.trail() == ["全域"]


def on_screen(page: Page, what: str = "fills") -> list[list]:
    """Of the polygons whose middle the viewer still sees."""
    look = Look(page)
    every = fills(look) if what == "fills" else expected(look)
    seen = page.evaluate(
        """middles => middles.filter(([code, place]) => { const p = wallMap.project(place),
            room = wallMap.canvas().room;
            return p.x > 0 && p.y > 0 && p.x < room.clientWidth && p.y < room.clientHeight;
        }).map(([code]) => code)""",
        [list(each) for each in middles()],
    )
    assert seen
    return [each for each in every if each[0] in seen]


# Weeks


@pytest.fixture
def own(serve: Callable[[Path], Wall], tmp_path: Path) -> Iterator[tuple[Wall, EditionStore]]:
    store = store_with(tmp_path)
    yield serve(tmp_path), store
    store.close()


def test_a_new_edition_changes_the_colours_and_leaves_the_viewers_zoom(
    look: Look, own: tuple[Wall, EditionStore]
):
    wall, store = own
    open_wall(look, wall)
    before = fills(look)
    look.page.mouse.move(900, 600)
    look.page.mouse.wheel(0, -90)
    look.page.wait_for_function("() => wallMap.getZoom() > wallMap.given().zoom")
    zoom = look.page.evaluate("wallMap.getZoom()")
    look.requests.clear()
    publish(store, 300)
    look.wait_for_edition(2)
    look.page.wait_for_function("() => !wallMap.canvas().redrawing")
    assert look.page.evaluate("wallMap.getZoom()") == zoom
    after = on_screen(look.page)
    assert near(after, on_screen(look.page, "expected"))
    assert after != [each for each in before if each[0] in {code for code, *_ in after}]
    assert not [url for url in look.requests if "/geometry/" in url]


def test_a_map_that_is_not_shown_is_not_drawn_and_then_shows_the_newest(
    look: Look, own: tuple[Wall, EditionStore]
):
    wall, store = own
    open_wall(look, wall)
    look.page.add_style_tag(content=".is-hidden-now { display: none !important; }")
    look.page.evaluate("document.querySelector('.map').classList.add('is-hidden-now')")
    look.page.wait_for_timeout(300)
    drawn = look.page.evaluate("wallMap.canvas().drawings")
    publish(store, 300)
    look.page.wait_for_function("() => document.querySelector('.map').dataset.edition === '2'")
    look.page.wait_for_timeout(500)
    assert look.page.evaluate("wallMap.canvas().drawings") == drawn
    look.page.evaluate("document.querySelector('.map').classList.remove('is-hidden-now')")
    look.page.wait_for_function("drawn => wallMap.canvas().drawings > drawn", arg=drawn)
    assert near(fills(look), expected(look))


FITS = """() => {
    const map = wallMap.canvas(), [west, south, east, north] = wallMap.figure().layout.meta.box;
    const a = map.project([west, north]), b = map.project([east, south]), room = map.room;
    const isSharp = map.canvas.width === Math.round(room.clientWidth * devicePixelRatio)
        && map.canvas.height === Math.round(room.clientHeight * devicePixelRatio);
    const isInside = a.x >= 0 && a.y >= 0 && b.x <= room.clientWidth && b.y <= room.clientHeight;
    const share = Math.max((b.x - a.x) / room.clientWidth, (b.y - a.y) / room.clientHeight);
    return isSharp && isInside && share > 0.7 && !wallMap.canvas().redrawing; }"""


def test_the_map_fills_whatever_room_it_has_and_is_sharp(look: Look, wall: Wall):
    open_wall(look, wall)
    for width, height in [(3840, 2160), (5760, 1080), (1080, 1920), (1920, 1080)]:
        look.page.set_viewport_size({"width": width, "height": height})
        look.page.wait_for_function(FITS)
        look.page.wait_for_timeout(800)  # the figure for the new size of a wall has come
        look.page.wait_for_function(FITS)
        assert near(fills(look), expected(look))


def test_the_map_may_take_the_whole_screen_and_come_back(look: Look, wall: Wall):
    open_wall(look, wall)
    before = look.page.evaluate("wallMap.getZoom()")
    whole = ".map { position: fixed !important; inset: 0; z-index: 50; }"
    style = look.page.add_style_tag(content=whole)
    look.page.wait_for_function("before => wallMap.getZoom() > before", arg=before)
    look.page.wait_for_function(FITS)
    style.evaluate("style => style.remove()")
    look.page.wait_for_function("before => wallMap.getZoom() === before", arg=before)
    look.page.wait_for_function(FITS)
    assert near(fills(look), expected(look))


def test_the_map_may_look_at_a_part_and_back(look: Look, wall: Wall):
    open_wall(look, wall)
    before = look.page.evaluate("wallMap.getZoom()")
    part = [GRID[0] - SIDE, GRID[1] - SIDE, GRID[0] + SIDE, GRID[1] + SIDE]
    look.page.evaluate("box => wallMap.focus(box)", part)
    look.page.wait_for_function("() => !wallMap.canvas().redrawing")
    middle = look.page.evaluate("wallMap.getCenter()")
    assert (middle["lon"], middle["lat"]) == pytest.approx(GRID, abs=1e-4)
    assert look.page.evaluate("wallMap.getZoom()") > before + 1
    assert near(on_screen(look.page), on_screen(look.page, "expected"))
    look.page.evaluate("wallMap.focus(null)")
    assert look.page.evaluate("wallMap.getZoom()") == before


def test_shapes_that_did_not_come_are_asked_for_again(browser: Browser, wall: Wall):
    with looking(browser, drawing="canvas") as look:
        asked = []

        def refuse_once(route):
            asked.append(route.request.url)
            route.abort() if len(asked) <= 2 else route.continue_()

        look.page.route("**/geometry/**", refuse_once)
        look.page.goto(wall.url)
        look.wait_for_map()
        assert len(asked) == 4
        assert near(fills(look), expected(look))


REFRESH = """async (count) => {
    const given = wallMap.figure(), [polygons, density] = given.data;
    for (let turn = 0; turn < count; turn += 1) {
        const z = polygons.z.map((band, at) => ((at + turn) % 3) - 1);
        const data = { ...given, data: [{ ...polygons, z }, density] };
        window.dash_clientside.set_props("map-figure", { data });
        await new Promise((resolve) => setTimeout(resolve, 4));
    } }"""


def test_a_refresh_changes_colours_and_keeps_shapes_and_paths(look: Look, wall: Wall):
    open_wall(look, wall)
    look.page.evaluate("window.shapesBefore = wallMap.canvas().drawn[0]")
    look.page.evaluate(REFRESH, 3)
    look.page.wait_for_function("() => wallMap.canvas().drawings >= 3")
    assert look.page.evaluate("wallMap.canvas().drawn[0] === window.shapesBefore")


ASK = "([id, data]) => window.dash_clientside.set_props(id, { data })"
KEPT = {
    "canvas": "CanvasMap.kept.length",
    "webgl": "Object.keys(PlotlyGeoAssets).filter(url => url.startsWith('/geometry/')).length",
}


@pytest.mark.parametrize("drawing", KEPT)
def test_shapes_of_three_addresses_are_kept_and_no_more(browser: Browser, wall: Wall, drawing: str):
    with looking(browser, drawing=drawing) as look:
        open_wall(look, wall)
        for village in range(2):
            for region, trail in (
                (["town", "T1"], ("全域", "第1镇")),
                (["village", f"T1V{village}"], ("全域", "第1镇", f"1{village}村")),
                (None, ("全域",)),
            ):
                asked = json.dumps({"regions": [region]} if region else {})
                look.page.evaluate(ASK, [Control.SCOPE.value, asked])
                look.wait_for_trail(*trail)
                look.wait_for_map()
        look.page.wait_for_function(f"() => {KEPT[drawing]} === 3")


@pytest.mark.soak
def test_a_refresh_leaves_nothing_in_the_memory(look: Look, wall: Wall):
    open_wall(look, wall)
    session = look.page.context.new_cdp_session(look.page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        return session.send("Runtime.getHeapUsage")["usedSize"]

    for _ in range(5):
        look.page.evaluate(REFRESH, 100)
        stay(look)
    before, drawn = heap(), look.page.evaluate("wallMap.canvas().drawings")
    for _ in range(5):
        look.page.evaluate(REFRESH, 100)
        stay(look)
    look.page.wait_for_timeout(500)
    assert look.page.evaluate("wallMap.canvas().drawings") - drawn >= 300
    assert heap() - before < 500 * 1000  # a kB each
