"""New data arrive by themselves, a dead server is seen to be dead, and all recovers by itself."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from data.editions.store import EditionStore
from tests.browser.driving import Look, Wall, looking
from tests.browser.weeks import FASTER
from tests.layouts.small import of_another_schema, publish, store_with

pytestmark = pytest.mark.browser
CALLBACKS = "**/_dash-update-component*"
ON_SCREEN_WITHIN = 5.0  # seconds after publication


@pytest.fixture
def own_wall(serve: Callable[[Path], Wall], tmp_path: Path) -> Wall:
    """A server over a home without any edition."""
    return serve(tmp_path / "home")


def rows(look: Look) -> str:
    look.page.wait_for_timeout(700)  # by then the clock has said what is no longer today
    return look.page.locator(".panel-open-by-risk").inner_text()


def test_a_new_edition_is_on_screen_within_five_seconds(look: Look, own_wall: Wall):
    store = store_with(own_wall.home, 500)
    look.page.goto(own_wall.url)
    look.wait_for_edition(1)
    look.wait_for_map()
    before = rows(look)
    publish(store, 900)
    published = time.monotonic()
    look.wait_for_edition(2)
    assert time.monotonic() - published < ON_SCREEN_WITHIN * 2  # the bench holds the figure itself
    assert rows(look) != before
    store.close()


def test_before_the_first_data_the_page_says_so_and_then_shows_them(look: Look, own_wall: Wall):
    look.page.goto(own_wall.url)
    look.page.get_by_text("等待首批数据").wait_for()
    publish(EditionStore(own_wall.home), 200)
    look.wait_for_edition(1)
    look.page.get_by_text("等待首批数据").wait_for(state="detached")
    assert look.page.locator("h1").inner_text() == "小县综治中心"


def test_data_of_another_program_are_not_said_to_be_awaited(look: Look, own_wall: Wall):
    store_with(own_wall.home, 200).close()
    of_another_schema(own_wall.home / "editions" / "1.duckdb")
    look.page.goto(own_wall.url)
    look.page.get_by_text("该版本的表结构为 1").wait_for()
    assert look.page.get_by_text("等待首批数据").count() == 0


def test_a_dead_server_is_announced_the_last_data_stay_and_it_recovers_by_itself(
    browser: Browser, own_wall: Wall
):
    store = store_with(own_wall.home, 500)
    with looking(browser) as look:
        look.page.goto(own_wall.url)
        look.wait_for_edition(1)
        before = rows(look)
        own_wall.stop()
        banner = look.page.get_by_role("alert")
        banner.wait_for()
        assert "与服务器失去联系" in banner.inner_text()
        assert "14:30 的数据" in banner.inner_text()
        assert rows(look) == before
        publish(store, 900)
        own_wall.start()
        banner.wait_for(state="detached")
        look.wait_for_edition(2)
        assert rows(look) != before
    store.close()


def test_a_panel_that_cannot_be_renewed_is_marked_and_keeps_its_last_picture(
    browser: Browser, own_wall: Wall
):
    store = store_with(own_wall.home, 500)
    with looking(browser) as look:
        look.page.goto(own_wall.url)
        look.wait_for_edition(1)
        before = rows(look)
        look.page.route(CALLBACKS, lambda route: route.fulfill(status=500))
        publish(store, 900)
        look.page.wait_for_selector(".panel.is-behind")
        assert rows(look) == before
        look.page.unroute(CALLBACKS)
        look.wait_for_edition(2)
        look.page.wait_for_selector(".panel.is-behind", state="detached")
    store.close()


def test_who_looks_at_an_older_edition_is_not_behind_and_asks_no_more(
    browser: Browser, own_wall: Wall
):
    store = store_with(own_wall.home, 200)
    publish(store, 300)
    with looking(browser) as look:
        look.page.add_init_script(FASTER)
        look.page.goto(f"{own_wall.url}/?edition=1")
        look.wait_for_edition(1)
        look.wait_for_scenes()
        look.page.wait_for_timeout(1500)  # the ticker and the address follow the panels
        asked = len(look.requests)
        look.page.wait_for_timeout(10_000)  # a panel counts as late after eight seconds
        assert look.page.locator(".is-behind").count() == 0
        callbacks = [url for url in look.requests[asked:] if "_dash-update-component" in url]
        assert callbacks == []
    store.close()


def test_a_damaged_edition_is_said_on_the_wall_and_the_one_before_is_shown(
    browser: Browser, own_wall: Wall
):
    store = store_with(own_wall.home, 200)
    publish(store, 300)
    store.close()
    file = own_wall.home / "editions" / "2.duckdb"
    file.write_bytes(bytes(file.stat().st_size))
    with looking(browser) as look:
        look.page.goto(own_wall.url)
        look.wait_for_edition(1)
        assert "版本 2 已损坏" in look.page.get_by_role("alert").inner_text()
