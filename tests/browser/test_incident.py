"""战时: one sentence answers; the map says nothing but where things are; every mark on it is in the
legend and the list; who is not near is told apart from what was not loaded."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from data.codes import codes
from tests.browser.driving import PATIENCE, Look, Wall, looking
from tests.browser.hall import Hall, wait_for_scene
from tests.browser.nearby import at, publish_around, publish_with_resources
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
    const mayLie = (a, b) => a.matches('.is-incident') && b.matches('.is-camera, .is-worker');
    return names.flatMap((a, at) => all.slice(at + 1).filter(b => !mayLie(a, b))
        .filter(b => meet(a.getBoundingClientRect(), b.getBoundingClientRect()))
        .map(b => a.textContent + ' / ' + b.className + b.textContent)); }"""

# How large the answer is in rem, and how large it may be.
FULL_SIZE = """() => { const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const answer = document.querySelector('.war-answer .sentence');
    const size = () => Math.round(100 * parseFloat(getComputedStyle(answer).fontSize) / rem) / 100;
    const now = size(), em = answer.style.getPropertyValue('--em');
    answer.style.setProperty('--em', '1');
    const full = size();
    answer.style.setProperty('--em', em);
    return [now, full]; }"""
# What of the header the answer lies over, and whether its words are cut.
HEADER_FAULTS = """() => {
    const answer = document.querySelector('.war-answer .sentence');
    const inked = e => { const words = document.createRange();
        words.selectNodeContents(e);
        return words.getBoundingClientRect(); };
    const { top, bottom, height } = inked(answer), least = height / 5;  // letters are less high
    const { left, right } = answer.getBoundingClientRect(), a = { left, right, top, bottom };
    const parts = '.head :is(h1, .scene-line, .trust > *, .now *)';
    const boxes = [...document.querySelectorAll(parts)].map(e => [e, inked(e)]);
    const over = boxes.filter(([, b]) => a.left < b.right && b.left < a.right
        && a.top < b.bottom - least && b.top < a.bottom - least);
    return [...over.map(([e]) => e.innerText),
        ...(answer.scrollWidth > answer.clientWidth ? ['cut'] : [])]; }"""
BANDS = "() => [...new Set(wallMap.canvas().figure.data[0].z)]"


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
    pins = set(look.page.evaluate(MARKS, ".war-pin > :not(svg)")) | {"mark is-ring", "mark is-grid"}
    told = look.page.evaluate(MARKS, ".war-legend :is(.mark, .flag)")
    assert sorted(told) == sorted(pins)
    words = set(look.page.locator(".war-legend .war-kind > span").all_inner_texts())
    kinds = {row["label"] for row in codes("resource_kind").values()}
    assert words == kinds | {"现场", "所在网格", "1 公里内", "在岗网格员"}


def test_every_kind_of_the_code_list_has_its_character_and_every_role_its_shape(look: Look):
    pins = set(look.page.evaluate(MARKS, ".war-pin > .mark"))
    for kind, row in codes("resource_kind").items():
        mark = "is-camera" if kind == "camera" else f"is-{row['role']} {row['mark']}"
        assert f"mark {mark}" in pins
    drawn = look.page.evaluate(DRAWN)
    assert len(drawn) == len(set(drawn.values())) == 8  # four roles, camera, worker, circle, grid
    assert len({each.split("|")[0] for each in drawn.values()} - {"none"}) == 6


def test_a_row_of_the_list_has_the_mark_of_its_pin(look: Look):
    rows = look.page.locator(".war-list:is(.is-place, .is-force) li").all()
    assert len(rows) == 3 + 4
    pins = set(look.page.evaluate(MARKS, ".war-pin > .mark"))
    for row in rows:
        label = row.locator("span").inner_text().removeprefix("第一")
        (kind,) = (each for each in codes("resource_kind").values() if each["label"] == label)
        mark = row.locator(".mark")
        assert mark.inner_text() == kind["mark"]
        assert f"{mark.get_attribute('class')} {kind['mark']}" in pins


def test_names_stand_beside_marks_of_places_and_cover_nothing(look: Look):
    names = look.page.locator(".war-name.is-placed").all_inner_texts()
    assert "第1镇12村2格" in names  # the incident's grid, with its town
    assert not any(name.startswith(("网格员", "路口")) for name in names)
    assert look.page.evaluate(CROSSED) == []


def test_the_legend_leaves_with_the_incident(look: Look, hall: Hall):
    hall.command(mode="peace")
    look.page.locator(".war-legend").wait_for(state="detached")
    hall.command(mode="war")
    look.page.locator(".war-legend").wait_for()


# The answer


def answer(look: Look) -> Locator:
    return look.page.locator(".sentence").filter(visible=True)


def says(look: Look, text: str) -> None:
    expect(answer(look)).to_contain_text(text, timeout=PATIENCE)


def test_one_sentence_answers_where_how_far_and_who_is_near(look: Look, hall: Hall):
    says(look, "最近网格员 300 米")  # a wall knows people to 100 m
    assert answer(look).count() == 1
    assert re.fullmatch(
        r"第1镇12村火情，区/县指挥中心 \d+ (秒|分钟)未签收；最近网格员 300 米.*",
        answer(look).inner_text(),
    )
    nearest = look.page.locator(".war-list.is-worker li").first
    expect(nearest).to_contain_text("约 300 米")
    size, full = look.page.evaluate(FULL_SIZE)
    assert full == 1.85 and size > 1.8  # rem


SIZES = [(1920, 1080), (3840, 2160), (3840, 1080), (5760, 1080), (1080, 1920)]


@pytest.mark.parametrize("width, height", SIZES)
def test_the_answer_lies_over_nothing_on_walls_of_other_shapes(
    browser: Browser, hall: Hall, width: int, height: int
):
    with looking(browser, width, height) as look:
        look.page.goto(hall.wall.url)
        says(look, "最近网格员 300 米")
        assert look.page.evaluate(HEADER_FAULTS) == []


def test_the_answer_is_there_where_the_scene_has_no_map_and_leaves_with_the_incident(
    look: Look, hall: Hall
):
    hall.command(mode="war", scene="departments")
    look.page.wait_for_function("() => zhinaoScenes.current() === 'departments'")
    says(look, "第1镇12村火情")
    assert answer(look).count() == 1
    hall.command(mode="peace", scene="departments")
    wait_for_scene(look, "部门办结")
    expect(look.page.locator(".war-answer")).to_have_count(0)
    expect(answer(look)).not_to_contain_text("火情")
    hall.command(mode="war", scene=None)


def test_the_answer_says_what_is_special(look: Look, hall: Hall):
    live = look.page.evaluate("async () => (await fetch('/live')).json()")
    (alert,) = live["alerts"]

    def shown(*alerts: dict) -> None:
        look.page.unroute("**/live")
        look.page.route("**/live", lambda route: route.fulfill(json=live | {"alerts": alerts}))
        hall.alert("Minor", "道路结冰", "Met", at="20,100 1")  # outside: what stands is asked anew

    look.page.route("**/incident/*", lambda route: route.abort())
    shown(alert | {"acknowledged": alert["received"], "by": "值班台"})
    says(look, "第1镇12村火情，区/县指挥中心处置，")
    says(look, "前签收")
    expect(look.page.locator(".war-log .is-open")).to_have_count(0)
    shown(alert | {"stamp": "演练", "id": "e"})
    says(look, "演练第1镇12村火情，")
    expect(look.page.locator(".war-log .is-open")).to_have_text("待区/县指挥中心签收")
    shown(alert | {"place": None, "lon": None, "lat": None, "id": "n"}, alert)
    says(look, "火情，位置不明，")
    says(look, "；没有坐标，周边不详")
    expect(look.page.locator(".war-head")).to_contain_text("另有预警 1 条")
    expect(look.page.locator(".war-around")).to_contain_text("没有坐标，周边不详")
    shown()
    says(look, "没有现行预警")


# The map


def test_the_map_says_nothing_of_values_until_the_incident_ends(look: Look, hall: Hall):
    look.wait_for_map()
    assert look.page.evaluate(BANDS) == [-1]
    assert look.page.locator(".map-pin").filter(visible=True).count() == 0
    look.page.evaluate("zhinaoScenes.colour('accepted', true)")  # the map is drawn anew
    look.page.wait_for_function("() => wallMap.figure().data[1].visible")
    assert look.page.evaluate(BANDS) == [-1]
    assert not look.page.evaluate("wallMap.canvas().figure.data[1].visible")
    hall.command(mode="peace")
    look.page.wait_for_function(f"() => ({BANDS})().length > 1")
    assert look.page.evaluate("wallMap.canvas().figure.data[1].visible")
    hall.command(mode="war")


def test_the_gpu_draws_it_plain_too(browser: Browser, hall: Hall):
    with looking(browser, drawing="webgl") as look:
        look.page.goto(hall.wall.url)
        look.wait_for_map()
        look.page.locator(".war-pin.is-grid path[d^=M]").wait_for(state="attached")
        look.page.wait_for_function(
            """() => { const drawn = document.querySelector('.map .js-plotly-plot')?.data;
                return drawn?.length === 2 && drawn[0].z?.length > 9
                    && drawn[0].z.every(z => z === -1) && !drawn[1].visible; }"""
        )


def test_the_grid_of_the_incident_is_drawn_where_it_lies(look: Look):
    path = look.page.locator(".war-pin.is-grid path[d^=M]")
    path.wait_for(state="attached")
    box, flag = path.bounding_box(), look.page.locator(".war-pin.is-incident").bounding_box()
    assert box is not None and flag is not None
    assert abs(box["x"] + box["width"] / 2 - flag["x"]) < 3  # the incident is in its middle
    assert abs(box["y"] + box["height"] / 2 - flag["y"]) < 3


# What is not there


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """Many cameras near, a fire station and a school beyond the circle, no grid worker loaded."""
    home: Path = tmp_path_factory.mktemp("bare")
    resources = [
        *({"kind": "camera", "name": f"路口{n}", **at(10 * n, n * 37)} for n in range(80)),
        {"kind": "fire_station", "name": "第二消防站", **at(5000, 90)},
        {"kind": "fire_station", "name": "第一消防站", **at(3200, 45)},
        {"kind": "school", "name": "第一学校", **at(1500, 0)},
    ]
    publish_around(home, small_site(), resources, [])
    wall = Wall(home).start()
    hall = Hall(wall)
    hall.alert(signal="Severe")
    hall.command(mode="war")
    yield hall
    wall.stop()


def test_none_near_is_told_apart_from_none_loaded(browser: Browser, bare: Hall):
    with looking(browser) as look:
        look.page.goto(bare.wall.url)
        around = look.page.locator(".war-around")
        expect(around.locator(".is-worker li")).to_have_text(["没有导入网格员"], timeout=PATIENCE)
        expect(around.locator(".is-place li")).to_have_text(["1 公里内没有"])
        forces = around.locator(".is-force li")
        expect(forces).to_have_text(["消第一消防站东北 3.2 公里", "没有导入：应急队伍、派出所"])
        assert "都在 1 公里外" in around.inner_text()
        facts = dict(each.split("\n")[:2] for each in around.locator(".war-fact").all_inner_texts())
        assert (facts["摄像头"], facts["网格员在岗"]) == ("80", "没有导入")
        says(look, "；没有导入网格员")
        legend = look.page.locator(".war-legend .war-kind > span").all_inner_texts()
        assert "摄像头（图上最近 60）" in legend
