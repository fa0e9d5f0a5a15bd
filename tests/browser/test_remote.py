"""大屏遥控 in one hand: what a slip must not do, a server away, a token revoked."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.driving import Look, Wall, looking
from tests.browser.hall import Hall
from tests.layouts.small import store_with

pytestmark = pytest.mark.browser
PHONE = (390, 844)
NOW = datetime.now(UTC)


@pytest.fixture
def hall(serve: Callable[[Path], Wall], tmp_path: Path) -> Hall:
    store_with(tmp_path, 200).close()
    return Hall(serve(tmp_path))


@pytest.fixture
def phone(browser: Browser, hall: Hall) -> Iterator[Look]:
    """A phone that has signed in; it may complain of a server that is away."""
    with looking(browser, *PHONE, drawing=None) as look:
        look.page.goto(f"{hall.wall.url}/sign-in/{hall.tokens['remote']}")
        look.page.locator("#scene button").first.wait_for()
        yield look


def pressed(phone: Look, section: str) -> Locator:
    return phone.page.locator(f"#{section} button[aria-pressed='true']")


def test_the_whole_page_fits_a_phone_and_every_button_a_thumb(phone: Look, hall: Hall):
    hall.alert()
    phone.page.locator(".alert").wait_for()
    wide = phone.page.evaluate("document.documentElement.scrollWidth")
    boxes = phone.page.locator("button:visible").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(b => [b.width, b.height])"
    )
    assert wide <= PHONE[0]
    assert len(boxes) > 20 and min(high for _, high in boxes) >= 44


@pytest.mark.parametrize(("section", "name"), [("mode", "战时"), ("occasion", "参观")])
def test_what_changes_the_whole_hall_is_pressed_twice(
    phone: Look, hall: Hall, section: str, name: str
):
    before = hall.told()
    button = phone.page.locator(f"#{section}").get_by_role("button", name=name)
    button.click()
    expect(button).to_have_text(f"再按一次：{name}")
    assert hall.told() == before
    expect(button).to_have_text(name)  # nobody meant it
    button.click()
    button.click()
    expect(pressed(phone, section)).to_have_text(name)
    assert hall.told()[section] != before[section]


def test_a_scene_is_pressed_once(phone: Look, hall: Hall):
    phone.page.get_by_role("button", name="风险预警").click()
    expect(pressed(phone, "scene")).to_have_text("风险预警")
    assert hall.told()["scene"] == "risk"


def test_a_list_that_has_just_changed_takes_no_press(phone: Look, hall: Hall):
    """A new alert moves the others down, and a finger may be on its way."""
    hall.alert()
    phone.page.locator(".alert").wait_for()
    phone.page.evaluate(
        """() => { window.wereOff = false; new MutationObserver(() => { window.wereOff ||=
            [...document.querySelectorAll('.alert button')].every(each => each.disabled); })
            .observe(document.querySelector('#alerts'), {subtree: true, attributes: true}); }"""
    )
    hall.alert(event="洪水", category="Met")
    expect(phone.page.locator(".alert")).to_have_count(2)
    phone.page.wait_for_function("() => window.wereOff")
    expect(phone.page.locator(".alert button:disabled")).to_have_count(0)


def test_a_server_that_is_away_is_said_and_nothing_pretends_to_be_done(phone: Look, hall: Hall):
    hall.wall.stop()
    told = phone.page.locator("#told")
    expect(told).to_contain_text("以下是那时的情况")
    phone.page.get_by_role("button", name="风险预警").click()
    expect(pressed(phone, "scene")).to_have_text("轮流")
    hall.wall.start()
    expect(told).to_have_text("")


def test_a_revoked_phone_is_told_so_and_may_sign_in_anew(phone: Look, hall: Hall):
    hall.devices.revoke("remote", NOW)
    phone.page.locator("#sign-in").wait_for()
    expect(phone.page.locator("#told")).to_have_text("本设备已停用")
    assert phone.page.locator("#remote").is_hidden()
    phone.page.reload()
    phone.page.locator("input[name='token']").fill("nonsense")
    phone.page.get_by_role("button", name="登录").click()
    expect(phone.page.locator("#told")).to_have_text("令牌无效或已吊销")
    token = hall.devices.add("remote", "another", NOW)
    phone.page.locator("input[name='token']").fill(token)
    phone.page.get_by_role("button", name="登录").click()
    phone.page.locator("#remote").wait_for()
