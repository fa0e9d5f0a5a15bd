"""What a wall was told is what it shows: over a reload, to visitors, and where it cannot be so."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.driving import Look, Wall
from tests.browser.hall import Hall, wait_for_scene
from tests.layouts.small import store_with

pytestmark = pytest.mark.browser


@pytest.fixture
def hall(serve: Callable[[Path], Wall], tmp_path: Path) -> Hall:
    store_with(tmp_path, 300).close()
    return Hall(serve(tmp_path))


def test_a_region_that_is_taken_back_while_the_wall_reloads_is_taken_back(seen: Look, hall: Hall):
    hall.command(region="town:T1")
    seen.wait_for_trail("全域", "第1镇")
    seen.page.wait_for_url("**/?regions=*")
    address = seen.page.url
    seen.page.goto("about:blank")
    hall.command(region=None)
    seen.page.goto(address)
    seen.wait_for_edition(1)
    seen.wait_for_trail("全域")


def test_a_scene_that_a_wall_does_not_show_holds_nothing(seen: Look, hall: Hall):
    hall.command(scene="risk")
    wait_for_scene(seen, "风险预警")
    steps = seen.page.locator(".steps")
    expect(steps).to_have_class("steps is-paused")
    hall.command(scene="of_another_program")
    expect(steps).to_have_class("steps")


def test_to_visitors_war_shows_no_alert(seen: Look, hall: Hall):
    hall.alert("Severe")
    hall.command(mode="war", occasion="visit")
    story = seen.page.locator(".war-story")
    story.get_by_text("战时：参观模式，不显示预警").wait_for()
    hall.command(occasion="normal")
    story.get_by_text("火情").wait_for()


def test_what_the_server_cannot_read_of_the_alerts_is_said_on_every_scene(seen: Look, hall: Hall):
    def unreadable(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, json=reply.json() | {"problem": "实时预警不是最新"})

    seen.page.route("**/live", unreadable)
    hall.alert("Severe")
    banner = seen.page.get_by_role("alert").get_by_text("实时预警不是最新")
    banner.wait_for()
    seen.page.unroute_all(behavior="wait")
    hall.alert("Moderate")
    banner.wait_for(state="detached")


def test_the_panel_of_levels_lets_the_time_of_the_oldest_run(seen: Look):
    seen.page.evaluate("zhinaoScenes.hold('risk', true)")
    rows = seen.page.locator(".panel-held-by-level .board-row:not(.board-head)")
    rows.first.wait_for()
    shown = [text.replace("\n", " ") for text in rows.all_inner_texts()]
    assert all(text.endswith("天") for text in shown)
    assert {text.split()[0] for text in shown} <= {"红", "黄", "蓝"}
