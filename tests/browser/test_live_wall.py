"""A red alert takes the wall, escalates, is acknowledged; scenes step, are held and commanded."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from data.alert_rules import AlertRules
from data.editions.store import EditionStore
from data.wall_view import WallView
from tests.browser.driving import Look, Wall, looking
from tests.browser.hall import LAT, LON, PLACE, Hall, hall_of, wait_for_scene
from tests.layouts.small import publish, small_site

pytestmark = pytest.mark.browser
NOW = datetime.now(UTC)
TAKEOVER = 10  # seconds
BANDS = "() => [...new Set(wallMap.canvas().figure.data[0].z)]"
SOON = [{"signal": "red", "after_minutes": 0.4, "to": "值班长"}]


MAP_SHARE = """() => {
    const area = s => (b => b.width * b.height)(document.querySelector(s).getBoundingClientRect());
    return area('.map') / area('.wall-body');
}"""


@pytest.fixture
def hall(request, serve: Callable[[Path], Wall], tmp_path: Path) -> Hall:
    """A red alert takes it for ten seconds; what else it does is a test's parameter."""
    asked = getattr(request, "param", {})
    view = WallView(takeover_seconds=TAKEOVER, **asked.get("wall", {}))
    rules = AlertRules.model_validate({"escalation": asked.get("escalation", [])})
    return hall_of(serve, tmp_path, view, rules)


def scene(look: Look) -> str:
    return look.page.locator("[data-show='scene']").inner_text()


@pytest.mark.parametrize("hall", [{"wall": {"seconds": 10, "touch_seconds": 25}}], indirect=True)
def test_scenes_step_by_themselves_and_pause_when_touched(seen: Look):
    wait_for_scene(seen, "风险预警")
    assert "等了多久" in seen.page.locator("[data-show='question']").inner_text()
    seen.page.mouse.click(960, 500)
    expect(seen.page.locator(".steps")).to_have_class("steps is-paused")
    seen.page.wait_for_timeout(15_000)  # it would have stepped by now
    assert scene(seen) == "风险预警"
    wait_for_scene(seen, "矛盾化解")  # when the touch is long ago it goes on
    assert seen.page.locator(".map").is_hidden()


def test_a_red_alert_takes_the_screen_then_sits_at_the_foot_until_acknowledged(
    seen: Look, hall: Hall, browser: Browser
):
    hall.alert()
    takeover = seen.page.locator(".takeover")
    takeover.wait_for()
    words = takeover.inner_text()
    assert "红色预警" in words and "火情" in words and PLACE in words and "未签收" in words
    assert "不该上屏" not in seen.page.content() and "应处置" in words
    assert seen.page.locator(".scene-line").is_hidden()  # the question of a scene that is covered
    pin, map_box = (seen.page.locator(s).bounding_box() for s in (".alert-pin .flag", ".map"))
    assert abs(pin["x"] - map_box["x"] - map_box["width"] / 2) < 40
    seen.page.wait_for_function(f"() => String(({BANDS})()) === '-1'")  # where, and nothing else
    takeover.wait_for(state="detached")
    seen.page.wait_for_function(f"() => String(({BANDS})()) !== '-1'")
    strip = seen.page.locator(".strip")
    flag = seen.page.locator(".alert-pin .flag")
    assert flag.is_visible()  # on the map of the whole county, too
    assert "红色预警未签收 1" in strip.inner_text() and PLACE in strip.inner_text()
    with looking(browser, 420, 900) as desk:
        desk.page.goto(f"{hall.wall.url}/sign-in/{hall.tokens['remote']}")
        desk.page.get_by_role("button", name="签收").click()
        desk.page.get_by_text("没有待签收的预警").wait_for()
    strip.wait_for(state="detached")
    seen.page.evaluate("zhinaoScenes.hold('risk', true)")
    row = seen.page.locator(".standing .feed-row")
    assert "已签收 remote" in row.inner_text()


@pytest.mark.parametrize("hall", [{"escalation": SOON}], indirect=True)
def test_an_alert_that_nobody_answers_escalates_and_takes_the_screen_again(seen: Look, hall: Hall):
    hall.alert()
    takeover = seen.page.locator(".takeover")
    takeover.wait_for()
    takeover.wait_for(state="detached")
    takeover.get_by_text("已升级至值班长").wait_for()
    assert "值班长" in seen.page.locator(".strip").inner_text()


ONE_FLAG = """() => {
    const live = [...document.querySelectorAll('.alert-pin')];
    return live.length === 2 && live.filter(each => each.hidden).length === 1; }"""


def test_an_alert_that_the_edition_has_too_has_one_flag(seen: Look, hall: Hall):
    store = EditionStore(hall.wall.home)
    publish(store, 300, small_site(), alert_ends=datetime(2100, 1, 1))
    store.close()
    hall.alert("Severe")
    seen.wait_for_edition(2)
    seen.page.wait_for_function(ONE_FLAG)
    assert seen.page.locator(".map-pin.is-alert .shape").is_visible()


def test_a_graver_alert_is_red_and_a_lesser_one_only_stands_in_its_panel(seen: Look, hall: Hall):
    hall.alert("Moderate")
    seen.page.evaluate("zhinaoScenes.hold('risk', true)")
    seen.page.locator(".standing .feed-row").get_by_text("黄色预警").wait_for()
    assert seen.page.locator(".takeover, .strip").count() == 0


def test_an_exercise_is_stamped(seen: Look, hall: Hall):
    hall.alert(status="Exercise")
    seen.page.locator(".takeover .stamp").get_by_text("演练").wait_for()


def test_visitors_see_no_live_alert_and_are_told_so(seen: Look, hall: Hall):
    hall.command(occasion="visit")
    seen.page.wait_for_selector("html[data-occasion='visit']")
    hall.alert()
    seen.page.wait_for_timeout(3000)
    assert seen.page.locator(".takeover, .strip, .alert-pin").count() == 0
    hall.command(occasion="normal")
    seen.page.locator(".takeover").wait_for()


@pytest.mark.parametrize("hall", [{"wall": {"seconds": 10}}], indirect=True)
def test_the_remote_holds_a_scene_a_region_a_measure_and_the_night(seen: Look, hall: Hall):
    hall.command(scene="grids", region="town:T1", measure="closure_rate", palette="night")
    wait_for_scene(seen, "网格态势")
    seen.wait_for_trail("全域", "第1镇")
    seen.page.locator(".map-legend", has_text="办结率").wait_for()
    seen.page.wait_for_selector("html[data-palette='night']")
    seen.page.wait_for_timeout(11_000)
    assert scene(seen) == "网格态势"
    hall.command(scene=None, region=None)
    seen.wait_for_trail("全域")
    wait_for_scene(seen, "全域总览")


def test_in_war_the_map_takes_the_wall_with_what_lies_around(seen: Look, hall: Hall):
    hall.alert("Severe")
    hall.command(mode="war")
    story = seen.page.locator(".war-story")
    story.get_by_text("火情").wait_for()
    assert PLACE in story.inner_text() and "未签收" in story.inner_text()
    assert scene(seen) == "战时"
    seen.page.locator(".war-around").get_by_text("周边 1 公里").wait_for()
    shares = seen.page.evaluate(MAP_SHARE)
    assert shares >= 0.45
    before = story.locator("[data-since]").first.inner_text()
    clock = "before => document.querySelector('.war-story [data-since]').innerText > before"
    seen.page.wait_for_function(clock, arg=before)  # its clocks run
    centre = seen.page.evaluate("place => wallMap.project(place)", [LON, LAT])
    box = seen.page.locator(".map").bounding_box()
    assert abs(centre["x"] - box["width"] / 2) < 40 and abs(centre["y"] - box["height"] / 2) < 60
    hall.command(mode="peace")
    seen.page.wait_for_selector(".war-part", state="detached")
    assert scene(seen) == "全域总览"


def test_in_war_there_is_a_map_also_where_the_scene_has_none(seen: Look, hall: Hall):
    hall.alert("Severe")
    hall.command(scene="departments")
    wait_for_scene(seen, "部门办结")
    assert seen.page.locator(".map").is_hidden()
    hall.command(mode="war", scene="departments")
    seen.page.locator(".war-story").wait_for()
    assert seen.page.evaluate(MAP_SHARE) >= 0.45
    seen.wait_for_map()
    hall.command(mode="peace", scene="departments")
    seen.page.locator(".map").wait_for(state="hidden")
    assert scene(seen) == "部门办结"


def test_an_outage_loses_neither_the_scene_nor_what_was_said(browser: Browser, hall: Hall):
    with looking(browser) as look:
        look.page.goto(hall.wall.url)
        look.wait_for_edition(1)
        hall.command(scene="departments")
        wait_for_scene(look, "部门办结")
        hall.wall.stop()
        look.page.get_by_role("alert").get_by_text("与服务器失去联系").wait_for()
        assert scene(look) == "部门办结"
        hall.wall.start()
        look.page.get_by_text("与服务器失去联系").wait_for(state="detached")
        look.page.reload()
        look.wait_for_edition(1)
        assert scene(look) == "部门办结"


def test_a_wall_signs_in_once_and_a_revoked_one_shows_nothing(browser: Browser, hall: Hall):
    with looking(browser) as look:
        look.page.goto(f"{hall.wall.url}/sign-in/{hall.tokens['wall']}")
        look.wait_for_edition(1)
        look.page.reload()
        look.wait_for_edition(1)
        hall.devices.revoke("wall", NOW)
        look.page.get_by_text("本屏已停用").wait_for()
        cover = look.page.locator(".waiting").bounding_box()
        assert cover == {"x": 0, "y": 0, "width": 1920, "height": 1080}
